"""Batches of rows of similar length, so that they have little padding, and batches cut to their longest row.

Sorting within shuffled chunks keeps the order random: on R8 an epoch of a recurrent network took 7.5 s instead of 73 s
(packed sequences of mixed lengths).
"""

from __future__ import annotations

import torch
from torch import Tensor

from dlrun.data.loading.randomness import generator
from dlrun.data.spec import Batch

_BATCHES_IN_CHUNK = 50


def by_length(order: Tensor, lengths: Tensor, *, batch_size: int, seed: int, epoch: int) -> Tensor:
    """Return a shuffled order, (N,), rearranged so that the rows of each batch are of similar length.

    order: a permutation of the rows; lengths: (N,) of each row. Depends on its arguments alone. The rows that do
    not fill a batch stay last. Chunks of 50 batches are sorted by length; then whole batches are shuffled.
    """
    full = len(order) - len(order) % batch_size
    chunks = torch.split(order[:full], _BATCHES_IN_CHUNK * batch_size)
    ordered = [chunk[torch.argsort(lengths[chunk], stable=True)] for chunk in chunks]
    if not full:
        return order
    batches = torch.cat(ordered).reshape(-1, batch_size)  # (full,) -> (full / B, B)
    drawn = torch.randperm(len(batches), generator=generator(seed, "batch order", epoch))
    return torch.cat([batches[drawn].flatten(), order[full:]])


def longest_of_batches(lengths: Tensor, *, batch_size: int) -> list[int]:
    """Return the longest length in each batch of consecutive rows, (N,) -> ceil(N / B) numbers, at least 1."""
    return [max(1, int(batch.max())) for batch in torch.split(lengths, batch_size)]


def trimmed(batch: Batch, longest: int) -> Batch:
    """Return a batch cut to the length of its longest row, (B, T, ...) -> (B, longest, ...)."""
    return batch._replace(inputs=batch.inputs[:, :longest])
