"""Nets as strangers write them: blocks, sums, ReLUs of every form. Small, seeded, in eval mode."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FORMS: dict[str, Callable[[Tensor], Tensor]] = {
    "module": nn.ReLU(),
    "module in place": nn.ReLU(inplace=True),
    "F.relu": F.relu,
    "F.relu in place": lambda x: F.relu(x, inplace=True),
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "method": lambda x: x.relu(),
    "method in place": lambda x: x.relu_(),
    "clamp": lambda x: x.clamp(min=0),
    "clamp_min": lambda x: x.clamp_min(0),
    "threshold": lambda x: F.threshold(x, 0.0, 0.0),
}


class Block(nn.Module):
    """A residual block as torchvision writes it, its ReLU in one of many forms, used twice."""

    def __init__(self, channels: int, relu: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = relu  # nn.Module or function
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Give ``relu(x + ...)``."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.relu(out)


class Residual(nn.Module):
    """A stem, a pool, three residual blocks and a classifier that ends in a softmax."""

    def __init__(
        self, relu: Callable[[Tensor], Tensor] = F.relu, *, colours: int = 3, classes: int = 4
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(colours, 6, 3, stride=2, padding=1)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.blocks = nn.Sequential(*(Block(6, relu) for _ in range(3)))
        self.fc = nn.Linear(6, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Give log-probabilities ``[n, classes]``."""
        x = self.blocks(self.pool(F.relu(self.stem(x))))
        return F.log_softmax(self.fc(x.mean((2, 3))), dim=1)


class Branches(nn.Module):
    """Two branches that are joined along the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(channels, 3, 1)
        self.wide = nn.Conv2d(channels, 4, 5, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        """Give the joined maps."""
        return torch.cat([F.relu(self.narrow(x)), F.relu(self.wide(x))], 1)


class Inception(nn.Module):
    """A convolution and three blocks of branches."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 5, 3, padding=1)
        self.mixed1, self.mixed2, self.mixed3 = Branches(5), Branches(7), Branches(7)
        self.fc = nn.Linear(7, 4)

    def forward(self, x: Tensor) -> Tensor:
        """Give logits."""
        x = F.max_pool2d(F.relu(self.first(x)), 2)
        return self.fc(self.mixed3(self.mixed2(self.mixed1(x))).mean((2, 3)))


class Smooth(nn.Module):
    """Two convolutions with SiLU: there is no ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Give maps."""
        return F.silu(self.b(F.silu(self.a(x))))


def seeded(make: Callable[..., nn.Module], *arguments: object, seed: int = 0, **named: object) -> nn.Module:
    """Make a net with weights that depend on ``seed`` alone, batch statistics among them; in eval mode."""
    torch.manual_seed(seed)
    net = make(*arguments, **named)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None:
            part.running_mean.normal_(0.0, 0.2)
            part.running_var.uniform_(0.5, 1.5)
            nn.init.normal_(part.weight, 1.0, 0.5)
    return net.eval()


def picture(size: int, *, colours: int = 3, count: int = 1, seed: int = 0) -> Tensor:
    """Make noise ``[count, colours, size, size]`` in float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, colours, size, size, generator=generator, dtype=torch.float64)
