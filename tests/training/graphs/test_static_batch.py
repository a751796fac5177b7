"""dlrun.training.graphs.static_batch: rows are copied into memory that stays in its place."""

from __future__ import annotations

import torch

from dlrun.data.spec import Batch
from dlrun.training.graphs.static_batch import StaticBatch


def batch(rows: int, *, start: int = 0, weights: bool = False) -> Batch:
    """Return images with one channel, channels last, as a view into a chunk."""
    images = torch.arange(start, start + 2 * rows * 12, dtype=torch.float32).reshape(2 * rows, 1, 3, 4)
    images = images.contiguous(memory_format=torch.channels_last)[rows:]
    return Batch(images, torch.arange(rows), None, torch.ones(rows) if weights else None)


def test_each_batch_is_copied_to_the_same_place() -> None:
    static = StaticBatch(4)
    assert static.fits(batch(4))
    first = static.filled(batch(4))
    place = first.inputs.data_ptr()
    assert torch.equal(first.inputs, batch(4).inputs)
    assert first.inputs.stride() == batch(4).inputs.stride()
    second = static.filled(batch(4, start=100))
    assert second.inputs.data_ptr() == place
    assert torch.equal(second.inputs, batch(4, start=100).inputs)
    assert (second.lengths, second.weights) == (None, None)


def test_a_batch_of_another_form_does_not_fit() -> None:
    static = StaticBatch(4)
    assert not static.fits(batch(3))
    static.filled(batch(4))
    assert static.fits(batch(4, start=7))
    assert not static.fits(batch(3))
    assert not static.fits(batch(4, weights=True))
    assert not static.fits(batch(4)._replace(inputs=batch(4).inputs[:, :, :2]))
    assert not static.fits(batch(4)._replace(inputs=batch(4).inputs.double()))
    assert not static.fits(batch(4)._replace(inputs=batch(4).inputs.transpose(2, 3).contiguous().transpose(2, 3)))
