"""``zfexplore top``: a layer's strongest channels, or the strongest places of one channel."""

from __future__ import annotations

from typing import Annotated

import typer

from zfexplore.choices import RankedBy
from zfexplore.cli.options import DEFAULTS, JsonOption, with_settings
from zfexplore.errors import ExploreError
from zfexplore.settings import Settings


@with_settings
def top(
    what: Annotated[
        str,
        typer.Argument(metavar="LAYER|CHANNEL", help="A layer, as in conv5, or a channel, as in conv5:130."),
    ],
    by: Annotated[
        RankedBy,
        typer.Option(
            "--by",
            help="What channels are ranked by: mean or max of the image maxima, selectivity for one class, "
            "rarity of firing, striking: strong on a few images that look alike, and unlike the ones before.",
        ),
    ] = "mean",
    count: Annotated[int, typer.Option("--count", min=1, metavar="N", help="How many channels.")] = 20,
    alike: Annotated[
        bool, typer.Option("--alike", help="Of a channel: the channels that fire on the same images.")
    ] = False,
    json: JsonOption = False,
    settings: Settings = DEFAULTS,
) -> None:
    """List the strongest channels of a layer, or the images and places that excite one channel most.

    Indexes the images first if that has not been done.

    With --alike, list the channels of its layer by how much their image maxima correlate with its own:
    r over n images, and on how many both fire.

    Examples: zfexplore top conv5 --by selectivity; zfexplore top conv5:130 --images photos/;
    zfexplore top conv5:130 --alike
    """
    from zfexplore.explorer import Explorer
    from zfexplore.showing import output, print_json
    from zfexplore.units import Unit

    unit = Unit.parse(what) if ":" in what else None
    if alike and unit is None:
        raise ExploreError(f"--alike is of a channel, not of a layer: write {what}:0", usage=True)
    layer, channels = (what, "all") if unit is None else (unit.stage, str(unit.channel))
    explorer = Explorer.open(settings, layer, channels)
    records = explorer.top_alike(what, count=count) if alike else explorer.top(what, by=by, count=count)
    if not json:
        output().print(records.table())
    elif unit is None or alike:
        print_json(records)
    else:
        print_json(explorer.known(unit) | {"places": records})
