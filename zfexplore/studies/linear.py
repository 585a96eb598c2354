"""A linear classifier on fixed features: softmax with a penalty on the weights, by LBFGS.

It minimises ``mean cross-entropy + strength / 2 * |weights|^2``. Features are first centred and divided by
one number, so that their mean squared length is 1: a strength then means the same for any stage.

Why not a library's: scikit-learn would bring SciPy along and computes on the CPU, where our features may lie
on a GPU. The minimum is the same, for it is the only one. The weights at the minimum are sums of the training
images' features, so the descent runs over one number an image and class, not one a feature: exactly the same
classifier, in a sixth of the time for 1,515 images of 9,216 features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

STRENGTHS = (1e-3, 1e-4, 1e-5, 1e-6)  # tried in this order, each descent from where the last one ended
MOST_STEPS = 100  # of LBFGS; most fits end after fewer
_NEGLIGIBLE = 1e-9  # of the largest eigenvalue: directions in which the images do not differ


@dataclass(frozen=True, eq=False)
class Classifier:
    """A softmax: features less ``mean [d]``, by ``scale``, times ``weights [d, c]``, plus ``offset [c]``.

    ``strength`` is that of the penalty.
    """

    mean: Tensor
    scale: float
    weights: Tensor
    offset: Tensor
    strength: float

    def logits(self, features: Tensor) -> Tensor:
        """Give the logits ``[n, c]`` of ``features [n, d]``."""
        # The mean's own logits are taken off afterwards: no second copy of the features.
        return (features @ self.weights - self.mean @ self.weights) / self.scale + self.offset


def fit(
    features: Tensor, labels: Tensor, classes: int, strengths: Sequence[float] = STRENGTHS
) -> list[Classifier]:
    """Fit a classifier for each of ``strengths`` to ``features [n, d]`` with ``labels [n]``, from 0 on.

    Where the features never differ, it goes by how frequent each class is.
    """
    mean = features.mean(0)
    centred = features - mean  # [n, d]
    scale = max(float(centred.square().sum(1).mean().sqrt()), 1e-30)
    centred /= scale
    basis = _directions(centred)  # [d, r]
    inner = centred @ basis  # [n, r]: the images in as many numbers as they differ in
    spread = inner.square().mean(0)  # [r], the variances
    weights = inner.new_zeros(inner.shape[1], classes)
    offset = inner.new_zeros(classes)
    found = []
    for strength in strengths:
        # About the curvature's root: divided by it, all weights are as easy to descend along.
        pace = (spread / classes + strength).rsqrt()[:, None]  # [r, 1]
        weights, offset = _descend(inner, labels, strength, pace, weights, offset)
        found.append(Classifier(mean, scale, basis @ weights, offset, strength))
    return found


def per_class_accuracy(predicted: Tensor, labels: Tensor) -> float:
    """Give the mean over the classes of each class's own share of right answers; both are ``[n]``."""
    right = predicted == labels
    return float(torch.stack([right[labels == label].double().mean() for label in labels.unique()]).mean())


def _directions(centred: Tensor) -> Tensor:
    """Give the principal directions ``[d, r]`` of the rows of ``centred [n, d]``: orthonormal, all that span.

    By the smaller of the two products, in float64.
    """
    exact = centred.double()
    count, length = exact.shape
    values, vectors = torch.linalg.eigh(exact @ exact.T if count < length else exact.T @ exact)  # ascending
    kept = values > _NEGLIGIBLE * values[-1].clamp(min=1e-300)
    vectors = vectors[:, kept]
    if count < length:
        vectors = exact.T @ (vectors / values[kept].sqrt())
    return vectors.to(centred.dtype)


def _descend(
    inner: Tensor, labels: Tensor, strength: float, pace: Tensor, weights: Tensor, offset: Tensor
) -> tuple[Tensor, Tensor]:
    """Give the ``weights [r, c]`` and the ``offset [c]`` at the minimum, from those given."""
    parameters = torch.cat([weights / pace, offset[None]]).requires_grad_()
    optimiser = torch.optim.LBFGS(
        [parameters],
        max_iter=MOST_STEPS,
        history_size=10,
        tolerance_grad=1e-6,
        tolerance_change=1e-7,
        line_search_fn="strong_wolfe",
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        weights = parameters[:-1] * pace
        logits = inner @ weights + parameters[-1]
        value = F.cross_entropy(logits, labels) + strength / 2 * weights.square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    with torch.enable_grad():
        optimiser.step(loss)  # type: ignore[no-untyped-call]
    solved = parameters.detach()
    return solved[:-1] * pace, solved[-1].clone()
