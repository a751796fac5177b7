"""Where the rows of the batch are in a tensor, and the tensor of the same kind for the rows of all processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from dlrun.data.loading.shard import BatchPart

Multiple = Literal["blocks", "flattened"]


@dataclass(frozen=True)
class Layout:
    """The rows of a batch lie along one dimension of a tensor: once, or in `blocks` of all rows, one after another.

    A tensor of shape (2 B, F) has 2 blocks if it joins two batches. Where each row has become `blocks` neighbours, as
    in (B * T, F), `is_flattened` is True.
    """

    part: BatchPart
    dim: int = 0
    blocks: int = 1
    is_flattened: bool = False

    @property
    def count(self) -> int:
        """How many rows this process has in memory."""
        return self.part.num_present

    def whole_shape(self, shape: Sequence[int]) -> list[int]:
        """Return the shape of the tensor for the rows of all processes."""
        return [*shape[: self.dim], self.blocks * self.part.rows, *shape[self.dim + 1 :]]

    def own(self, whole: Tensor) -> Tensor:
        """Return a view of the rows that this process has; its first dimension is split if there are blocks."""
        present, count = self.part.present, self.count
        if self.blocks == 1:
            return whole.narrow(self.dim, present.start, count)
        if self.is_flattened:
            rows = whole.narrow(0, present.start * self.blocks, count * self.blocks)
            return rows.unflatten(0, (count, self.blocks))  # type: ignore[no-untyped-call, no-any-return]
        blocks: Tensor = whole.unflatten(0, (self.blocks, self.part.rows))  # type: ignore[no-untyped-call]
        return blocks.narrow(1, present.start, count)

    def fill(self, whole: Tensor, own: Tensor) -> None:
        """Copy this process's rows into the tensor of all rows."""
        place = self.own(whole)
        place.copy_(own.reshape(place.shape))


def layout_of(
    shape: Sequence[int], part: BatchPart, *, has_rows: bool = False, multiple: Multiple | None = None
) -> Layout | None:
    """Return where the rows are in a tensor of this shape; None if they are not to be seen in it.

    has_rows: whether the tensor is known to depend on the rows; then a multiple of them is looked for, too.
    multiple: what such a multiple is, if one was made in this pass: batches in "blocks", or "flattened" rows.
    """
    count = part.num_present
    if not shape:
        return None
    if shape[0] == count:
        return Layout(part)
    is_multiple = has_rows and shape[0] > 0 and shape[0] % count == 0
    if len(shape) > 2 and shape[1] == count and not (is_multiple and multiple):
        return Layout(part, dim=1)  # (members, B, ...) or (T, B, ...)
    if is_multiple:
        return Layout(part, blocks=shape[0] // count, is_flattened=multiple == "flattened")
    return None


def empty_for(layout: Layout, like: Tensor, order: Sequence[int]) -> Tensor:
    """Return an uninitialised tensor for all rows with the dimensions of `like` in this order in memory."""
    shape = layout.whole_shape(like.shape)
    strides, size = [0] * len(shape), 1
    for dim in reversed(order):
        strides[dim] = size
        size *= max(1, shape[dim])
    return torch.empty_strided(shape, strides, dtype=like.dtype, device=like.device)


def order_in_memory(tensor: Tensor) -> list[int]:
    """Return the dimensions of a tensor from the one that changes slowest in memory to the quickest."""
    strides = tensor.stride()
    return sorted(range(tensor.ndim), key=lambda dim: (-strides[dim], dim))
