"""One split of a dataset in memory, and the batches of an epoch over it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from dlrun.data.augment import augment_images, is_active
from dlrun.data.randomness import permutation
from dlrun.data.spec import Batch, Scaling
from dlrun.fields import Augment

_CHUNK_BYTES = 4 << 20  # rows are gathered for several batches at once: one call instead of many, still in cache


class MemorySplit:
    """Whole tensors, on the device that trains.

    Bytes stay bytes until they are fetched, a quarter of the memory of float32; floats were scaled beforehand.
    """

    def __init__(
        self, inputs: Tensor, targets: Tensor, *, lengths: Tensor | None = None, scaling: Scaling | None = None
    ) -> None:
        self.inputs = inputs
        self.targets = targets
        self.lengths = lengths
        self._shift: Tensor | None = None
        self._factor: Tensor | None = None
        if scaling is not None:
            trailing = (1,) * (inputs.ndim - 2) if inputs.ndim == 4 else ()
            self._shift = torch.tensor(scaling.mean, dtype=torch.float32).reshape(-1, *trailing)
            self._factor = torch.tensor(scaling.std, dtype=torch.float32).reciprocal().reshape(-1, *trailing)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def row_bytes(self) -> int:
        """Bytes of one row of inputs as the model takes it."""
        return max(1, self.inputs[:1].numel()) * 4

    def to(self, device: torch.device) -> MemorySplit:
        """The same split on another device."""
        moved = MemorySplit.__new__(MemorySplit)
        for name, value in vars(self).items():
            setattr(moved, name, value.to(device) if isinstance(value, Tensor) else value)
        return moved

    def scaled(self, inputs: Tensor, *, in_place: bool = False) -> Tensor:
        """Raw inputs as the model takes them, float32 where there is a scaling."""
        if self._shift is None or self._factor is None:
            return inputs
        return inputs.to(torch.float32, copy=not in_place).sub_(self._shift).mul_(self._factor)

    def fetch(self, rows: Tensor | slice, *, augment: Augment | None = None, seed: int = 0, epoch: int = 0) -> Batch:
        """The rows asked for, (B,) int64 or a slice, scaled; augmented where `augment` says so."""
        inputs = self.inputs[rows] if isinstance(rows, slice) else self.inputs.index_select(0, rows)
        if augment is not None and is_active(augment):
            index = torch.arange(len(self), device=self.inputs.device)[rows] if isinstance(rows, slice) else rows
            inputs = augment_images(inputs, index, augment=augment, seed=seed, epoch=epoch)
        inputs = self.scaled(inputs)
        targets = self.targets[rows] if isinstance(rows, slice) else self.targets.index_select(0, rows)
        lengths = None if self.lengths is None else self.lengths[rows]
        return Batch(inputs, targets, lengths)


class Loader:
    """The batches of each epoch over a split: the same ones whenever (seed, epoch) are the same."""

    def __init__(
        self, split: MemorySplit, *, batch_size: int, seed: int, shuffle: bool, augment: Augment | None = None
    ) -> None:
        self.split = split
        self.batch_size = batch_size
        self._seed = seed
        self._shuffle = shuffle and batch_size < len(split)  # one batch with all rows has no order
        self._augment = augment
        batch_bytes = batch_size * split.row_bytes
        self._chunk = max(1, min(64, _CHUNK_BYTES // batch_bytes))  # batches gathered at once

    def __len__(self) -> int:
        """Batches an epoch; the last may be smaller."""
        return -(-len(self.split) // self.batch_size)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on.

        Chunks begin at fixed batches, whatever `start` is, so that a batch always lies at the same place in memory
        and vectorised kernels give the same bits.
        """
        order = permutation(len(self.split), seed=self._seed, epoch=epoch) if self._shuffle else None
        if order is not None:
            order = order.to(self.split.inputs.device)
        for first in range(start - start % self._chunk, len(self), self._chunk):
            rows = slice(first * self.batch_size, min((first + self._chunk) * self.batch_size, len(self.split)))
            chunk = self.split.fetch(
                rows if order is None else order[rows], augment=self._augment, seed=self._seed, epoch=epoch
            )
            yield from _batches(chunk, self.batch_size, skip=max(0, start - first))


def _batches(chunk: Batch, size: int, *, skip: int) -> Iterator[Batch]:
    """Views of `size` rows into a chunk."""
    inputs = torch.split(chunk.inputs, size)
    targets = torch.split(chunk.targets, size)
    lengths = (None,) * len(inputs) if chunk.lengths is None else torch.split(chunk.lengths, size)
    for number in range(skip, len(inputs)):
        yield Batch(inputs[number], targets[number], lengths[number])


def in_order(split: MemorySplit, *, batch_size: int) -> Iterator[Batch]:
    """All rows once, in their own order, for evaluation."""
    for first in range(0, len(split), batch_size):
        yield split.fetch(slice(first, first + batch_size))
