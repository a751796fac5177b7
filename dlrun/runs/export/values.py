"""What goes into a graph and comes out of it: names, types, shapes and meanings, for the JSON beside a file."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BATCH, TIME = "batch", "time"
"""Sizes that are free: rows given at once, and steps of the longest row."""

Arrays = Mapping[str, NDArray[Any]]
"""Values by name, with rows along the first axis."""

_EXAMPLE_BATCH, _EXAMPLE_TIME = 2, 5  # of what a graph is traced with; 0 and 1 would be taken for constants


@dataclass(frozen=True)
class Value:
    """An input or output of a graph.

    shape: sizes, or the names of free ones. longest: the most steps, where TIME is free. details: further JSON values.
    """

    name: str
    dtype: Literal["float32", "int64"]
    shape: tuple[int | str, ...]
    meaning: str  # a phrase, with units
    longest: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as the JSON beside the file has it."""
        found: dict[str, Any] = {"name": self.name, "dtype": self.dtype, "shape": list(self.shape)}
        if self.longest is not None:
            found["longest"] = self.longest
        return {**found, "meaning": self.meaning, **self.details}

    def fixed(self) -> Value:
        """Return it for one row of the most steps."""
        sizes = {BATCH: 1, TIME: self.longest or 1}
        shape = tuple(sizes[size] if isinstance(size, str) else size for size in self.shape)
        return dataclasses.replace(self, shape=shape, longest=None)

    def example(self, *, fixed: bool = False) -> Tensor:
        """Return a tensor of two rows, or as `fixed` says, to trace a graph with."""
        sizes = {BATCH: _EXAMPLE_BATCH, TIME: min(_EXAMPLE_TIME, self.longest or _EXAMPLE_TIME)}
        whole = self.fixed().shape if fixed else self.shape
        shape = [sizes[size] if isinstance(size, str) else size for size in whole]
        if self.dtype == "int64":
            return torch.ones(shape, dtype=torch.int64)
        return torch.linspace(-1, 1, int(np.prod(shape))).reshape(shape)

    def dynamic(self, dims: Mapping[str, Any]) -> dict[int, Any]:
        """Return which axes are free, for `torch.export`. dims: the free sizes by name."""
        return {axis: dims[size] for axis, size in enumerate(self.shape) if isinstance(size, str)}


def longest_of(values: Sequence[Value]) -> int | None:
    """Return the most steps of a row, or None where no input has a free number of them."""
    return next((value.longest for value in values if value.longest is not None), None)
