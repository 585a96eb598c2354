"""Options that several commands share, so that they read and mean the same everywhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from zfexplore.choices import DEFAULT_IMAGES, FigureFormat, Fit, Rule
from zfexplore.errors import ExploreError
from zfexplore.settings import Settings

if TYPE_CHECKING:
    from zfexplore.training.data import Joined


def typed(context: typer.Context, name: str | None) -> bool:
    """Whether an option was given, rather than left at its default."""
    source = context.get_parameter_source(name or "")
    return source is not None and source.name == "COMMANDLINE"


def name_over_folder(context: typer.Context, option: typer.CallbackParam, value: str | list[str]) -> object:
    """Print a remark if a name was typed and a folder here has the same name; the name is taken."""
    for spec in [value] if isinstance(value, str) else value:
        if typed(context, option.name) and Path(spec).is_dir():
            from zfexplore.images.open import is_name
            from zfexplore.showing import remarks

            if is_name(spec):
                told = f"--images {spec} is the set of that name; write ./{spec} for the folder here"
                remarks().print(told, markup=False, soft_wrap=True)
    return value


ImagesOption = Annotated[
    str,
    typer.Option(
        "--images",
        metavar="DIR|NAME",
        help="A folder, zip or tar of images (flat or in classes), or a named set; see `zfexplore images`.",
        callback=name_over_folder,
    ),
]
CheckpointOption = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        metavar="FILE|NAME",
        help="A checkpoint (.safetensors), or one of torchvision's pretrained nets by name.",
        show_default="the shipped one",
    ),
]
DeviceOption = Annotated[
    str, typer.Option("--device", metavar="auto|cpu|cuda|cuda:1", help="Where to compute.")
]
LimitOption = Annotated[
    int | None, typer.Option("--limit", min=1, metavar="N", help="Use only the first N images.")
]
FitOption = Annotated[
    Fit, typer.Option("--fit", help="Crop the centre square as the paper does, or letterbox the whole image.")
]
NetOption = Annotated[
    str | None,
    typer.Option(
        "--net",
        metavar="NAME|timm:NAME|package.module:factory",
        help="Any net with ReLUs in place of a checkpoint: torchvision's, timm's, or one of your own.",
        show_default="the checkpoint's",
    ),
]
WeightsOption = Annotated[
    str | None,
    typer.Option(
        "--weights",
        metavar="FILE|torchvision",
        help="What --net is loaded with: a file, or torchvision's pretrained weights.",
        show_default="random weights",
    ),
]
StageOption = Annotated[
    list[str] | None,
    typer.Option(
        "--stage",
        metavar="NAME|PATTERN",
        help="A layer to index, or several by a pattern such as 'layer4.*'; may be given again.",
        show_default="the last ReLU of every block",
    ),
]
RuleOption = Annotated[
    Rule,
    typer.Option(
        "--rule", help="What comes back through a ReLU: the deconvnet's signal, guided, or a gradient."
    ),
]
_FORMATS: tuple[str, ...] = get_args(FigureFormat)
OutOption = Annotated[
    Path | None,
    typer.Option("--out", metavar="FILE", help="Where to write.", show_default="below out/"),
]
TileOption = Annotated[
    int, typer.Option("--tile", min=16, max=512, metavar="PIXELS", help="Edge of one picture in the figure.")
]
FormatOption = Annotated[
    FigureFormat | None,
    typer.Option("--format", help="[default: what --out ends in, or png]", show_default=False),
]
DpiOption = Annotated[
    int | None,
    typer.Option(
        "--dpi", min=10, max=2400, metavar="N",
        help="Pixels that make an inch in print.", show_default="150 in svg and pdf, none in png",
    ),
]  # fmt: skip
FontOption = Annotated[
    Path | None,
    typer.Option("--font", metavar="FILE", help="A TrueType or OpenType font.", show_default="Aileron"),
]
TitleOption = Annotated[
    str | None, typer.Option("--title", help="The heading.", show_default="what is shown")
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Fixes every random choice.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
DownloadOption = Annotated[
    bool, typer.Option("--download", help="Let torchvision fetch the set if it is not there.")
]
LabelsOption = Annotated[
    str | None,
    typer.Option(
        "--labels",
        metavar="FILE",
        help="The classes of the images: a table name,label, or lines `path index` as in train.txt.",
    ),
]


def open_joined(
    images: list[str],
    exclude: list[str],
    limit: int | None,
    download: bool,
    labels: str | None,
    *,
    tell: bool = True,
) -> Joined:
    """Open several sources as one, and ``tell`` what they leave out; raises ExploreError as they do."""
    from zfexplore.images.open import open_images
    from zfexplore.images.remarks import remarks as remarks_on
    from zfexplore.showing import remarks
    from zfexplore.training.data import Joined

    if labels is not None and len(images) > 1:
        raise ExploreError(
            f"--labels is for one folder, not for {len(images)}: give --images once", usage=True
        )
    sources = [open_images(spec, limit=limit, download=download, labels=labels) for spec in images]
    for source in sources:
        for line in remarks_on(source) if tell else ():
            remarks().print(line, markup=False, soft_wrap=True)
    return Joined(sources, exclude)


DEFAULTS = Settings()


def _settings(
    images: ImagesOption = DEFAULT_IMAGES,
    checkpoint: CheckpointOption = None,
    net: NetOption = None,
    weights: WeightsOption = None,
    stage: StageOption = None,
    rule: RuleOption = "deconv",
    limit: LimitOption = None,
    fit: FitOption = "crop",
    device: DeviceOption = "auto",
    download: DownloadOption = False,
    labels: LabelsOption = None,
) -> Settings:
    """Turn the options that say what is explored into settings."""
    return Settings(
        images, checkpoint, limit, fit, device, download, labels,
        net=net, weights=weights, stages=tuple(stage or ()), rule=rule,
    )  # fmt: skip


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say what is explored, in place of its parameter ``settings``.

    An option that the command has under the same name stands in place of the shared one, and is the
    command's own matter.
    """
    return with_settings_but()(command)


def with_settings_but(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Do the same as ``with_settings``, but leave the options ``without`` out: they keep their defaults."""
    return partial(_with_settings, without=without)


def _with_settings(command: Callable[..., None], without: Sequence[str]) -> Callable[..., None]:
    own = inspect.signature(command, eval_str=True).parameters
    every = inspect.signature(_settings, eval_str=True).parameters
    shared = {name: parameter for name, parameter in every.items() if name not in without}
    listed = [own.get(name, parameter) for name, parameter in shared.items()]

    def run(**given: Any) -> None:
        settings = _settings(**{name: given.pop(name) for name in shared if name not in own})
        command(**given, settings=settings)

    parameters = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in own.items()
        if name not in shared
        for each in (listed if name == "settings" else [parameter])
    ]
    described: Any = run
    described.__name__, described.__doc__ = command.__name__, command.__doc__
    described.__module__ = command.__module__
    described.__signature__ = inspect.Signature(parameters)
    described.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def figure_path(
    out: Path | None, name: str, form: FigureFormat | None, font: Path | None, *, beside: Sequence[str] = ()
) -> Path:
    """Give the file for a figure, PNG, SVG or PDF, by default ``name`` below out/, and take the ``font``.

    ``beside`` are the endings of files that are written with it. Raises ExploreError (usage) before the work:
    for a file that cannot be written, an ``out`` that ends otherwise than ``form``, and a PDF without fpdf2.
    """
    from zfexplore.files import check_file

    path = out if out is not None else Path("out") / Path(name).with_suffix(f".{form or 'png'}")
    ending = path.suffix.lower().lstrip(".")
    if (form is not None and ending != form) or (ending not in _FORMATS and not path.is_dir()):
        if form is None:
            raise ExploreError(
                f"a figure is a PNG file: --out {path} must end in .png, or in .svg or .pdf", usage=True
            )
        raise ExploreError(f"--format {form} writes no {path.name}: --out must end in .{form}", usage=True)
    check_file(path, example=name)
    for each in beside:
        check_file(path.with_suffix(each))
    take_print(ending, font)
    return path


def path_if_drawn(
    out: Path | None, form: FigureFormat | None, dpi: int | None, font: Path | None, *,
    beside: Sequence[str] = (),
) -> Path | None:  # fmt: skip
    """Do the same as ``figure_path`` for a figure that is drawn only where ``out`` is given; else None.

    Raises ExploreError (usage) as it does, and for an option of a figure that is not drawn.
    """
    if out is not None:
        return figure_path(out, "", form, font, beside=beside)
    for option, value in (("--format", form), ("--dpi", dpi), ("--font", font)):
        if value is not None:
            raise ExploreError(f"{option} is for a figure: say with --out where to draw it", usage=True)
    return None


def take_print(form: str | None, font: Path | None) -> None:
    """Draw in ``font`` from now on; raises ExploreError (usage) if it is none, or for a PDF without fpdf2."""
    from zfexplore.figures.text import use_font
    from zfexplore.figures.vectors import check_pdf

    use_font(font)
    if form == "pdf":
        check_pdf()


def one_checkpoint(position: str | None, option: str | None) -> str | None:
    """Give the checkpoint that was named, by its place or by ``--checkpoint``.

    Raises ExploreError (usage) where both name one, and not the same.
    """
    if position is not None and option is not None and position != option:
        raise ExploreError(f"two checkpoints are given, {position} and {option}: give one", usage=True)
    return option if position is None else position
