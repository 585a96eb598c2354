"""``zfexplore export gradients``: which initialisation vanishes, which explodes, and which learns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from zfexplore.choices import DEFAULT_IMAGES
from zfexplore.cli.options import (
    DeviceOption,
    DownloadOption,
    DpiOption,
    FontOption,
    FormatOption,
    LabelsOption,
    LimitOption,
    OutOption,
    SeedOption,
    TitleOption,
    figure_path,
    name_over_folder,
    open_joined,
)
from zfexplore.cli.replacing import OverwriteOption, check_replacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rich.table import Table

    from zfexplore.figures.figure import Made
    from zfexplore.figures.rows import FigureWithRows
    from zfexplore.studies.starts import Beginnings
    from zfexplore.training.data import Joined

NAME = "gradients.png"


def export_gradients(
    images: Annotated[
        list[str],
        typer.Option(
            "--images",
            metavar="DIR|NAME",
            help="Images in classes: a folder of subfolders, or a named set; may be repeated.",
            callback=name_over_folder,
        ),
    ] = [DEFAULT_IMAGES],  # noqa: B006
    exclude: Annotated[
        list[str] | None,
        typer.Option("--exclude", metavar="CLASS", help="Leave a class out; may be repeated."),
    ] = None,
    steps: Annotated[
        int, typer.Option("--steps", min=1, metavar="N", help="Steps from each of the twelve starts.")
    ] = 300,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, metavar="N", help="Images a step.")] = 16,
    size: Annotated[
        int, typer.Option("--size", metavar="PIXELS", help="The network's input; the paper's is 224.")
    ] = 64,
    fc: Annotated[
        int, typer.Option("--fc", min=1, metavar="N", help="The width of fc6 and fc7; the paper's is 4096.")
    ] = 1024,
    title: TitleOption = None,
    out: OutOption = None,
    limit: LimitOption = None,
    download: DownloadOption = False,
    labels: LabelsOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=0, metavar="N", help="Processes that decode. [default: one a core]"),
    ] = None,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Take the same steps from twelve starts; draw each layer's gradients, and write all steps as CSV.

    The starts are a constant 0.01, a normal distribution of 0.01, and Xavier's; inputs in [0, 1] and in
    [-128, 128]; rates of 1e-2 and 1e-4. Ctrl-C draws those that are complete, and the same command goes on
    after them: each is kept in your cache folder.

    Example: zfexplore export gradients --images photos/ --steps 300 --out out/gradients.png
    """
    from zfexplore.atlas.build import Unkept
    from zfexplore.figures.gradients import gradients_figure
    from zfexplore.figures.rows import FigureWithRows
    from zfexplore.showing import output, remarks, watch
    from zfexplore.studies.initialisation import gradients

    path = figure_path(out, NAME, form, font, beside=[".csv"])
    source = open_joined(images, exclude or [], limit, download, labels)
    options = {
        "--images": tuple(images), "--exclude": tuple(exclude or ()), "--steps": steps,
        "--batch-size": batch_size, "--size": size, "--fc": fc, "--title": title, "--out": None,
        "--limit": limit, "--labels": labels, "--seed": seed,
    }  # fmt: skip
    made = _made(source, options, title, seed).printed(form, dpi, font)
    check_replacing(made.chunks(path), path, path.with_suffix(".csv"), overwrite=overwrite)
    so_far: list[Beginnings] = []
    kept = True

    def drawn(found: Beginnings) -> FigureWithRows:
        return FigureWithRows(gradients_figure(found, title=title), made, {}, rows=found.rows())

    def note(event: Beginnings) -> str:
        so_far[:] = [event]
        run = event.runs[-1]
        return f"{run.start}: {run.outcome(event.blind)}"

    def events() -> Iterator[Any]:
        nonlocal kept
        for event in gradients(
            source, steps=steps, batch_size=batch_size, size=size, fc=fc, seed=seed, device=device,
            workers=workers, keep=True,
        ):  # fmt: skip
            kept = kept and not isinstance(event, Unkept)
            yield event

    try:
        found = watch(events(), other=note)
    except KeyboardInterrupt:
        if so_far:
            told = (
                f"interrupted: {len(so_far[0].runs)} of 12 starts are {_kept_partly(drawn(so_far[0]), path)}"
            )
            goes_on = "; the same command goes on after them" if kept else ""
            remarks().print(told + goes_on, markup=False, soft_wrap=True)
        raise
    output().print(_table(found))
    for written in drawn(found).save(path):
        output().print(f"wrote {written}", markup=False, soft_wrap=True)


def _kept_partly(figure: FigureWithRows, path: Path) -> str:
    """Write the figure beside ``path`` as far as it is, and say where; not over what is not ours."""
    from zfexplore.figures.replacing import difference

    partial = path.with_name(f"{path.stem}-partial{path.suffix}")
    chunks = figure.chunks(path)
    for file in (partial, partial.with_suffix(".csv")):
        if (reason := difference(file, chunks)) is not None:
            return f"complete, but not drawn: {file} {reason}"
    figure.save(partial)
    return f"in {partial}"


def _made(source: Joined, options: dict[str, object], title: str | None, seed: int) -> Made:
    """Give the origin of the figure: no weights that a file has, and no index, but the images."""
    from zfexplore.figures.figure import Made
    from zfexplore.figures.provenance import Origin
    from zfexplore.settings import Command

    images = source.fingerprint()
    origin = Origin("zfnet", f"fresh weights of seed {seed}", images, images, len(source))
    return Made(origin, Command(("export", "gradients"), options), title or "How a net begins", NAME)


def _table(found: Beginnings) -> Table:
    from zfexplore.showing import empty_table

    table = empty_table(f"{len(found.runs)} starts; a guess that looks at no image: loss {found.blind:.2f}")
    for heading in ("weights", "input"):
        table.add_column(heading, style="bold")
    for heading in ("rate", "gradient", "first loss", "highest", "last", "moved"):
        table.add_column(heading, justify="right")
    table.add_column("outcome")
    for run in found.runs:
        share = max(share for name, share in zip(run.stages, run.moved, strict=True) if "conv" in name)
        moved = f"{share:.2%}" if share < 100 else f"{share:.0e} times"
        table.add_row(
            run.start.weights, run.start.input, f"{run.start.rate:g}", f"{run.gradient:.2g}",
            f"{run.losses[0]:.3g}", f"{max(run.losses):.3g}", f"{run.last_loss:.3g}", moved,
            run.outcome(found.blind),
        )  # fmt: skip
    table.caption = "gradient and moved: of the convolution that has the most"
    table.caption_justify = "left"
    return table
