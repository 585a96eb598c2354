"""What a unit costs in a net that is no plain stack, beside ZFNet's: ``python -m benchmarks.anynet``.

Prints, for some layers, how long the nine exemplars of a channel take once their images are read. The
weights of torchvision's nets are random, which changes nothing about the time.
"""

from __future__ import annotations

import statistics
import time

import torch
from torchvision import models

from zfexplore.explorer import Explorer

IMAGES = 100
CHANNELS = (3, 5, 7)
LAYERS = {
    "zfnet": ("conv3", "conv5"),
    "resnet18": ("layer2.1", "layer3.1", "layer4.1"),
    "vgg16_bn": ("features.14", "features.40"),
}


def nine_exemplars(explorer: Explorer, layer: str) -> float:
    """Give the median seconds of the channels' exemplars; their images are read before."""
    times = []
    for channel in CHANNELS:
        for _ in explorer.exemplars([f"{layer}:{channel}"]):
            pass
        start = time.perf_counter()
        for _ in explorer.exemplars([f"{layer}:{channel}"]):
            pass
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> None:
    """Print a line a layer."""
    for name, layers in LAYERS.items():
        torch.manual_seed(0)
        net = None if name == "zfnet" else models.get_model(name, weights=None)
        explorer = Explorer(net, limit=IMAGES)
        for layer in layers:
            print(f"{name} {layer}: {nine_exemplars(explorer, layer):.2f} s", flush=True)


if __name__ == "__main__":
    main()
