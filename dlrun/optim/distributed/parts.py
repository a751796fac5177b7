"""The part of a tensor that a process holds, and how parts travel: to the first process, and from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.lost import telling_of_loss


@dataclass(frozen=True)
class Part:
    """The numbers `start` to before `stop` along dimension `dim` of a tensor of the whole `shape`."""

    shape: tuple[int, ...]
    dim: int
    start: int
    stop: int

    def of(self, whole: Tensor) -> Tensor:
        """Return a view of this part of the whole tensor."""
        return whole.narrow(self.dim, self.start, self.stop - self.start)

    @property
    def part_shape(self) -> tuple[int, ...]:
        """The shape of the part itself."""
        return (*self.shape[: self.dim], self.stop - self.start, *self.shape[self.dim + 1 :])


def part_of(shape: tuple[int, ...], dim: int, *, rank: int, size: int) -> Part:
    """Return the part of a process: equal pieces, rounded up, of which the last may be smaller or empty."""
    length = shape[dim]
    piece = -(-length // size)
    return Part(shape, dim, min(rank * piece, length), min((rank + 1) * piece, length))


def dim_of(shape: tuple[int, ...], size: int) -> int:
    """Return along which dimension a parameter is cut: rows, unless there are too few and another divides evenly."""
    if shape[0] >= size:
        return 0
    return next((dim for dim, length in enumerate(shape) if length and length % size == 0), 0)


def pieces_in_first(own: Tensor, part: Part, group: Group) -> Iterator[Tensor]:
    """Yield the whole tensor in the first process, in pieces one after another in memory; a collective call.

    own: the part of this process. The other processes send theirs and yield nothing. The first one holds one part at a
    time, or all of them if they are cut along another dimension than the rows.
    """
    mine = own.detach().cpu().contiguous()
    if not group.is_first:
        if mine.numel():
            with telling_of_loss():
                torch.distributed.send(_as_bytes(mine), 0)
        return
    found = (mine if rank == 0 else _received(part, mine.dtype, rank, group) for rank in range(group.size))
    if part.dim == 0:
        yield from found
    else:
        yield torch.cat(list(found), dim=part.dim)


def _received(part: Part, kind: torch.dtype, rank: int, group: Group) -> Tensor:
    theirs = torch.empty(part_of(part.shape, part.dim, rank=rank, size=group.size).part_shape, dtype=kind)
    if theirs.numel():
        with telling_of_loss():
            torch.distributed.recv(_as_bytes(theirs), rank)
    return theirs


def _as_bytes(tensor: Tensor) -> Tensor:
    return tensor.reshape(-1).view(torch.uint8)


def whole_from_first(tensors: Mapping[str, Tensor], group: Group) -> Iterator[tuple[str, Tensor]]:
    """Yield the first process's tensors by name, one at a time, on the CPU; what the others give is not used."""
    names = group.from_first(list(tensors))
    for name in names:
        yield from group.tensors_from_first({name: tensors[name]} if group.is_first else {}).items()
