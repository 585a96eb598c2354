"""How a net is trained: frozen settings, readable without torch. Two are the papers', two are ours.

``paper`` follows section 3 of Zeiler and Fergus, and ``replication`` Yao's report (2024). ``default`` is
for small sets of photographs on small machines, and ``photographs`` for large sets on a GPU; it made the
shipped weights. A recipe settles everything about a training except the images, the machine and the
seed. Two details are not in the papers. The paper's authors lowered the rate by hand; we lower it after
3 epochs without a better held-out loss. The report gives no number of epochs; we take the paper's.

Why ``default`` is as it is. These runs were measured on 2 CPU cores, on 10,249 photographs of 204 classes:
96 pixels, batches of 32, he-scaled, 100 steps of warm-up and then a constant rate. ``loss`` is the mean of
50 steps. ``low`` is the share of conv1's energy at the nine lowest frequencies (0.19 in the noise it starts
from). ``moved`` is how far conv1 moved, relative to its norm at the start::

    spread of the input   rate   steps   loss   low    moved
    1                     0.02    400    4.88   0.19   0.17
    5                     0.02    400    5.01   0.51   0.95
    5                     0.02    600    4.95   0.57   1.11
    10                    0.02    400    5.17   0.72   1.82
    10                    0.02    600    5.13   0.78   2.13
    10                    0.01    400    5.04   0.68   1.57
    10                    0.01    600    4.94   0.72   1.85
    20                    0.02    200    5.31   0.82   3.32

- An input of spread 10 cleans conv1's filters within two epochs; at spread 1 they remain the noise that
  they started as. At half the rate, its loss is that of spread 5. The paper's input has a spread of about 58.
- The cap on the filters' RMS is 0.1 as in the paper. It changed nothing at spread 10 (no filter reached
  it in 600 steps) and is kept as a safeguard.
- Batches of 32 give four times as many steps as batches of 128 on the same images.
- Small images come first: a step at 96 pixels computes less than a fifth of one at 224. The last epochs
  are at full size, at which the net will be used.

Why ``photographs`` is as it is. The net starts as noise. That noise decays with the sum over the steps of
rate x decay / (1 - momentum): over the 31,500 steps of the shipped weights to e^-3 of itself. The earlier
weights, made by 26 epochs of ``default``, kept e^-0.25 of it. This sum, and not the spread of the input,
takes the noise out of the filters::

                                                       before             photographs
    rate, decay                                        0.01, 5e-4         0.02, 1e-3
    images, classes                                    12,328, 204        69,561, 517
    conv1: share of energy in luminance                .576               .648
    conv5's projections: share in luminance            .593               .892
    conv5's projections: above a quarter cycle a pixel .133               .058
    held out, one crop: top-1, of their own classes    61.5 %             68.9 %
    dead channels, held-out images                     conv2 4, fc6 232   conv2 1, fc6 65

``docs/weights.md`` says how they were made and measured.

The weight decay of ``default`` was 5e-4. It is now 4e-3, which leaves e^-3 of the noise after 40 epochs of
12,328 images. These runs were measured on those images (1,627 held out), in float32 on 2 CPU cores: batches
of 32, fc 1,024, 200 steps of warm-up and a cosine down to 0, the rest as in ``default``. ``speckle`` and
``luminance`` are those of conv5 as ``benchmarks/cleanness.py`` defines them, over the first 200 of the
built-in photographs::

    size  steps  rate  decay   loss   held-out  top-1   per class  speckle  luminance  dead: conv2  fc6
    96    1,500  0.01  5e-4    4.135  3.327     27.4 %  8.1 %      .187     .617            0       140
    96    1,500  0.01  4e-3    4.122  3.310     27.0 %  8.4 %      .135     .528            2       384
    96    1,500  0.02  1e-3    4.197  3.450     25.8 %  7.2 %      .139     .429           32       335
    96    1,500  0.02  4e-3    4.057  3.298     27.5 %  7.8 %      .102     .431           12       485
    96    1,500  0.02  1.4e-2  4.349  3.700     18.6 %  3.8 %      .044     .186            0       717
    128     600  0.01  5e-4    4.712  4.049     18.5 %  3.7 %      .262     .386            0        59
    128     600  0.01  4e-3    4.668  4.040     19.6 %  3.9 %      .236     .427            0       111

- More decay removes the speckle, at no cost in accuracy (its standard error is 1 %). Far too much decay
  leaves little but a few colours. More decay also leaves more of fc6 dead, and at 96 pixels less energy
  in luminance.
- A higher decay and a higher rate can give the same sum. The higher decay then keeps more of conv2 alive
  and more energy in luminance.
- A run this short predicts a whole one only as far as the sum goes, which is a tenth of the whole here.
"""

from __future__ import annotations

import math
import types
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from zfexplore.arguments import shown
from zfexplore.choices import FirstLayer, Initialisation, Normalisation, TrainingCrops
from zfexplore.errors import ExploreError
from zfexplore.nets.architecture import WIDTHS, other_architecture
from zfexplore.plain import finite, is_whole

Schedule = Literal["cosine", "plateau", "constant"]
Mean = Literal["channel", "pixel"]

# Settings that older versions did not know: left out of files where they are those of the paper's net.
ARCHITECTURE = ("first", "widths", "without")
SMALLEST = 56  # pixels: below 53 nothing is left of an input at pool5
# What memory and time have room for; above it stands a slip of the finger, or a damaged file.
MOST = {
    "epochs": 100_000, "batch_size": 2**20, "size": 4096, "fc": 2**20, "patience": 100_000, "warmup": 2**40,
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a training, given images and a seed. Lengths in pixels, rates per step.

    ``scale``, ``spread`` and ``mean`` define the input: RGB in [0, 1] times ``scale``, minus the mean of
    the training images (one value per colour, or one per pixel as in the paper). If ``spread`` is given,
    the result is divided so that its standard deviation is ``spread``.
    """

    name: str
    # The net
    init: Initialisation = "he-scaled"
    fc: int = 4096
    norm: Normalisation | None = "krizhevsky"
    dropout: float = 0.5
    first: FirstLayer = "7x7/2"
    widths: tuple[int, ...] = WIDTHS
    without: tuple[int, ...] = ()
    # The input
    size: int = 224
    scale: float = 255.0
    spread: float | None = None
    mean: Mean = "channel"
    stages: tuple[tuple[float, float], ...] = ((1.0, 1.0),)  # (share of the epochs, share of the size)
    # The images' random changes
    crops: TrainingCrops = "random"
    area: tuple[float, float] = (0.25, 1.0)  # of "resized" crops
    flip: bool = True
    brightness: float = 0.0  # each image times a factor in [1 - b, 1 + b]
    colour: float = 0.0  # each channel times a factor in [1 - c, 1 + c]
    # The descent: SGD
    epochs: int = 70
    batch_size: int = 128
    lr: float = 1e-2
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 0.0  # on weights, not on biases
    label_smoothing: float = 0.0
    clip_norm: float | None = None  # of the whole gradient
    max_rms: float | None = None  # of each convolutional filter, after every step
    schedule: Schedule = "constant"
    warmup: int = 0  # steps
    patience: int = 3  # epochs without a better held-out loss before "plateau" divides the rate by 10

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "size", "fc", "patience"):
            self._require(getattr(self, name) >= 1, name, "must be at least 1")
        for name, most in MOST.items():
            self._require(getattr(self, name) <= most, name, f"must be at most {most:,}")
        for name in ("lr", "scale", "spread", "clip_norm", "max_rms"):
            value = getattr(self, name)
            self._require(value is None or 0 < value < math.inf, name, "must be above 0")
        self._require(0 <= self.weight_decay < math.inf, "weight_decay", "must be at least 0")
        self._require(self.warmup >= 0, "warmup", "must be at least 0")
        self._require(0 < self.area[0] <= self.area[1] <= 1, "area", "must be two shares that rise")
        for shares in self.stages:
            self._require(all(0 < share <= 1 for share in shares), "stages", "must be shares above 0")
        for name in ("dropout", "momentum", "label_smoothing", "brightness", "colour"):
            self._require(0 <= getattr(self, name) < 1, name, "must be at least 0 and below 1")
        self._require(
            self.size >= SMALLEST, "size", f"must be at least {SMALLEST}, or pool5 has nothing left"
        )
        try:
            self.architecture()
        except (TypeError, ValueError) as error:
            raise ExploreError(str(error), usage=True) from error
        self._require(max(self.widths) <= MOST["fc"], "widths", f"must be at most {MOST['fc']:,}")
        small_first = any(of_size != 1 for _, of_size in self.stages)
        if self.mean == "pixel" and small_first:
            raise ExploreError(
                "a per-pixel mean needs images of one size throughout the training", usage=True
            )

    def sizes(self) -> list[int]:
        """Give the input size of every epoch; the last is always ``size``.

        Small images come first: a step at 96 pixels costs a fifth of one at 224, and the adaptive pool
        before fc6 takes maps of any size.
        """
        sizes: list[int] = []
        passed = 0.0
        for share, of_size in self.stages:
            passed += share
            end = min(round(passed * self.epochs), self.epochs)
            sizes += [max(SMALLEST, round(self.size * of_size))] * (end - len(sizes))
        sizes = sizes + [self.size] * (self.epochs - len(sizes))
        return [*sizes[:-1], self.size]

    def architecture(self) -> dict[str, Any]:
        """Give ``ZFNet``'s arguments but ``classes``; of ``ARCHITECTURE`` only what is not the paper's."""
        other = other_architecture(self.first, self.widths, self.without)
        return {"fc": self.fc, "norm": self.norm, "dropout": self.dropout, **other}

    def to_json(self) -> dict[str, Any]:
        """Give the settings as plain values, without those of ``ARCHITECTURE`` that are the paper's."""
        values, kept = asdict(self), self.architecture()
        return {name: value for name, value in values.items() if name not in ARCHITECTURE or name in kept}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Recipe:
        """Read what ``to_json`` wrote; raises TypeError unless every setting is there, of its kind, known.

        Those of ``ARCHITECTURE`` may be missing, as in files of older versions: they are then the paper's.
        Raises ExploreError for a value out of range.
        """
        if not isinstance(values, dict):
            raise TypeError(f"a recipe is not {shown(values)}")
        hints = get_type_hints(cls)
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise TypeError(f"unknown settings {shown(unknown)}")
        missing = [name for name in known if name not in values]
        if needed := [name for name in missing if name not in ARCHITECTURE]:
            raise TypeError(f"{needed[0]} is missing from its recipe")
        for name in values:
            if not _is_of(values[name], hints[name]):
                raise TypeError(f"{name} of its recipe is {shown(values[name])}")
        tuples = {"area": tuple(values["area"]), "stages": tuple(map(tuple, values["stages"]))}
        tuples |= {name: tuple(values[name]) for name in ("widths", "without") if name in values}
        return cls(**{**values, **tuples})

    def _require(self, right: bool, name: str, rule: str) -> None:
        if not right:
            raise ExploreError(f"{name.replace('_', '-')} {rule}, not {getattr(self, name)}", usage=True)


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a plain value is what a setting of this type is written as; a tuple is a list."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return any(_is_of(value, each) for each in inner)
    if origin is Literal:
        return isinstance(value, str) and value in inner
    if origin is tuple:
        if not isinstance(value, list | tuple):
            return False
        kinds = inner[:1] * len(value) if inner[-1] is ... else inner
        return len(value) == len(kinds) and all(map(_is_of, value, kinds))
    if kind is int:
        return is_whole(value)
    return finite(value) is not None if kind is float else isinstance(value, kind)


PAPER = Recipe(
    name="paper",
    init="paper",
    crops="ten",
    mean="pixel",
    lr=1e-2,
    momentum=0.9,
    batch_size=128,
    epochs=70,
    max_rms=0.1,
    schedule="plateau",
    dropout=0.5,
)
REPLICATION = Recipe(
    name="replication",
    init="xavier",
    norm="replication",
    scale=1.0,
    crops="random",
    flip=False,
    lr=1e-4,
    momentum=0.9,
    batch_size=128,
    epochs=70,  # the paper's number; the report gives none
    dropout=0.5,
)
DEFAULT = Recipe(
    name="default",
    init="he-scaled",
    fc=1024,
    dropout=0.3,
    spread=10.0,
    stages=((0.3, 3 / 7), (0.4, 4 / 7), (0.15, 5 / 7), (0.15, 1.0)),
    crops="resized",
    brightness=0.3,
    colour=0.1,
    epochs=40,
    batch_size=32,
    lr=0.01,
    nesterov=True,
    weight_decay=4e-3,
    label_smoothing=0.1,
    clip_norm=5.0,
    max_rms=0.1,
    schedule="cosine",
    warmup=200,
)
PHOTOGRAPHS = Recipe(
    name="photographs",
    init="he-scaled",
    fc=1024,
    dropout=0.5,
    spread=10.0,
    stages=((0.4, 4 / 7), (0.6, 1.0)),
    crops="resized",
    area=(0.3, 1.0),
    brightness=0.3,
    colour=0.15,
    epochs=58,
    batch_size=128,
    lr=0.02,
    nesterov=True,
    weight_decay=1e-3,
    label_smoothing=0.1,
    clip_norm=5.0,
    max_rms=0.1,
    schedule="cosine",
    warmup=1000,
)
RECIPES: dict[str, Recipe] = {recipe.name: recipe for recipe in (DEFAULT, PHOTOGRAPHS, PAPER, REPLICATION)}


def recipe(name: str = "default", **changes: Any) -> Recipe:
    """Give the recipe called ``name``, with those settings in ``changes`` that are not None.

    Raises ExploreError (usage) for an unknown name and for a value out of range.
    """
    if name not in RECIPES:
        raise ExploreError(f"there is no recipe {name!r}: choose {', '.join(RECIPES)}", usage=True)
    return replace(RECIPES[name], **{key: value for key, value in changes.items() if value is not None})
