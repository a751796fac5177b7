"""How the parts of a tensor travel to the first process, and whole tensors from it to all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from dlrun.optim.distributed.group import Group
from dlrun.optim.distributed.lost import telling_of_loss
from dlrun.optim.distributed.part import Part, part_of


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
