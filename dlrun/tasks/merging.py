"""Merge what several processes measured on their parts of a split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


class Others(Protocol):
    """The other processes that evaluate the same split; every process makes the same calls in the same order."""

    def add(self, tensor: Tensor) -> None:
        """Replace a tensor by its sum over all processes."""

    def joined(self, tensor: Tensor) -> Tensor:
        """Return the rows of all processes, one after another, (N of each, ...) -> (N of all, ...)."""


@runtime_checkable
class Merges(Protocol):
    """An evaluation whose batches several processes can share."""

    def merge(self, others: Others) -> None:
        """Add what the evaluations of the other processes found; afterwards all have the same result."""


def joined_rows(batches: Sequence[Tensor], others: Others, empty: Tensor) -> list[Tensor]:
    """Return the rows of the batches of all processes as one, or none if there are no rows.

    empty: rows of the same type and shape, but 0 of them, for a process that has no batch.
    """
    found = others.joined(torch.cat([empty, *batches]))
    return [found] if len(found) else []
