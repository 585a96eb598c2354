"""``zfexplore export invariance``: what stays the same when pictures are moved (ZF figure 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from zfexplore.choices import Move
from zfexplore.cli.export import tell
from zfexplore.cli.export_occlusion import class_of
from zfexplore.cli.options import (
    DEFAULTS,
    DpiOption,
    FontOption,
    FormatOption,
    OutOption,
    TitleOption,
    figure_path,
    with_settings,
)
from zfexplore.cli.pictures import pictures_of
from zfexplore.cli.replacing import OverwriteOption, check_replacing
from zfexplore.errors import ExploreError
from zfexplore.settings import Settings

if TYPE_CHECKING:
    from PIL import Image

    from zfexplore.images.pictures import OwnPictures
    from zfexplore.on_pictures import PictureName

MOST_AMOUNTS = 1000  # of one kind of move
AMOUNTS = "FROM:TO:STEP|A,B"


@with_settings
def export_invariance(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE", help="Pictures, or folders, archives and named sets of them.", show_default=False
        ),
    ],
    layer: Annotated[
        list[str] | None,
        typer.Option(
            "--layer", metavar="conv5", help="A layer whose distances are shown; may be given again.",
            show_default="the first, and the last below the classes",
        ),
    ] = None,
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--label", metavar="CLASS", help="The true class by name or number: one for all or one each.",
            show_default="the folder's, where the net has it, else the most probable",
        ),
    ] = None,
    translation: Annotated[
        str | None,
        typer.Option(
            "--translation", metavar=AMOUNTS, help="Pixels downwards.", show_default="-60:60:4 of 224"
        ),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option("--scale", metavar=AMOUNTS, help="Factors.", show_default="1:1.8:0.05"),
    ] = None,
    rotation: Annotated[
        str | None,
        typer.Option(
            "--rotation", metavar=AMOUNTS, help="Degrees counter-clockwise.", show_default="0:350:10"
        ),
    ] = None,
    title: TitleOption = None,
    out: OutOption = None,
    settings: Settings = DEFAULTS,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:  # fmt: skip
    """Shift, enlarge and turn pictures; draw how far the features move and how the class's probability falls.

    The lines are drawn here too, and a table stands beside the figure as CSV and JSON.

    Example: zfexplore export invariance me.jpg you.jpg --layer conv1 --layer fc7
    """
    from zfexplore.cli.lines import lines_of
    from zfexplore.explorer import Explorer
    from zfexplore.images.pictures import OwnPictures
    from zfexplore.showing import output, watch
    from zfexplore.varied import (
        amounts_or_usual,
        class_in_source,
        default_name,
        labels_of,
        made_of,
        vary_pictures,
    )

    words = pictures_of(pictures)
    own = OwnPictures(words)
    typed: dict[Move, str | None] = {"translation": translation, "scale": scale, "rotation": rotation}
    chosen = {kind: amounts_of(kind, text) for kind, text in typed.items() if text is not None}
    named, places = _opened(own)
    names = [name for name, _ in named]
    out = figure_path(out, default_name(names), form, font, beside=[".csv", ".json"])
    explorer = Explorer.open(settings)
    amounts = amounts_or_usual(explorer, None) | chosen
    made = made_of(explorer, names, words=words, labels=label or (), layers=layer or None, amounts=amounts)
    made = made.printed(form, dpi, font)
    check_replacing(
        made.chunks(out), out, out.with_suffix(".csv"), out.with_suffix(".json"), overwrite=overwrite
    )
    labels: Sequence[int | str | None]
    if label:
        # A picture that cannot be read leaves the others their own labels.
        every = labels_of([class_of(one, explorer.checkpoint.metadata.classes) for one in label], len(own))
        labels = [every[place] for place in places]
    else:
        labels = [class_in_source(explorer, own[place].source, own[place].index) for place in places]
    found = watch(vary_pictures(explorer, named, labels, layer or None, amounts, made))
    console = output()
    for line in lines_of(found, console.width, braille=console.encoding.startswith("utf")):
        console.print(line, soft_wrap=True)
    tell(*found.figure(title=title).printed(form, dpi, font).save(out))


def amounts_of(kind: Move, text: str) -> list[float]:
    """Read amounts as they are typed: numbers and ranges FROM:TO:STEP, both ends included, with commas.

    Raises ExploreError for what is neither.
    """
    found: list[float] = []
    for part in text.split(","):
        numbers = [_number(word) for word in part.split(":")]
        if None in numbers or len(numbers) not in (1, 3):
            raise ExploreError(
                f"--{kind} {text} names no amounts: give numbers such as 1,1.5 or a range such as 1:1.8:0.1",
                usage=True,
            )
        first, *rest = [number for number in numbers if number is not None]
        if not rest:
            found.append(first)
            continue
        last, step = rest
        count = (last - first) / step if step else -1.0
        if not 0 <= count < MOST_AMOUNTS:
            raise ExploreError(
                f"--{kind} {text} is no range of 1 to {MOST_AMOUNTS} steps: give FROM:TO:STEP", usage=True
            )
        found += [round(first + step * place, 9) for place in range(int(count + 1e-9) + 1)]
    return [int(one) if one.is_integer() else one for one in found]


def _number(word: str) -> float | None:
    try:
        number = float(word)
    except ValueError:
        return None
    return number if abs(number) < 1e9 else None  # and no NaN


def _opened(own: OwnPictures) -> tuple[list[tuple[PictureName, Image.Image]], list[int]]:
    """Decode the pictures; those that cannot be read are named and left out.

    Gives each with its name, and its number in ``own``. Raises ExploreError if there is none, and for a
    single file that cannot be read.
    """
    from zfexplore.explained import called
    from zfexplore.images.sources import UnreadableImage
    from zfexplore.progress import Finished, Note, Skipped
    from zfexplore.showing import watch

    named: list[tuple[PictureName, Image.Image]] = []
    places: list[int] = []

    def events():  # type: ignore[no-untyped-def]
        yield from (Note(line) for line in own.remarks())
        for place, picture in enumerate(own):
            try:
                named.append((called(picture), picture.open().image))
                places.append(place)
            except UnreadableImage as error:
                yield Skipped(error.name, error.reason)
        yield from (Note(line) for line in own.depth_remarks())
        yield Finished(None)

    if own.alone:
        from zfexplore.cli.pictures import check_readable

        check_readable([own[0].spec])
    watch(events())
    if not named:
        raise ExploreError(f"none of the {len(own):,} pictures could be read")
    return named, places
