"""One split of a dataset, in memory or read when needed, and the batches of an epoch over it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from dlrun.configuration.schema.fields import Augment
from dlrun.data.loading.augment import augment_images, is_active
from dlrun.data.loading.bucketing import by_length, longest_of_batches, trimmed
from dlrun.data.loading.moving import moved
from dlrun.data.loading.randomness import permutation
from dlrun.data.loading.shard import WHOLE, Shard, ShardedChunk, chunk_of
from dlrun.data.spec import Batch, Scaling

_CHUNK_BYTES = 4 << 20  # rows of several batches gathered at once: one call, and they fit into the cache
_CHUNK_BYTES_OF_GPU = 64 << 20  # launching the kernels that gather and augment takes longer than their work


class Split(ABC):
    """Rows for training or evaluation, fetched in batches on the training device.

    targets, lengths and weights are whole tensors there, as in Batch; inputs may be read when they are needed.
    """

    targets: Tensor
    lengths: Tensor | None
    weights: Tensor | None = None
    channels_last: bool = False  # memory format of fetched images

    def __len__(self) -> int:
        return len(self.targets)

    @property
    @abstractmethod
    def row_bytes(self) -> int:
        """Bytes of one row of inputs, scaled."""

    @property
    @abstractmethod
    def index_device(self) -> torch.device:
        """The device of the indices that `fetch` needs."""

    @abstractmethod
    def to(self, device: torch.device) -> Split:
        """Return the same split on another device."""

    @abstractmethod
    def fetch(self, rows: Tensor | slice, *, augment: Augment | None = None, seed: int = 0, epoch: int = 0) -> Batch:
        """Return the rows of `rows`, (B,) int64 or a slice, scaled, and augmented as in `augment`.

        Raises DataError for a row that cannot be read.
        """

    def stream(
        self, groups: Sequence[Tensor | slice], *, augment: Augment | None = None, seed: int = 0, epoch: int = 0
    ) -> Iterator[Batch]:
        """Yield what `fetch` returns for each group of rows; later groups may be read ahead."""
        return (self.fetch(rows, augment=augment, seed=seed, epoch=epoch) for rows in groups)


def scaling_tensors(scaling: Scaling | None, *, ndim: int) -> tuple[Tensor, ...] | None:
    """Return shift and factor of a scaling, shaped for inputs of `ndim` dimensions."""
    if scaling is None:
        return None
    trailing = (1,) * (ndim - 2) if ndim == 4 else ()
    shift = torch.tensor(scaling.mean, dtype=torch.float32).reshape(-1, *trailing)
    return shift, torch.tensor(scaling.std, dtype=torch.float32).reciprocal().reshape(-1, *trailing)


def scale(inputs: Tensor, by: tuple[Tensor, ...] | None, *, channels_last: bool = False) -> Tensor:
    """Return raw inputs scaled, float32, in channels-last memory format if set."""
    layout = torch.channels_last if channels_last else torch.preserve_format
    if by is not None:
        return inputs.to(torch.float32, copy=True, memory_format=layout).sub_(by[0]).mul_(by[1])
    return inputs.contiguous(memory_format=layout) if channels_last else inputs


class MemorySplit(Split):
    """Whole tensors on the training device, or inputs in the machine's memory if the device has no room for them.

    Bytes stay bytes until they are fetched, a quarter of the memory of float32; floats are scaled beforehand.
    """

    def __init__(
        self,
        inputs: Tensor,
        targets: Tensor,
        *,
        lengths: Tensor | None = None,
        weights: Tensor | None = None,
        scaling: Scaling | None = None,
    ) -> None:
        self.inputs = inputs
        self.targets = targets
        self.lengths = lengths
        self.weights = weights
        self._scaling = scaling_tensors(scaling, ndim=inputs.ndim)

    @property
    def row_bytes(self) -> int:
        return max(1, self.inputs[:1].numel()) * 4

    @property
    def index_device(self) -> torch.device:
        return self.inputs.device

    def to(self, device: torch.device, *, with_inputs: bool = True) -> MemorySplit:
        """Return the same split on another device; without its inputs, each batch of them is copied when fetched."""
        other = MemorySplit.__new__(MemorySplit)
        for name, value in vars(self).items():
            stays = not isinstance(value, Tensor) or (name == "inputs" and not with_inputs)
            setattr(other, name, value if stays else value.to(device))
        other._scaling = None if self._scaling is None else tuple(part.to(device) for part in self._scaling)
        return other

    def scaled(self, inputs: Tensor, *, in_place: bool = False) -> Tensor:
        """Return raw inputs scaled; float32 unless there is no scaling."""
        if self._scaling is None:
            return inputs
        if in_place and inputs.dtype == torch.float32:
            return inputs.sub_(self._scaling[0]).mul_(self._scaling[1])
        return scale(inputs, self._scaling)

    def fetch(self, rows: Tensor | slice, *, augment: Augment | None = None, seed: int = 0, epoch: int = 0) -> Batch:
        device = self.targets.device
        inputs = moved(self.inputs[rows] if isinstance(rows, slice) else self.inputs.index_select(0, rows), device)
        rows = rows if isinstance(rows, slice) else moved(rows, device)
        if augment is not None and is_active(augment):
            index = torch.arange(len(self), device=device)[rows] if isinstance(rows, slice) else rows
            inputs = augment_images(inputs, index, augment=augment, seed=seed, epoch=epoch)
        inputs = scale(inputs, self._scaling, channels_last=self.channels_last)
        targets = self.targets[rows] if isinstance(rows, slice) else self.targets.index_select(0, rows)
        lengths = None if self.lengths is None else self.lengths[rows]
        return Batch(inputs, targets, lengths, None if self.weights is None else self.weights[rows])


class Loader:
    """The batches of each epoch over a split, which depend on (seed, epoch) alone.

    shard: which rows of every batch are yielded; only those are read.
    with_targets: whether the part of a batch has the targets of all its rows.
    """

    def __init__(
        self,
        split: Split,
        *,
        batch_size: int,
        seed: int,
        shuffle: bool,
        augment: Augment | None = None,
        shard: Shard = WHOLE,
        with_targets: bool = False,
    ) -> None:
        self.split = split
        self.batch_size = batch_size
        self._seed = seed
        self._shuffle = shuffle and batch_size < len(split)  # a single batch has no order
        self._augment = augment
        self._shard = shard
        self._with_targets = with_targets
        self._lengths = None if split.lengths is None else split.lengths.cpu()
        chunk_bytes = _CHUNK_BYTES if split.index_device.type == "cpu" else _CHUNK_BYTES_OF_GPU
        self._chunk = max(1, min(64, chunk_bytes // (batch_size * split.row_bytes)))  # batches gathered at once

    def __len__(self) -> int:
        """Return the number of batches of an epoch; the last may be smaller."""
        return -(-len(self.split) // self.batch_size)

    def epoch(self, epoch: int, *, start: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch from number `start` on.

        Chunks begin at the same batches for any `start`, so that a batch is always at the same offset in memory and
        vectorised kernels give the same bits.
        """
        order = permutation(len(self.split), seed=self._seed, epoch=epoch) if self._shuffle else None
        lengths = self._lengths
        if order is not None and lengths is not None:
            order = by_length(order, lengths, batch_size=self.batch_size, seed=self._seed, epoch=epoch)
            lengths = lengths[order]
        longest = None if lengths is None else longest_of_batches(lengths, batch_size=self.batch_size)
        if order is not None:
            order = moved(order, self.split.index_device)
        firsts = range(start - start % self._chunk, len(self), self._chunk)
        for number, batch in self._chunks(order, firsts, start=start, epoch=epoch):
            yield batch if longest is None else trimmed(batch, longest[number])

    def _chunks(self, order: Tensor | None, firsts: range, *, start: int, epoch: int) -> Iterator[tuple[int, Batch]]:
        """Yield every batch from `start` on with its number. firsts: the first batch of each chunk."""
        size, sharded = self.batch_size, None
        if self._shard.is_whole:
            slices = [slice(first * size, (first + self._chunk) * size) for first in firsts]
            groups: Sequence[Tensor | slice] = slices if order is None else [order[rows] for rows in slices]
        else:
            sharded = [
                chunk_of(self._shard, first=first, count=self._chunk, batch_size=size, rows=len(self.split))
                for first in firsts
            ]
            own = [moved(each.positions, self.split.index_device) for each in sharded]
            groups = own if order is None else [order[rows] for rows in own]
        chunks = self.split.stream(groups, augment=self._augment, seed=self._seed, epoch=epoch)
        for place, (first, chunk) in enumerate(zip(firsts, chunks, strict=True)):
            skip = max(0, start - first)
            batches = _batches(chunk, size if sharded is None else sharded[place].sizes, skip=skip)
            for number, batch in enumerate(batches, start=first + skip):
                yield number, batch if sharded is None else self._with_part(batch, sharded[place], number, order)

    def _with_part(self, batch: Batch, chunk: ShardedChunk, number: int, order: Tensor | None) -> Batch:
        """Return a batch of this process with its place in the whole batch, and what of all rows there is needed."""
        part, split = chunk.parts[number % self._chunk], self.split
        rows = slice(number * self.batch_size, number * self.batch_size + part.rows)
        index = rows if order is None else moved(order[rows], split.targets.device)
        weights = None if split.weights is None else split.weights[index]
        targets = split.targets[index] if self._with_targets else None
        return batch._replace(part=replace(part, weights=weights, targets=targets))


def _batches(chunk: Batch, size: int | list[int], *, skip: int) -> Iterator[Batch]:
    """Views of `size` rows, or of as many as each is to have, into a chunk."""
    inputs = torch.split(chunk.inputs, size)
    targets = torch.split(chunk.targets, size)
    lengths = (None,) * len(inputs) if chunk.lengths is None else torch.split(chunk.lengths, size)
    weights = (None,) * len(inputs) if chunk.weights is None else torch.split(chunk.weights, size)
    for number in range(skip, len(inputs)):
        yield Batch(inputs[number], targets[number], lengths[number], weights[number])


def in_order(split: Split, *, batch_size: int, shard: Shard = WHOLE) -> Iterator[Batch]:
    """Yield all rows once, in their own order, for evaluation; batches are cut to their longest row.

    shard: which batches are yielded, every one of so many; each is yielded whole.
    """
    longest = None if split.lengths is None else longest_of_batches(split.lengths.cpu(), batch_size=batch_size)
    numbers = range(shard.rank, -(-len(split) // batch_size), shard.size)
    groups = [slice(number * batch_size, (number + 1) * batch_size) for number in numbers]
    for number, batch in zip(numbers, split.stream(groups), strict=True):
        yield batch if longest is None else trimmed(batch, longest[number])
