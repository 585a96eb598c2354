"""``zfexplore compare``: which channels of two nets answer alike, and which have no match."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zfexplore.choices import SHIPPED_NET
from zfexplore.cli.options import (
    DEFAULTS,
    DpiOption,
    FontOption,
    FormatOption,
    JsonOption,
    TileOption,
    TitleOption,
    path_if_drawn,
    with_settings_but,
)
from zfexplore.cli.replacing import OverwriteOption, check_replacing
from zfexplore.errors import ExploreError
from zfexplore.settings import Settings

if TYPE_CHECKING:
    from zfexplore.explorer import Explorer
    from zfexplore.studies.records import Comparison, Match

NET = "A checkpoint (.safetensors), `shipped`, or one of torchvision's pretrained nets by name."


@with_settings_but("checkpoint", "net", "weights")
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=NET)],
    b: Annotated[str, typer.Argument(metavar="B", help="The other net, named in the same way.")],
    layer: Annotated[
        str | None,
        typer.Option("--layer", metavar="conv3", help="Which layer.", show_default="a line for each"),
    ] = None,
    other_layer: Annotated[
        str | None,
        typer.Option("--other-layer", metavar="NAME", help="B's layer.", show_default="the same"),
    ] = None,
    count: Annotated[
        int, typer.Option("--count", min=1, metavar="N", help="How many pairs are listed and drawn.")
    ] = 12,
    json: JsonOption = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Draw the pairs with their exemplars.", show_default="none"
        ),
    ] = None,
    tile: TileOption = 80,
    title: TitleOption = None,
    settings: Settings = DEFAULTS,
    form: FormatOption = None,
    dpi: DpiOption = None,
    font: FontOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Match the channels of two nets by the correlation of their image maxima over the same images.

    A channel matches another if each is the other's most alike, above chance. --json holds all pairs.

    Examples: zfexplore compare shipped runs/a/best.safetensors;
    zfexplore compare A.safetensors B.safetensors --layer conv3 --out out/pairs.png
    """
    from zfexplore.drawings import draw_pairs
    from zfexplore.explorer import Explorer
    from zfexplore.showing import comparison_table, match_table, output, print_json, watch

    if layer is None and (out is not None or other_layer is not None):
        option = "--out" if out is not None else "--other-layer"
        raise ExploreError(f"{option} is for one layer: add --layer, as in --layer conv3", usage=True)
    path = path_if_drawn(out, form, dpi, font)
    first, second = (
        Explorer.open(
            replace(settings, checkpoint=None if name == SHIPPED_NET else name), own, pixels=out is not None
        )
        for name, own in ((a, layer), (b, other_layer or layer))
    )
    if layer is None:
        found = [first.compare(second, name) for name in _common(first, second)]
        if json:
            print_json([_values(each) for each in found])
        else:
            output().print(comparison_table(found, f"A is {a}, B is {b}"))
        return
    one = first.compare(second, layer, other_layer=other_layer)
    drawing = None
    if path is not None:
        drawing = draw_pairs(first, second, one, count=count, tile=tile, title=title)
        check_replacing(drawing.made.chunks(path), path, overwrite=overwrite)
    if json:
        print_json(_values(one))
    else:
        output().print(match_table(one, count))
        for line in _alone(one, count):
            output().print(line, markup=False, soft_wrap=True)
    if drawing is not None:
        for written in watch(drawing.events()).printed(form, dpi, font).save(path):
            output().print(f"wrote {written}", markup=False, soft_wrap=True)


def _common(first: Explorer, second: Explorer) -> list[str]:
    stages = first.atlas.stages  # pools repeat the maxima of their convolutions
    names = [name for name in stages if stages[name].kind != "pool" and name in second.atlas.stages]
    if not names:
        raise ExploreError(
            f"the two nets have no layer of the same name: A has {', '.join(first.atlas.stages)}; "
            f"B has {', '.join(second.atlas.stages)}: name one of each with --layer and --other-layer",
            usage=True,
        )
    return names


def _alone(found: Comparison, count: int) -> list[str]:
    """Name the channels without a match, each with what it is most alike all the same."""
    lines = []
    if len(found.matches) > count:
        lines.append(f"and {len(found.matches) - count:,} more pairs; --count shows them")
    for net, alone, dead in (("A", found.unmatched_a, found.dead_a), ("B", found.unmatched_b, found.dead_b)):
        if alone:
            named = ", ".join(
                f"{match.unit.channel} ({match.other.channel}, {match.correlation:.2f})" for match in alone
            )
            lines.append(f"{len(alone):,} only in {net} (and the most alike, not its match): {named}")
        if dead:
            lines.append(f"{len(dead):,} dead in {net}: {', '.join(str(unit.channel) for unit in dead)}")
    return lines


def _values(found: Comparison) -> dict[str, Any]:
    return {
        "layer": found.stage,
        "other_layer": found.other_stage,
        "images": found.images,
        "chance": found.chance,
        "median": found.median,
        "matches": [_pair(match) for match in found.matches],
        "unmatched_a": [_pair(match) for match in found.unmatched_a],
        "unmatched_b": [_pair(match) for match in found.unmatched_b],
        "dead_a": [str(unit) for unit in found.dead_a],
        "dead_b": [str(unit) for unit in found.dead_b],
    }


def _pair(match: Match) -> dict[str, Any]:
    return {"unit": str(match.unit), "other": str(match.other), "correlation": match.correlation}
