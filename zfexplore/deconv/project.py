"""One name for all ways back to pixels: the windows or the textbook for a plain stack, a rule for any net.

For the deconvnet of a plain stack, counting decides which of the two is faster.

On a CPU the windowed one always multiplies less. The dense one starts fewer operations, because it takes
all rows together, while windows that are clipped differently go one after the other. On a GPU both take
all rows together; the windowed one starts more operations a step, for it gathers what the windows hold.
"""

from __future__ import annotations

from typing import Literal, get_args

from zfexplore.choices import Method, Rule
from zfexplore.deconv import dense, rules, together, windowed
from zfexplore.deconv.request import Channels, Images, Positions, Projection, Request, read_request
from zfexplore.deconv.windows.geometry import has_windows, unclipped_cost, whole_cost, window_cost
from zfexplore.errors import ExploreError
from zfexplore.nets.net import Net
from zfexplore.nets.trunk import Trunk

# What starting one operation costs, in multiplications that the device could do meanwhile: about
# 10 microseconds at 5e10 a second on a core. On a GPU it is measured, by `python -m benchmarks --device cuda
# --only deconv`: on an H200 3e8 to 1e9 choose the faster one of conv1 to pool5 for 1, 9, 64 and 512 units.
START = {"cpu": 500_000, "cuda": 500_000_000}
# Operations that a batch of rows starts on a GPU, a step.
STARTED_DENSE, STARTED_WINDOWED = 4, 7


def project(
    net: Net,
    images: Images,
    stage: str,
    channels: Channels,
    positions: Positions = None,
    *,
    method: Method = "auto",
    rule: Rule = "deconv",
) -> Projection:
    """Bring one unit a row back to pixels; ``dense.project`` describes arguments and result in full.

    ``rule`` is what comes back through a ReLU (``rules.py``). A net that is no trunk, or another rule than
    the deconvnet's, goes by automatic derivatives. For the deconvnet of a trunk, ``method`` forces the
    reference (``"dense"``) or the windows (``"windowed"``). The two agree to rounding, except where two
    pixels of a pooling window are equal up to the last bits: there each may choose another one. Raises
    ExploreError for what does not exist, naming what does.
    """
    if method not in get_args(Method):
        raise ExploreError(f"method must be auto, dense or windowed, not {method!r}", usage=True)
    images, request = read_request(net, images, stage, channels, positions)
    if rule != "deconv" or not isinstance(net, Trunk):
        if method != "auto":
            raise ExploreError(
                f"the {method} method is for the deconvnet of a plain stack: leave it out here",
                usage=True,
            )
        return rules.project_request(net, images, request, rule)
    if method == "auto":
        method = choose(net, request)
    if method == "dense":
        return dense.project_request(net, images, request)
    return windowed.project_request(net, images, request)


def choose(trunk: Trunk, request: Request) -> Literal["dense", "windowed"]:
    """Choose the one that does less work for these rows on the trunk's device."""
    if request.whole_map or not has_windows(trunk, request.stage):
        return "dense"
    if trunk.device.type == "cuda":
        return _choose_on_gpu(trunk, request)
    height, width = trunk.map_size(request.stage.name, request.size)
    widest = trunk.windows(request.stage.name, height // 2, width // 2, request.size)
    windows = 2 * len(request) * window_cost(trunk, request.stage, widest)
    runs = len(request) + len(request.image.unique())  # back once a row, forward once an image
    whole = runs * whole_cost(trunk, request.stage, request.size)
    # Each direction takes about three operations a step; rows clipped differently start their own.
    start = 6 * request.stage.end * START.get(trunk.device.type, START["cpu"])
    portions = len(dense.portions(trunk, len(request)))
    return "windowed" if windows + len(request) * start < whole + portions * start else "dense"


def _choose_on_gpu(trunk: Trunk, request: Request) -> Literal["dense", "windowed"]:
    """Choose by the way back alone: the images run up whole for both."""
    steps, count = trunk.steps[: request.stage.end], len(request)
    windows = count * unclipped_cost(trunk, request.stage)
    whole = count * whole_cost(trunk, request.stage, request.size)
    start = len(steps) * START["cuda"]
    windows += len(together.batches(steps, count)) * STARTED_WINDOWED * start
    whole += len(dense.portions(trunk, count)) * STARTED_DENSE * start
    return "windowed" if windows < whole else "dense"
