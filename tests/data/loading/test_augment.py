"""`dlrun.data.loading.augment` and its random numbers, compared with numpy and the published splitmix64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from dlrun.configuration.schema.fields import Augment
from dlrun.data.loading.augment import augment_images, is_active
from dlrun.data.loading.randomness import derive_seed, generator, permutation, uniform

PICTURE = torch.arange(1, 13, dtype=torch.uint8).reshape(1, 1, 3, 4)  # no zeros, so that filled in ones show
ROWS = torch.arange(300)


def augmented(augment: Augment, *, seed: int = 0, epoch: int = 0, rows: Tensor = ROWS) -> Tensor:
    return augment_images(PICTURE.expand(len(rows), 1, 3, 4), rows, augment=augment, seed=seed, epoch=epoch)


def distinct(images: Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


def moved(down: int, right: int) -> bytes:
    """The picture moved by numpy, zeros filled in."""
    padded = np.pad(PICTURE[0, 0].numpy(), 9)
    return padded[9 - down : 12 - down, 9 - right : 13 - right].tobytes()


def test_the_defaults_are_not_active() -> None:
    assert not is_active(Augment())
    assert is_active(Augment(shift=1))
    assert is_active(Augment(crop=1))
    assert is_active(Augment(flip=True))


def test_a_shift_is_at_most_so_many_pixels_and_fills_with_zeros() -> None:
    images = augmented(Augment(shift=1))
    assert distinct(images) == {moved(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)}
    assert images.dtype == torch.uint8


def test_a_shift_by_more_than_the_image_leaves_zeros() -> None:
    expected = {moved(down, right) for down in range(-5, 6) for right in range(-5, 6)}
    found = distinct(augmented(Augment(shift=5), rows=torch.arange(2_000)))
    assert found == expected
    assert bytes(12) in found


@pytest.mark.parametrize("crop", [1, 2, 7])
def test_a_crop_pads_by_reflection_as_numpy_does(crop: int) -> None:
    padded = np.pad(PICTURE[0, 0].numpy(), crop, mode="reflect")
    places = range(2 * crop + 1)
    expected = {padded[top : top + 3, left : left + 4].tobytes() for top in places for left in places}
    assert distinct(augmented(Augment(crop=crop), rows=torch.arange(4_000))) == expected


def test_a_flip_mirrors_left_to_right_half_of_the_time() -> None:
    images = augmented(Augment(flip=True))
    mirrored = [torch.equal(image, PICTURE[0].flip(2)) for image in images]
    assert distinct(images) == {PICTURE.numpy().tobytes(), PICTURE.flip(3).numpy().tobytes()}
    assert 110 < sum(mirrored) < 190  # 150 expected, four and a half deviations each way


def test_an_image_of_one_pixel_can_be_cropped() -> None:
    one = torch.full((3, 1, 1, 1), 5, dtype=torch.uint8)
    out = augment_images(one, torch.arange(3), augment=Augment(crop=2), seed=0, epoch=0)
    assert out.flatten().tolist() == [5, 5, 5]


def test_all_channels_move_together() -> None:
    images = torch.stack([PICTURE[0, 0], PICTURE[0, 0] + 100]).expand(50, 2, 3, 4)
    out = augment_images(images, torch.arange(50), augment=Augment(shift=2, crop=1, flip=True), seed=0, epoch=0)
    filled_in = out[:, 0] == 0
    assert torch.equal(out[:, 1][~filled_in], out[:, 0][~filled_in] + 100)
    assert bool((out[:, 1][filled_in] == 0).all())


@pytest.mark.parametrize("augment", [Augment(shift=2), Augment(crop=2), Augment(flip=True)])
def test_augmentation_depends_on_seed_and_epoch(augment: Augment) -> None:
    first = augmented(augment)
    assert torch.equal(first, augmented(augment))
    assert not torch.equal(first, augmented(augment, epoch=1))
    assert not torch.equal(first, augmented(augment, seed=1))


def test_augmentation_of_an_image_does_not_depend_on_its_batch() -> None:
    augment = Augment(shift=2, crop=1, flip=True)
    together = augmented(augment)
    assert torch.equal(augmented(augment, rows=torch.tensor([7, 250, 3])), together[[7, 250, 3]])
    assert torch.equal(augmented(augment, rows=torch.tensor([299])), together[299:])


def test_floats_stay_floats() -> None:
    images = PICTURE.float().expand(20, 1, 3, 4)
    out = augment_images(images, torch.arange(20), augment=Augment(shift=1), seed=0, epoch=0)
    expected = augmented(Augment(shift=1), rows=torch.arange(20))
    assert out.dtype == torch.float32
    assert torch.equal(out, expected.float())


def test_uniform_is_the_published_splitmix64() -> None:
    published = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]  # seed 1234567
    drawn = uniform(torch.tensor([0, 1, 2]), 2, seed=1234567)  # draw d of row r is number 2 r + d; the first is skipped
    assert drawn.flatten()[1:5].tolist() == [(number >> 11) * 2.0**-53 for number in published]


def test_uniform_is_from_0_to_1_and_even() -> None:
    drawn = uniform(torch.arange(20_000), 3, seed=derive_seed(0, "test"))
    assert drawn.shape == (20_000, 3)
    assert 0 <= float(drawn.min()) < 0.001
    assert 0.999 < float(drawn.max()) < 1
    torch.testing.assert_close(drawn.mean(dim=0), torch.full((3,), 0.5, dtype=torch.float64), rtol=0, atol=0.01)


def test_a_derived_seed_depends_on_every_argument() -> None:
    seeds = {
        derive_seed(0, "a"), derive_seed(1, "a"), derive_seed(0, "b"), derive_seed(0, "a", 1),
        derive_seed(0, "a", 1, 2), derive_seed(0, "a", 12), derive_seed(0, "a", 2, 1),
    }  # fmt: skip
    assert len(seeds) == 7
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(0, "a", 1) == derive_seed(0, "a", 1)


def test_a_generator_and_a_permutation_depend_on_seed_and_purpose_alone() -> None:
    order = permutation(50, seed=3, epoch=2)
    torch.manual_seed(99)
    assert torch.equal(order, permutation(50, seed=3, epoch=2))
    assert order.sort().values.tolist() == list(range(50))
    assert not torch.equal(order, permutation(50, seed=3, epoch=3))
    assert not torch.equal(order, permutation(50, seed=4, epoch=2))
    assert torch.equal(order, torch.randperm(50, generator=generator(3, "order", 2)))
