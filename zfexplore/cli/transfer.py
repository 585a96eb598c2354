"""``zfexplore transfer``: how well each stage's features serve other classes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from zfexplore.cli.options import (
    DEFAULTS,
    DpiOption,
    FontOption,
    FormatOption,
    JsonOption,
    TitleOption,
    path_if_drawn,
    with_settings_but,
)
from zfexplore.cli.replacing import OverwriteOption, check_replacing
from zfexplore.errors import ExploreError
from zfexplore.settings import Settings


@with_settings_but("fit", "rule")
def transfer(
    per_class: Annotated[
        str,
        typer.Option("--per-class", metavar="N", help="Training images a class, or several such numbers."),
    ] = "15,30",
    splits: Annotated[
        int, typer.Option("--splits", min=1, metavar="N", help="How often the images are drawn anew.")
    ] = 5,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Decides which are drawn.")] = 0,
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="CLASS", help="Leave a class out; may be repeated."),
    ] = None,
    json: JsonOption = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Draw the accuracies, with a CSV beside.", show_default="none"
        ),
    ] = None,
    title: TitleOption = None,
    settings: Settings = DEFAULTS,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Train a linear classifier on each layer's features, as the paper's table 7 does.

    The net stays as it is. The accuracy is the mean over the classes, on at most 50 other images of each.
    --images is a folder with one subfolder a class; --stage chooses the layers.

    Example: zfexplore transfer --images caltech101/ --exclude BACKGROUND_Google --out out/transfer.png
    """
    from zfexplore.explorer import Explorer
    from zfexplore.open_settings import open_settings
    from zfexplore.showing import output, print_json, transfer_table, watch
    from zfexplore.study_figures import transfer_made

    path = path_if_drawn(out, form, dpi, font, beside=[".csv"])
    sizes = _numbers(per_class)
    explorer = Explorer.of(settings, *open_settings(settings, pixels=True))
    asked: dict[str, Any] = {
        "per_class": sizes,
        "splits": splits,
        "seed": seed,
        "exclude": tuple(exclude or ()),
    }
    made = None if path is None else transfer_made(explorer, **asked, title=title)
    if path is not None and made is not None:
        check_replacing(made.chunks(path), path, path.with_suffix(".csv"), overwrite=overwrite)
    found = watch(explorer.transferring(**asked))
    if json:
        print_json(found.rows())
    else:
        output().print(transfer_table(found))
        over = f"{splits} splits" if splits > 1 else "one split"
        told = f"mean accuracy of a class, over {over}; guessing scores {found.chance:.1%}"
        output().print(told, markup=False, soft_wrap=True)
    if made is not None:
        from zfexplore.figures.transfer import TransferFigure

        for written in TransferFigure.draw(found, made).printed(form, dpi, font).save(path):
            output().print(f"wrote {written}", markup=False, soft_wrap=True)


def _numbers(text: str) -> list[int]:
    try:
        return [int(word) for word in text.split(",")]
    except ValueError:
        raise ExploreError(f"--per-class takes numbers such as 15,30, not {text!r}", usage=True) from None
