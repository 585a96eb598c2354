"""``zfexplore export renormalised``: the first layer's filters with and without renormalisation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zfexplore.cli.options import DpiOption, FontOption, FormatOption, OutOption, TitleOption, figure_path
from zfexplore.cli.replacing import OverwriteOption, check_replacing

if TYPE_CHECKING:
    from zfexplore.figures.figure import Made
    from zfexplore.figures.renormalised import Side
    from zfexplore.nets.checkpoint import Checkpoint
    from zfexplore.studies.architecture import FilterReport

NAME = "renormalised.png"
TITLE = "Filters with and without renormalisation"
CAPTION = "the first layer's filters, all of a side on one scale, so that a filter that dominates stands out"


def export_renormalised(
    a: Annotated[
        str,
        typer.Argument(metavar="A", help="A checkpoint, best of a training without: train --max-rms 0."),
    ],
    b: Annotated[
        str | None,
        typer.Argument(
            metavar="[B]", help="Another, of a training with it.", show_default="A's filters, renormalised"
        ),
    ] = None,
    cap: Annotated[
        float | None,
        typer.Option(
            "--cap", metavar="X", help="The root mean square that filters are held to.",
            show_default="the recipe's, or 0.1",
        ),
    ] = None,
    title: TitleOption = None,
    out: OutOption = None,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:  # fmt: skip
    """Draw the first layer's filters twice, each side on one scale, and write their RMS as CSV.

    Example: zfexplore export renormalised without.safetensors with.safetensors --out out/renormalised.png
    """
    from zfexplore.figures.renormalised import renormalised_figure
    from zfexplore.figures.rows import FigureWithRows
    from zfexplore.nets.checkpoint import load_checkpoint
    from zfexplore.showing import output, remarks
    from zfexplore.studies.architecture import cap_of, checked_cap, first_kernels, renormalised

    path = figure_path(out, NAME, form, font, beside=[".csv"])
    nets = [load_checkpoint(name) for name in (a, b) if name is not None]
    held_to = checked_cap(cap_of(nets[-1].metadata.recipe) if cap is None else cap)
    options: dict[str, object] = {"--cap": cap, "--title": title, "--out": None}
    made = _made(nets, [a] if b is None else [a, b], options, title)
    check_replacing(made.chunks(path), path, path.with_suffix(".csv"), overwrite=overwrite)
    kernels = [first_kernels(net.net) for net in nets]
    names = [Path(a).name, f"the same, renormalised to {held_to:g}"]
    if b is None:
        kernels.append(renormalised(kernels[0], held_to))
    else:
        names[1] = Path(b).name
        if names[0] == names[1]:  # two runs' checkpoint.safetensors, say
            names = [a, b]
        if kernels[0].shape == kernels[1].shape and (kernels[0] == kernels[1]).all():
            told = "both nets have the same filters to the last bit, as where no filter has reached the cap"
            remarks().print(told, markup=False, soft_wrap=True)
    sides, rows = _sides(names, kernels, held_to)
    figure = FigureWithRows(
        renormalised_figure(sides, title=title or TITLE, subtitle=CAPTION), made, {}, rows
    )
    for written in figure.printed(form, dpi, font).save(path):
        output().print(f"wrote {written}", markup=False, soft_wrap=True)


def _sides(names: list[str], kernels: list[Any], cap: float) -> tuple[list[Side], list[dict[str, Any]]]:
    """Give both sides of the figure, and a row for every filter."""
    from zfexplore.figures.display import in_colours
    from zfexplore.figures.renormalised import Side
    from zfexplore.studies.architecture import report, rms_of

    sides, rows = [], []
    for name, filters in zip(names, kernels, strict=True):
        rms = rms_of(filters)
        sides.append(Side(name, in_words(report("conv1", rms, cap)), in_colours(filters)))
        rows += [{"net": name, "filter": number, "rms": float(value)} for number, value in enumerate(rms)]
    return sides, rows


def in_words(found: FilterReport) -> str:
    """Tell the spread of the filters, and how many sit at the cap or beyond it."""
    return (
        f"RMS {found.lowest:.2g} to {found.highest:.2g}, median {found.median:.2g} · at {found.cap:g}: "
        f"{found.at_cap}, above: {found.above} of {found.filters}"
    )


def _made(nets: list[Checkpoint], names: list[str], options: dict[str, object], title: str | None) -> Made:
    """Give the origin of the figure: the nets' weights, and the images that trained the first."""
    from zfexplore.figures.figure import Made
    from zfexplore.figures.provenance import Origin
    from zfexplore.settings import Command

    metadata = nets[0].metadata
    count, images = (metadata.images.get(key) for key in ("count", "fingerprint"))
    origin = Origin(
        metadata.architecture, " ".join(net.metadata.weights_fingerprint for net in nets), "",
        str(images or "not recorded"), count if isinstance(count, int) else 0,
    )  # fmt: skip
    return Made(origin, Command(("export", "renormalised", *names), options), title or TITLE, NAME)
