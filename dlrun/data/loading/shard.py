"""Which rows of a batch each process of a run takes, when several train one model together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Shard:
    """The place of a process among those that share every batch: its rank, from 0, and how many there are."""

    rank: int = 0
    size: int = 1

    @property
    def is_whole(self) -> bool:
        """Whether this process takes every row."""
        return self.size == 1

    def part(self, rows: int) -> tuple[int, int]:
        """Return the first row that this process takes of a batch and the one after its last.

        The parts follow each other in the order of the ranks, and their sizes differ by one row at most.
        """
        return self.rank * rows // self.size, (self.rank + 1) * rows // self.size


WHOLE = Shard()
"""Of a process that trains alone."""


@dataclass(frozen=True)
class BatchPart:
    """Which rows of the whole batch this process has: those from `first` to before `last`, of `rows`.

    A batch of fewer rows than there are processes leaves some without a row. They have its first row instead and
    `is_empty` is True: the row has no share in loss and gradients, and every process makes the same calls.
    weights: (rows,) float32, of all rows of the batch; None if all rows count alike.
    targets: of all rows of the batch, if the loader was asked for them.
    """

    first: int
    last: int
    rows: int
    weights: Tensor | None = None
    targets: Tensor | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no row of the batch is this process's own."""
        return self.first == self.last

    @property
    def present(self) -> slice:
        """The rows of the whole batch that this process has in memory."""
        return slice(0, 1) if self.is_empty else slice(self.first, self.last)

    @property
    def num_present(self) -> int:
        """How many rows that is."""
        return max(1, self.last - self.first)


@dataclass(frozen=True)
class ShardedChunk:
    """The rows that a process takes of consecutive batches, which are fetched in one call.

    positions: (n,) int64, in the order of the epoch. sizes: rows of each batch. parts: of each batch.
    """

    positions: Tensor
    sizes: list[int]
    parts: list[BatchPart]


def chunk_of(shard: Shard, *, first: int, count: int, batch_size: int, rows: int) -> ShardedChunk:
    """Return what a process takes of the batches `first` to before `first + count` of an epoch of so many rows."""
    positions, sizes, parts = [], [], []
    for start in range(first * batch_size, min((first + count) * batch_size, rows), batch_size):
        whole = min(batch_size, rows - start)
        part = BatchPart(*shard.part(whole), whole)
        present = part.present
        positions.append(torch.arange(start + present.start, start + present.stop))
        sizes.append(present.stop - present.start)
        parts.append(part)
    return ShardedChunk(torch.cat(positions), sizes, parts)
