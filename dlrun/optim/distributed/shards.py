"""The parts of a task's parameters that this process holds, when several share them out."""

from __future__ import annotations

from torch import Tensor, nn

from dlrun.optim.distributed.part import Part, part_of


class Shards:
    """The parts of a task's parameters in this process.

    rank, size: of this process, from 0, and how many there are.
    Each parameter of the task is a DTensor from now on; its part is a parameter of its own, for an optimizer to step.
    """

    def __init__(self, rank: int, size: int) -> None:
        self._rank, self._size = rank, size
        self._parts: dict[int, nn.Parameter] = {}  # by the identity of the sharded parameter
        self._sharded: dict[int, nn.Parameter] = {}  # by the identity of its part
        self._whole: dict[int, nn.Parameter] = {}  # by that of its part: without numbers while its block does not run

    def add(self, sharded: nn.Parameter, whole: nn.Parameter) -> None:
        """Add a parameter: as the task has it between the passes of its block, and during them."""
        own = nn.Parameter(local(sharded).detach(), requires_grad=sharded.requires_grad)
        self._parts[id(sharded)] = own
        self._sharded[id(own)], self._whole[id(own)] = sharded, whole

    def part(self, parameter: nn.Parameter) -> nn.Parameter:
        """Return this process's part of a parameter; a parameter that is not sharded is its own part."""
        return self._parts.get(id(parameter), parameter)

    def sharded(self, part: Tensor) -> nn.Parameter:
        """Return the parameter that a part belongs to."""
        return self._sharded[id(part)]

    def whole(self, part: Tensor) -> nn.Parameter:
        """Return the parameter that the graph of a loss ends in."""
        return self._whole[id(part)]

    def place(self, sharded: Tensor) -> Part:
        """Return which part of a sharded tensor this process has."""
        (placement,) = sharded.placements  # type: ignore[attr-defined]
        return part_of(tuple(sharded.shape), placement.dim, rank=self._rank, size=self._size)


def is_sharded(tensor: Tensor) -> bool:
    """Return whether a tensor is a sharded one, of which this process has a part."""
    return hasattr(tensor, "placements")


def local(tensor: Tensor) -> Tensor:
    """Return this process's part of a sharded tensor, and any other tensor as it is."""
    if not is_sharded(tensor):
        return tensor
    part: Tensor = tensor.to_local()  # type: ignore[attr-defined]
    return part


def set_numbers(parameter: Tensor, numbers: Tensor) -> None:
    """Give a parameter these numbers, of the same shape; where processes share it out, this process's part of them."""
    if is_sharded(parameter):
        (placement,) = parameter.placements  # type: ignore[attr-defined]
        mesh = parameter.device_mesh  # type: ignore[attr-defined]
        numbers = part_of(tuple(parameter.shape), placement.dim, rank=mesh.get_local_rank(), size=mesh.size()).of(
            numbers
        )
    local(parameter).detach().copy_(numbers)
