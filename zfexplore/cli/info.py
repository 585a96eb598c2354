"""``zfexplore info``: a checkpoint's stages, what their units see, and how it was trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zfexplore.cli.options import (
    CheckpointOption,
    JsonOption,
    NetOption,
    StageOption,
    WeightsOption,
    one_checkpoint,
)
from zfexplore.errors import ExploreError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from zfexplore.convention import InputConvention
    from zfexplore.nets.checkpoint import Checkpoint
    from zfexplore.nets.summary import StageSummary
    from zfexplore.settings import Settings
    from zfexplore.studies.architecture import FilterReport


def info(
    checkpoint: Annotated[
        str | None,
        typer.Argument(
            metavar="[FILE|NAME]",
            help="A checkpoint (.safetensors), any other file of weights, or a pretrained net by name.",
            show_default="the shipped one",
        ),
    ] = None,
    option: CheckpointOption = None,
    net: NetOption = None,
    weights: WeightsOption = None,
    stage: StageOption = None,
    filters: Annotated[
        bool,
        typer.Option(
            "--filters",
            help="In place of the stages, how far apart the filters' RMS lie, and how many are at the cap.",
        ),
    ] = False,
    images: Annotated[
        str | None,
        typer.Option(
            "--images",
            metavar="DIR|NAME",
            help="With --filters: count dead channels over these images.",
            show_default="none",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Print a net's stages, the size of their maps, what their units see, and a checkpoint's metadata.

    Of any other file of weights: what it is, which net it fits, and the command to go on with. Of a net
    that is no plain stack, a star marks the stages that are indexed; --stage chooses others.

    Examples: zfexplore info checkpoints/zfnet.safetensors; zfexplore info --filters --images photos/
    """
    from zfexplore.nets.open import open_net
    from zfexplore.nets.summary import summarise
    from zfexplore.showing import output, print_json, remarks

    checkpoint = one_checkpoint(checkpoint, option)
    if images is not None and not filters:
        raise ExploreError("--images is for --filters", usage=True)
    if filters:
        from zfexplore.settings import Settings

        explored = Settings(checkpoint=checkpoint, net=net, weights=weights, stages=tuple(stage or ()))
        _show_filters(explored, images, json)
        return
    if checkpoint is not None and _is_other_file(Path(checkpoint)):
        _describe(Path(checkpoint), json)
        return
    loaded = open_net(checkpoint, net, weights, stages=stage or ())
    for note in loaded.notes:
        remarks().print(note, markup=False, soft_wrap=True)
    size = loaded.metadata.input.size
    stages = summarise(loaded.net, (size, size))
    if json:
        print_json(_values(loaded, stages))
        return
    # Of a trunk all stages but the lower pools are indexed, which needs no marks.
    starred = bool(loaded.net.structure or stage)
    output().print(_stage_table(loaded, stages, starred=starred))
    output().print(_metadata_table(loaded, stages))


def _is_other_file(file: Path) -> bool:
    """Whether a file is no checkpoint, or one of a net that only the user's code can make."""
    from zfexplore.nets.checkpoint import is_checkpoint, read_checkpoint

    return file.is_file() and (not is_checkpoint(file) or ":" in read_checkpoint(file)[1].architecture)


def _describe(file: Path, json: bool) -> None:
    from dataclasses import asdict

    from rich.table import Table

    from zfexplore.nets.description import describe_file
    from zfexplore.showing import escaped, output, print_json

    described = describe_file(file)
    if json:
        print_json({"file": str(file), **asdict(described)})
        return
    counted = f"{described.tensors:,} with {described.values:,} values: {described.first} .. {described.last}"
    rows = {
        "file": str(file),
        "what": described.kind,
        "tensors": counted if described.tensors else "",
        "net": _pairs({"architecture": described.net or ""} | described.arguments) or described.why,
        "notes": "; ".join(described.notes),
        "go on with": described.go_on,
    }
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, text in rows.items():
        if text:
            table.add_row(name, escaped(text))
    output().print(table)


def _show_filters(settings: Settings, images: str | None, json: bool) -> None:
    """Print what is known of the filters; an atlas of ``images`` is opened, or built."""
    from dataclasses import asdict, replace

    from zfexplore.explorer import Explorer
    from zfexplore.open_settings import open_checkpoint
    from zfexplore.showing import output, print_json
    from zfexplore.studies.architecture import cap_of, filter_reports

    if images is None:
        opened, atlas = open_checkpoint(settings), None
    else:
        explorer = Explorer.open(replace(settings, images=images))
        opened, atlas = explorer.checkpoint, explorer.atlas
    found = filter_reports(opened.net, atlas, cap=cap_of(opened.metadata.recipe))
    if json:
        print_json([asdict(report) for report in found])
        return
    output().print(_filters_table(found, None if atlas is None else atlas.count))


def _filters_table(found: Sequence[FilterReport], images: int | None) -> Table:
    from zfexplore.showing import empty_table, escaped

    over = "" if images is None else f"; dead over {images:,} images"
    table = empty_table(f"Root mean square of the filters, cap {found[0].cap:g}{over}" if found else None)
    table.add_column("stage", style="bold", overflow="fold")
    headings = ["filters", "lowest", "median", "highest", "at the cap", "above it"]
    for heading in headings + ["dead"] * (images is not None):
        table.add_column(heading, justify="right")
    for one in found:
        dead = [] if images is None else ["" if one.dead is None else f"{len(one.dead):,}"]
        table.add_row(
            escaped(one.stage), f"{one.filters:,}", f"{one.lowest:.3g}", f"{one.median:.3g}",
            f"{one.highest:.3g}", f"{one.at_cap:,}", f"{one.above:,}", *dead,
        )  # fmt: skip
    named = [f"{one.stage}: {', '.join(map(str, one.dead))}" for one in found if one.dead]
    if named:
        table.caption, table.caption_justify = escaped("dead: " + "; ".join(named)), "left"
    return table


def _values(checkpoint: Checkpoint, stages: list[StageSummary]) -> dict[str, Any]:
    metadata = checkpoint.metadata
    return {
        "architecture": metadata.architecture,
        "arguments": metadata.arguments,
        "parameters": _count(checkpoint),
        "stages": [_stage_values(stage) for stage in stages],
        "input": metadata.input.to_json(),
        "classes": list(metadata.classes),
        "recipe": metadata.recipe,
        "images": metadata.images,
        "epochs": metadata.epochs,
        "accuracy": metadata.accuracy,
        "versions": metadata.versions,
        "weights_fingerprint": metadata.weights_fingerprint,
    }


def _stage_values(stage: StageSummary) -> dict[str, Any]:
    field = stage.field and {"size": stage.field.size, "jump": stage.field.jump, "start": stage.field.start}
    return {
        "name": stage.name,
        "kind": stage.kind,
        "channels": stage.channels,
        "map": stage.map_size,
        "receptive_field": field,
        "parameters": stage.parameters,
        "indexed": stage.watched,
    }


def _count(checkpoint: Checkpoint) -> int:
    """Count the net's weights and biases; a part that two stages name counts once."""
    return sum(tensor.numel() for tensor in checkpoint.module.parameters())


def _stage_table(checkpoint: Checkpoint, stages: list[StageSummary], *, starred: bool) -> Table:
    from rich import box
    from rich.table import Table

    from zfexplore.showing import escaped

    metadata = checkpoint.metadata
    taken = metadata.input
    table = Table(
        title=escaped(f"{metadata.architecture}, input {taken.channels} x {taken.size} x {taken.size}"),
        title_justify="left", title_style="bold", box=box.SIMPLE_HEAD,
    )  # fmt: skip
    table.add_column("stage", style="bold", overflow="fold")
    for heading in ("channels", f"map at {taken.size}", "sees, pixels", "jump", "start", "parameters"):
        table.add_column(heading, justify="right")
    for stage in stages:
        map_size = f"{stage.map_size[0]} x {stage.map_size[1]}" if stage.kind != "fc" else ""
        parameters = f"{stage.parameters:,}" if stage.parameters else ""
        name = f"{stage.name} *" if starred and stage.watched else stage.name
        table.add_row(escaped(name), f"{stage.channels:,}", map_size, *_seen(stage), parameters)
    table.add_section()
    table.add_row("all", "", "", "", "", "", f"{_count(checkpoint):,}")
    if starred:
        table.caption = "* is indexed; --stage NAME, or a pattern such as 'layer4.*', chooses others"
        table.caption_justify = "left"
    return table


def _seen(stage: StageSummary) -> tuple[str, str, str]:
    """Give what a unit sees, in pixels; (rows, columns) where the two differ."""
    if stage.field is None:
        return ("all" if stage.kind == "fc" else "", "", "")
    if stage.field.jump == (0, 0):
        return ("all", "", "")
    return (_pair(stage.field.size), _pair(stage.field.jump), _pair(stage.field.start))


def _metadata_table(checkpoint: Checkpoint, stages: list[StageSummary]) -> Table:
    from rich.table import Table

    from zfexplore.showing import escaped

    metadata = checkpoint.metadata
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    rows = {
        "net": _pairs({"architecture": metadata.architecture} | metadata.arguments),
        "input": _input_in_words(metadata.input),
        "classes": _classes_in_words(metadata.classes),
        "images": _pairs(metadata.images),
        "recipe": _pairs(metadata.recipe),
        "epochs": f"{metadata.epochs:g}" if metadata.epochs else "",
        "accuracy": _pairs(metadata.accuracy),
        "versions": _pairs(metadata.versions),
        "fingerprint": metadata.weights_fingerprint,
    }
    for name, text in rows.items():
        table.add_row(name, escaped(text) or "not recorded")
    return table


def _pair(pair: tuple[int, int]) -> str:
    return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]} x {pair[1]}"


def _pairs(values: dict[str, Any]) -> str:
    return ", ".join(
        f"{name} {_plain(value)}" for name, value in values.items() if value not in (None, "", {})
    )


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, dict):
        return f"({_pairs(value)})"
    if isinstance(value, list | tuple):
        shown = ", ".join(_plain(item) for item in value[:6])
        return f"[{shown}{', ...' if len(value) > 6 else ''}]"
    return str(value)


def _input_in_words(convention: InputConvention) -> str:
    mean = "the per-pixel mean" if convention.mean_image is not None else _colour(convention.mean)
    colours = {1: "grey", 3: "RGB"}.get(convention.channels, f"{convention.channels} channels")
    divided = "" if set(convention.std) == {1.0} else f", divided by {_colour(convention.std)}"
    colours = {1: "grey", 3: "RGB"}.get(convention.channels, f"{convention.channels} channels")
    return (
        f"{colours}, short side to {convention.resize}, centre {convention.size} x {convention.size}, "
        f"0..{convention.scale:g} less {mean}{divided}"
    )


def _colour(values: tuple[float, ...]) -> str:
    if len(set(values)) == 1:
        return f"{values[0]:.4g}"
    return f"({', '.join(f'{value:.4g}' for value in values)})"


def _classes_in_words(classes: tuple[str, ...]) -> str:
    if not classes:
        return "none"
    shown = ", ".join(classes[:6])
    return f"{len(classes):,}: {shown}{', ...' if len(classes) > 6 else ''}"
