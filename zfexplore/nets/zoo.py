"""The networks by name. The table is readable without torch; a net is made when it is asked for.

``zfnet`` is ours; the others are torchvision's, every one that classifies with ReLUs. Torchvision
downloads their pretrained ImageNet weights once and keeps them in torch's own folder.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from zfexplore.arguments import shown
from zfexplore.choices import FirstLayer, Normalisation
from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.plain import UNFIT, flag, listed, maybe, number, one_of, whole

if TYPE_CHECKING:
    from torch import Tensor, nn

# Name: what it is, for help texts and for error messages.
NETS = {
    "zfnet": "Zeiler and Fergus 2013",
    "alexnet": "Krizhevsky 2014, torchvision's single-column net",
    "vgg11": "Simonyan and Zisserman 2014, 8 convolutions",
    "vgg13": "Simonyan and Zisserman 2014, 10 convolutions",
    "vgg16": "Simonyan and Zisserman 2014, 13 convolutions",
    "vgg19": "Simonyan and Zisserman 2014, 16 convolutions",
    "vgg11_bn": "vgg11 with batch normalisation",
    "vgg13_bn": "vgg13 with batch normalisation",
    "vgg16_bn": "vgg16 with batch normalisation",
    "vgg19_bn": "vgg19 with batch normalisation",
    "googlenet": "Szegedy 2014, Inception v1",
    "inception_v3": "Szegedy 2015, input 299 x 299",
    "resnet18": "He 2015, 18 layers",
    "resnet34": "He 2015, 34 layers",
    "resnet50": "He 2015, 50 layers",
    "resnet101": "He 2015, 101 layers",
    "resnet152": "He 2015, 152 layers",
    "wide_resnet50_2": "Zagoruyko 2016, resnet50 twice as wide",
    "wide_resnet101_2": "Zagoruyko 2016, resnet101 twice as wide",
    "resnext50_32x4d": "Xie 2016, 50 layers, 32 groups",
    "resnext101_32x8d": "Xie 2016, 101 layers, 32 groups",
    "resnext101_64x4d": "Xie 2016, 101 layers, 64 groups",
    "squeezenet1_0": "Iandola 2016, 1.2 million weights",
    "squeezenet1_1": "Iandola 2016, less than half the work",
    "densenet121": "Huang 2016, 121 layers",
    "densenet161": "Huang 2016, 161 layers",
    "densenet169": "Huang 2016, 169 layers",
    "densenet201": "Huang 2016, 201 layers",
    "mobilenet_v2": "Sandler 2018, ReLU6",
    "mobilenet_v3_small": "Howard 2019, ReLU below and hard swish above",
    "mobilenet_v3_large": "Howard 2019, ReLU below and hard swish above",
    "shufflenet_v2_x0_5": "Ma 2018, half as wide",
    "shufflenet_v2_x1_0": "Ma 2018",
    "shufflenet_v2_x1_5": "Ma 2018, half as wide again",
    "shufflenet_v2_x2_0": "Ma 2018, twice as wide",
    "mnasnet0_5": "Tan 2018, half as wide",
    "mnasnet0_75": "Tan 2018, three quarters as wide",
    "mnasnet1_0": "Tan 2018",
    "mnasnet1_3": "Tan 2018, 1.3 times as wide",
    **{
        f"regnet_{kind}_{size}": f"Radosavovic 2020, {work} operations{gates}"
        for kind, gates in (("x", ""), ("y", ", gated channels"))
        for size, work in (
            ("400mf", "0.4 G"), ("800mf", "0.8 G"), ("1_6gf", "1.6 G"), ("3_2gf", "3.2 G"),
            ("8gf", "8 G"), ("16gf", "16 G"), ("32gf", "32 G"),
        )
    },
    "regnet_y_128gf": "Radosavovic 2020, 128 G operations, gated channels",
}  # fmt: skip
ZFNET_ARGUMENTS = ("classes", "fc", "norm", "dropout", "first", "widths", "without")
TORCHVISION_ARGUMENTS = ("num_classes", "dropout")
# These two may turn ImageNet's usual input into the one that they were first trained with.
TURNING_INPUT = ("googlenet", "inception_v3")
# The constructors that take a share to drop; the others have none, or fixed.
DROPPING = ("alexnet", "vgg", "googlenet", "inception", "squeezenet", "mobilenet", "mnasnet")
# The nets whose weights torchvision can download.
PRETRAINED = tuple(name for name in NETS if name != "zfnet")
MOST_CHANNELS = 2**31  # of a layer that a file may ask for
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")  # classifiers halfway up, which only training uses

# torchvision's transforms for most of these nets: short side 256, centre 224, (rgb - mean) / std in [0, 1].
IMAGENET_INPUT = InputConvention(
    size=224, resize=256, scale=1.0, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)
)


def make_net(name: str, arguments: dict[str, Any]) -> nn.Module:
    """Make a net with fresh weights; ``arguments`` are those of its constructor that shape it.

    googlenet and inception_v3 come without the classifiers halfway up, which only training uses.
    Raises ExploreError for a name that is not in ``NETS`` or arguments that the net does not take.
    """
    constructor = _constructor(name)
    # The arguments may come from a checkpoint's metadata: ``weights`` would make torchvision download a file.
    taken = _arguments_of(name)
    if unknown := [argument for argument in arguments if argument not in taken]:
        raise ExploreError(f"the net {name} cannot be made with {unknown[0]!r}: it takes {', '.join(taken)}")
    fixed = {"aux_logits": False, "init_weights": False} if name in TURNING_INPUT else {}
    import torch

    try:
        for argument in arguments:
            _CHECKS[argument](arguments, argument)
        if torch.get_default_device().type == "meta":  # regnet's constructor computes its widths
            with torch.device("cpu"), weightless():
                return constructor(**arguments, **fixed)
        return constructor(**arguments, **fixed)
    except (RuntimeError, *UNFIT) as error:
        reason = str(error).strip().partition("\n")[0]  # torch's may go on for a page
        raise ExploreError(f"the net {name} cannot be made with {shown_all(arguments)}: {reason}") from error


def shown_all(arguments: dict[str, Any]) -> str:
    """Write arguments in an error, none of them at length."""
    return ", ".join(f"{name}={shown(value)}" for name, value in arguments.items())


def _checked_norm(values: dict[str, Any], name: str) -> Any:
    return maybe(one_of, values, name, choices=get_args(Normalisation))


def _checked_wholes(values: dict[str, Any], name: str, *, least: int) -> Any:
    return [whole({name: one}, name, least=least, most=MOST_CHANNELS) for one in listed(values, name)]


# What each argument of a constructor may be: a checkpoint's come from a file.
_CHECKS: dict[str, Callable[[dict[str, Any], str], Any]] = {
    "classes": lambda values, name: whole(values, name, most=MOST_CHANNELS),
    "num_classes": lambda values, name: whole(values, name, least=1, most=MOST_CHANNELS),
    "fc": lambda values, name: whole(values, name, least=1, most=MOST_CHANNELS),
    "norm": _checked_norm,
    "first": lambda values, name: one_of(values, name, get_args(FirstLayer)),
    "widths": lambda values, name: _checked_wholes(values, name, least=1),
    "without": lambda values, name: _checked_wholes(values, name, least=3),
    "dropout": lambda values, name: number(values, name, least=0, most=1),
    "transform_input": flag,
}


@contextmanager
def weightless() -> Iterator[None]:
    """Make nets without memory for their weights: a hostile file cannot ask for it, and it is quick.

    Only what ``torch.empty`` makes, as every layer's weights are, lies on torch's meta device: what a
    constructor computes (regnet's widths) is computed.
    """
    import torch
    from torch.overrides import TorchFunctionMode

    class Weightless(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            options = dict(kwargs or {})
            if func is torch.empty:
                options["device"] = "meta"
            return func(*args, **options)

    with Weightless():
        yield


def convention_of(name: str) -> InputConvention:
    """Give the input of a net of ``NETS``: torchvision's for its best weights, or the replication's zfnet.

    Needs no network.
    """
    if name == "zfnet":
        return InputConvention(scale=1.0, mean=IMAGENET_INPUT.mean)
    transforms = _weights(name).transforms()
    return InputConvention(
        size=transforms.crop_size[0],
        resize=transforms.resize_size[0],
        scale=1.0,
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
    )


def class_names(name: str) -> tuple[str, ...]:
    """Give the classes of torchvision's weights for a net: ImageNet's 1000; none for zfnet."""
    return () if name == "zfnet" else tuple(_weights(name).meta["categories"])


def pretrained_file(name: str) -> Path:
    """Give the file in which torch keeps torchvision's weights for a net, there or not."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / _weights(name).url.rpartition("/")[2]


def pretrained_state(name: str) -> dict[str, Tensor]:
    """Give torchvision's ImageNet weights for a net, by the names of their tensors.

    The first use downloads them. Raises ExploreError, which says what to do, when that fails or when the
    file that was downloaded earlier is damaged.
    """
    if name not in PRETRAINED:
        raise ExploreError(f"{name!r} has no pretrained weights: choose {shortened(PRETRAINED)}", usage=True)
    from zfexplore.nets.foreign import TENSORS, kind_of, read_weights

    file = pretrained_file(name)
    if file.is_file():
        if (kind := kind_of(file)).name not in TENSORS:
            raise ExploreError(f"{file} is {kind.words}: {again(name)}")
        try:
            return read_weights(file).tensors
        except ExploreError as error:
            raise ExploreError(f"{error}: {again(name)}") from error
    weights = _weights(name)
    try:
        return weights.get_state_dict(progress=True, check_hash=True)
    except (OSError, RuntimeError) as error:
        raise ExploreError(
            f"torchvision's weights for {name} cannot be downloaded ({error}); with a network, try again, "
            f"or put the file of {weights.url} into torch's folder hub/checkpoints"
        ) from error


def again(name: str) -> str:
    """Say what helps when the file of ``pretrained_file``, just named, is not what it should be."""
    return f"delete it, and torchvision's weights for {name} are downloaded again"


def unknown_net(name: str) -> ExploreError:
    """Give the error for a name that is not in ``NETS``: it lists those that are, and what looks like it."""
    return ExploreError(f"there is no net called {name!r}: choose {choices(name, NETS)}", usage=True)


def choices(name: str, among: Collection[str]) -> str:
    """List the names that there are, and those that look like ``name``."""
    near = get_close_matches(name.lower().replace("-", "_"), among, n=3, cutoff=0.7)
    return shortened(among) + (f"; most like it: {', '.join(near)}" if near else "")


def shortened(names: Iterable[str]) -> str:
    """List names, those of one family as its first and its last: ``vgg11 .. vgg19_bn``."""
    families: dict[str, list[str]] = {}
    for name in names:
        family = name.removeprefix("wide_").split("_")[0].rstrip("0123456789")
        families.setdefault(family, []).append(name)
    return ", ".join(" .. ".join(dict.fromkeys((group[0], group[-1]))) for group in families.values())


def _arguments_of(name: str) -> tuple[str, ...]:
    if name == "zfnet":
        return ZFNET_ARGUMENTS
    taken = TORCHVISION_ARGUMENTS if name.startswith(DROPPING) else TORCHVISION_ARGUMENTS[:1]
    return (*taken, "transform_input") if name in TURNING_INPUT else taken


def _constructor(name: str) -> Callable[..., nn.Module]:
    if name not in NETS:
        raise unknown_net(name)
    if name == "zfnet":
        from zfexplore.nets.zfnet import ZFNet

        return ZFNet
    from torchvision import models

    return getattr(models, name)


def _weights(name: str) -> Any:
    from torchvision import models

    return models.get_model_weights(name).DEFAULT
