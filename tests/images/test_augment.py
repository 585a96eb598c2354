"""Training's views: keyed by (seed, epoch, image) alone, within their ranges, right to the pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from zfexplore.convention import InputConvention
from zfexplore.errors import ExploreError
from zfexplore.images.augment import Augmentation, augment, uniform
from zfexplore.images.transforms import normalise, ten_crop

CONVENTION = InputConvention(size=12, resize=16, mean=(100, 110, 120), std=(2, 3, 4))
KINDS = [
    Augmentation("random"),
    Augmentation("ten"),
    Augmentation("resized", brightness=0.3, colour=0.25),
    Augmentation("centre"),
]


def batch(count: int, side: int = 16, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8))


def views(images, indices, augmentation, *, epoch=1, seed=0, convention=CONVENTION):
    return augment(images, indices, convention, augmentation, epoch=epoch, seed=seed)


@pytest.mark.parametrize("augmentation", KINDS, ids=lambda kind: kind.crops)
def test_a_view_does_not_depend_on_its_batch(augmentation):
    images = batch(7)
    indices = [3, 1, 4, 15, 9, 26, 5]
    together = views(images, indices, augmentation)
    assert together.shape == (7, 3, 12, 12)
    assert together.dtype == torch.float32
    # Cut crops are equal to the bit; for resampled ones a matrix library may sum in another order.
    close = {"rtol": 0, "atol": 1e-4 if augmentation.crops == "resized" else 0}
    for row, index in enumerate(indices):
        alone = views(images[row : row + 1], [index], augmentation)[0]
        torch.testing.assert_close(together[row], alone, **close)
    backwards = views(images.flip(0), indices[::-1], augmentation)
    torch.testing.assert_close(together, backwards.flip(0), **close)


@pytest.mark.parametrize("augmentation", KINDS[:3], ids=lambda kind: kind.crops)
def test_seed_epoch_and_index_each_change_the_views(augmentation):
    images = batch(1).repeat(32, 1, 1, 1)
    first = views(images, range(32), augmentation)
    assert torch.equal(first, views(images, torch.arange(32), augmentation))
    assert not torch.equal(first, views(images, range(32), augmentation, epoch=2))
    assert not torch.equal(first, views(images, range(32), augmentation, seed=1))
    assert not torch.equal(first, views(images, range(32, 64), augmentation))
    assert len({view.numpy().tobytes() for view in first}) > 6


def test_draws_are_uniform_and_unrelated():
    draws = uniform(np.arange(20_000), epoch=3, seed=7)
    assert draws.min() >= 0
    assert draws.max() < 1
    assert np.abs(draws.mean(axis=0) - 0.5).max() < 0.01
    assert np.abs(np.histogram(draws[:, 0], 10, (0, 1))[0] / 2000 - 1).max() < 0.1
    related = np.corrcoef(draws.T) - np.eye(draws.shape[1])
    assert np.abs(related).max() < 0.03
    other = uniform(np.arange(20_000), epoch=4, seed=7)
    assert abs(np.corrcoef(draws[:, 0], other[:, 0])[0, 1]) < 0.03
    assert abs(np.corrcoef(draws[1:, 0], draws[:-1, 0])[0, 1]) < 0.03


def test_draws_are_the_same_on_every_machine():
    """Fixed numbers: a resumed run, perhaps elsewhere, must see the same views."""
    draws = uniform([0, 123456789], epoch=5, seed=-1)
    assert draws[:, :3].tolist() == [
        [0.01691133080596019, 0.13065496549969635, 0.7377569627330474],
        [0.13553725493699975, 0.37521249553400027, 0.9126805612846784],
    ]


def test_random_crops_are_pieces_of_the_image_every_place_and_both_ways_round():
    images = batch(1).repeat(2000, 1, 1, 1)
    large = normalise(images[:1], CONVENTION)[0]
    places = {}
    for top in range(5):
        for left in range(5):
            piece = large[:, top : top + 12, left : left + 12]
            places[piece.numpy().tobytes()] = (top, left, False)
            places[piece.flip(-1).contiguous().numpy().tobytes()] = (top, left, True)
    seen = [places[view.numpy().tobytes()] for view in views(images, range(2000), Augmentation("random"))]
    assert len(set(seen)) == 50
    counts = [seen.count(place) for place in set(seen)]
    assert 15 < min(counts) <= max(counts) < 80  # 40 of each are expected
    plain = views(images, range(2000), Augmentation("random", flip=False))
    assert not any(places[view.numpy().tobytes()][2] for view in plain)


def test_ten_takes_only_the_ten_crops():
    images = batch(1).repeat(200, 1, 1, 1)
    ten = {view.numpy().tobytes() for view in ten_crop(normalise(images[:1], CONVENTION), 12)[0]}
    seen = {view.numpy().tobytes() for view in views(images, range(200), Augmentation("ten"))}
    assert seen == ten


def test_centre_takes_what_exploring_sees():
    images = batch(3)
    expected = normalise(images[:, 2:14, 2:14], CONVENTION)
    assert torch.equal(views(images, range(3), Augmentation("centre")), expected)


def test_each_pixel_loses_its_own_mean():
    """An image equal to the mean image becomes zero wherever it is cropped, and however resampled."""
    image = batch(1)
    convention = InputConvention(size=12, resize=16, mean_image=image[0].permute(2, 0, 1).float().numpy())
    for augmentation in (Augmentation("random"), Augmentation("ten"), Augmentation("resized")):
        result = views(image.repeat(20, 1, 1, 1), range(20), augmentation, convention=convention)
        assert result.abs().max() < 1e-4


def test_resized_at_full_area_is_pillows_antialiased_bilinear():
    images = batch(2, side=48, seed=3)
    convention = InputConvention(size=20, resize=48)
    augmentation = Augmentation("resized", flip=False, area=(1.0, 1.0), aspect=(1.0, 1.0))
    result = views(images, [0, 1], augmentation, convention=convention)
    for view, image in zip(result, images, strict=True):
        expected = np.asarray(Image.fromarray(image.numpy()).resize((20, 20), Image.Resampling.BILINEAR))
        assert np.abs(view.permute(1, 2, 0).numpy() - expected).max() <= 1.0  # Pillow rounds twice


def test_resized_views_stay_within_the_ranges():
    """Measured on an image of two ramps: a view's own slopes tell what part of it was taken."""
    side, count = 64, 400
    y, x = np.mgrid[0:side, 0:side]
    ramps = torch.from_numpy(np.stack([x * 4, y * 4, x * 0], -1).astype(np.uint8))[None].repeat(
        count, 1, 1, 1
    )
    convention = InputConvention(size=32, resize=side)
    augmentation = Augmentation("resized", area=(0.3, 0.8), aspect=(0.8, 1.25))
    result = views(ramps, range(count), augmentation, convention=convention)
    inner = result[:, :, 8:-8, 8:-8]
    across = (inner[:, 0, 0, -1] - inner[:, 0, 0, 0]) / 15 * 32 / 4 / side
    down = (inner[:, 1, -1, 0] - inner[:, 1, 0, 0]) / 15 * 32 / 4 / side
    area, aspect = (across.abs() * down).numpy(), (across.abs() / down).numpy()
    assert 0.29 < area.min() < 0.35
    assert 0.75 < area.max() < 0.81
    assert 0.79 < aspect.min() < 0.85
    assert 1.18 < aspect.max() < 1.26
    assert 0.4 < (across < 0).float().mean() < 0.6  # mirrored
    assert (down > 0).all()


def test_jitter_multiplies_before_the_mean_and_stays_below_white():
    grey = torch.full((500, 16, 16, 3), 100, dtype=torch.uint8)
    convention = InputConvention(size=12, resize=16, mean=(10, 10, 10))
    result = views(grey, range(500), Augmentation("random", brightness=0.3), convention=convention) + 10
    assert torch.allclose(result, result[:, :1, :1, :1].expand_as(result))  # one factor an image
    assert 69.9 < result.min() < 73
    assert 127 < result.max() < 130.1
    tinted = views(grey, range(500), Augmentation("random", colour=0.25), convention=convention) + 10
    factors = tinted[:, :, 0, 0].numpy() / 100
    assert 0.749 < factors.min() < 0.76
    assert 1.24 < factors.max() < 1.251
    assert abs(np.corrcoef(factors.T)[0, 1]) < 0.15
    white = torch.full((50, 16, 16, 3), 255, dtype=torch.uint8)
    assert views(white, range(50), Augmentation("random", brightness=0.5), convention=convention).max() == 245


def test_switching_one_thing_on_leaves_the_other_draws_alone():
    images = batch(20)
    plain = views(images, range(20), Augmentation("random", flip=False))
    flipped = views(images, range(20), Augmentation("random", flip=True))
    for without, with_flips in zip(plain, flipped, strict=True):
        assert torch.equal(with_flips, without) or torch.equal(with_flips, without.flip(-1))


def test_the_batch_is_left_as_it_was():
    images = batch(4)
    before = images.clone()
    for augmentation in KINDS:
        views(images, range(4), augmentation)
    assert torch.equal(images, before)


def test_unknown_crops_are_a_usage_error():
    with pytest.raises(ExploreError, match="crops must be one of random, ten, resized, centre, not 'all'"):
        Augmentation("all")  # type: ignore[arg-type]


def test_a_size_that_does_not_fit_is_refused():
    with pytest.raises(ExploreError, match="crops of 12 pixels from images of 10"):
        views(batch(1, side=10), [0], Augmentation("random"))


@pytest.mark.cuda
@pytest.mark.parametrize("augmentation", KINDS, ids=lambda kind: kind.crops)
def test_views_on_the_gpu_equal_those_on_the_cpu(augmentation):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    images = batch(16)
    on_gpu = views(images.cuda(), range(16), augmentation).cpu()
    torch.testing.assert_close(on_gpu, views(images, range(16), augmentation), rtol=1e-5, atol=1e-3)
