"""The networks by name. The table is readable without torch; a net is made when it is asked for.

``zfnet`` is ours; the others are torchvision's. Torchvision downloads their pretrained ImageNet weights
once and keeps them in its own folder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError

if TYPE_CHECKING:
    from torch import nn

# Name: what it is, for help texts and for error messages.
NETS = {
    "zfnet": "Zeiler and Fergus 2013",
    "alexnet": "Krizhevsky 2014, torchvision's single-column net",
    "vgg11": "Simonyan and Zisserman 2014, 8 convolutions",
    "vgg13": "Simonyan and Zisserman 2014, 10 convolutions",
    "vgg16": "Simonyan and Zisserman 2014, 13 convolutions",
    "vgg19": "Simonyan and Zisserman 2014, 16 convolutions",
}
ZFNET_ARGUMENTS = ("classes", "fc", "norm", "dropout")
TORCHVISION_ARGUMENTS = ("num_classes", "dropout")
# The nets whose weights torchvision can download.
PRETRAINED = tuple(name for name in NETS if name != "zfnet")

# torchvision's transforms for these nets: short side 256, centre 224, (rgb - mean) / std in [0, 1].
IMAGENET_INPUT = InputConvention(
    size=224, resize=256, scale=1.0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)


def make_net(name: str, arguments: dict[str, Any]) -> nn.Module:
    """Make a net with fresh weights; ``arguments`` are those of its constructor that shape it.

    Raises ExploreError for a name that is not in ``NETS`` or arguments that the net does not take.
    """
    constructor = _constructor(name)
    # The arguments may come from a checkpoint's metadata: ``weights`` would make torchvision download a file.
    taken = ZFNET_ARGUMENTS if name == "zfnet" else TORCHVISION_ARGUMENTS
    if unknown := [argument for argument in arguments if argument not in taken]:
        raise ExploreError(f"the net {name} cannot be made with {unknown[0]!r}: it takes {', '.join(taken)}")
    try:
        return constructor(**arguments)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ExploreError(f"the net {name} cannot be made with {arguments}: {error}") from error


def pretrained_net(name: str) -> tuple[nn.Module, tuple[str, ...]]:
    """Give one of torchvision's nets with its ImageNet weights, and its 1000 class names.

    The first use downloads the weights. Raises ExploreError, which says what to do, when that fails.
    """
    if name not in PRETRAINED:
        raise ExploreError(f"{name!r} has no pretrained weights: choose {', '.join(PRETRAINED)}", usage=True)
    from torchvision import models

    weights = models.get_model_weights(name).DEFAULT
    try:
        net = models.get_model(name, weights=weights)
    except (OSError, RuntimeError) as error:
        raise ExploreError(
            f"torchvision's weights for {name} cannot be downloaded ({error}); with a network, try again, "
            f"or put the file of {weights.url} into torch's folder hub/checkpoints"
        ) from error
    return net.eval(), tuple(weights.meta["categories"])


def _constructor(name: str) -> Callable[..., nn.Module]:
    if name not in NETS:
        raise ExploreError(f"there is no net called {name!r}: choose {', '.join(NETS)}", usage=True)
    if name == "zfnet":
        from zfexplore.nets.zfnet import ZFNet

        return ZFNet
    from torchvision import models

    return getattr(models, name)
