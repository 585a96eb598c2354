from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from zfexplore.studies.linear import fit, per_class_accuracy


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize(("images", "features"), [(12, 40), (40, 6)])
def test_the_penalised_loss_is_least_there_in_all_features(images, features):
    """The descent runs over the images' own directions; the judge looks at every feature."""
    values = 3 * random(images, features) + 5
    labels = torch.arange(images) % 3
    for classifier in fit(values, labels, 3, [1e-1, 1e-3]):
        centred = (values - values.mean(0)) / classifier.scale
        assert centred.square().sum(1).mean() == pytest.approx(1)
        weights = classifier.weights.clone().requires_grad_()
        offset = classifier.offset.clone().requires_grad_()
        logits = centred @ weights + offset
        assert torch.allclose(logits, classifier.logits(values))
        loss = F.cross_entropy(logits, labels) + classifier.strength / 2 * weights.square().sum()
        loss.backward()
        assert weights.grad.abs().max() < 1e-4  # about 0.3 where it began
        assert offset.grad.abs().max() < 1e-4  # about 0.3 where it began


def test_features_that_never_differ_leave_how_frequent_a_class_is():
    (classifier,) = fit(torch.ones(5, 4), torch.tensor([0, 0, 0, 0, 1]), 2, [1e-3])
    shares = classifier.logits(torch.ones(1, 4)).softmax(1)
    assert shares[0].tolist() == pytest.approx([0.8, 0.2], abs=1e-3)


def test_each_class_counts_the_same_in_the_accuracy():
    predicted, labels = torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 0, 0, 0, 1])
    assert per_class_accuracy(predicted, labels) == pytest.approx((3 / 4 + 1) / 2)
