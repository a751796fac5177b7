"""`dlrun.options.datasets.random_images`: shapes, repeatability and the size limit."""

from __future__ import annotations

import pytest
import torch

from dlrun.data.source import Source
from dlrun.errors import ConfigError
from dlrun.options.datasets.random_images import random_images


def make(*, rows: int = 50, channels: int = 3, size: int = 8, classes: int = 4, image_seed: int = 0) -> Source:
    return random_images(rows=rows, channels=channels, size=size, classes=classes, image_seed=image_seed)


def test_images_and_labels_have_the_requested_shapes() -> None:
    source = make()
    assert (source.kind, source.goal) == ("image", "multiclass")
    assert source.train.inputs.shape == (50, 3, 8, 8)
    assert source.train.inputs.dtype == torch.float32
    assert source.train.targets.shape == (50,)
    assert source.train.targets.dtype == torch.int64
    assert sorted(set(source.train.targets.tolist())) == [0, 1, 2, 3]
    assert list(source.class_names) == ["0", "1", "2", "3"]


def test_pixels_are_normal() -> None:
    pixels = make(rows=500).train.inputs  # 96,000 of them
    assert float(pixels.mean()) == pytest.approx(0.0, abs=0.015)
    assert float(pixels.std()) == pytest.approx(1.0, abs=0.015)


def test_images_and_labels_depend_on_their_seed_alone() -> None:
    first = make()
    torch.manual_seed(123)
    again = make()
    assert torch.equal(first.train.inputs, again.train.inputs)
    assert torch.equal(first.train.targets, again.train.targets)
    other = make(image_seed=1)
    assert not torch.equal(first.train.inputs, other.train.inputs)
    assert not torch.equal(first.train.targets, other.train.targets)


def test_labels_do_not_depend_on_the_size_of_the_images() -> None:
    assert torch.equal(make(size=2).train.targets, make(size=16).train.targets)


def test_more_than_memory_is_refused_before_it_is_allocated() -> None:
    with pytest.raises(ConfigError) as caught:
        make(rows=10_000_000, size=1024)
    (problem,) = caught.value.problems
    assert problem.where == "dataset.rows=10000000"
    assert problem.message == (
        "Expected at most 268435456 values in all images together, got 10000000 x 3 x 1024 x 1024 = 31457280000000. "
        "Use fewer rows or a smaller dataset.size."
    )
