"""The part of a tensor that a process holds."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


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
