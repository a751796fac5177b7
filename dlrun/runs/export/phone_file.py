"""A graph as an ExecuTorch program: a .pte file for phones and small devices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlrun.data.files.optional import import_optional
from dlrun.errors import ConfigError, Problem
from dlrun.runs.export.graph import Graph, captured
from dlrun.runs.export.quiet import quiet
from dlrun.runs.export.values import Arrays
from dlrun.wording import first_line


def phone_bytes(graph: Graph) -> bytes:
    """Return the content of a .pte file, which computes with XNNPACK where it can.

    Raises ConfigError for a model with an operation that ExecuTorch does not have.
    """
    with quiet():
        exir = import_optional("executorch.exir", extra="executorch", needed_by="-o FILE.pte")
        kernels = import_optional(
            "executorch.backends.xnnpack.partition.xnnpack_partitioner", extra="executorch", needed_by="-o FILE.pte"
        )
        program = captured(graph, fixed=True)
        try:
            edge = exir.to_edge_transform_and_lower(program, partitioner=[kernels.XnnpackPartitioner()])
            return bytes(edge.to_executorch().buffer)
        except Exception as error:  # of many kinds, from several compilers
            reason = first_line(error)[:300].rstrip(".")
            what = f"ExecuTorch cannot compile this model: {reason}. Use -o FILE.onnx."
            raise ConfigError(Problem("-o FILE.pte", what)) from error


class PhoneRunner:
    """A .pte file, run by ExecuTorch's runtime on this machine, row by row.

    inputs: their shapes by name. outputs: their names. Both are in order.
    """

    def __init__(self, content: bytes, *, inputs: Mapping[str, Sequence[int]], outputs: Sequence[str]) -> None:
        self._inputs, self._outputs = dict(inputs), list(outputs)
        with quiet():
            runtime = import_optional("executorch.runtime", extra="executorch", needed_by="a .pte file")
        self._program = runtime.Runtime.get().load_program(content)
        self._method: Any = self._program.load_method("forward")

    def __call__(self, inputs: Arrays) -> Arrays:
        """Return the outputs for some rows, by name; shorter rows are padded with 0."""
        rows = len(next(iter(inputs.values())))
        parts: list[list[Any]] = []
        for row in range(rows):
            given = [_fitted(inputs[name][row : row + 1], shape) for name, shape in self._inputs.items()]
            parts.append([tensor.clone().numpy() for tensor in self._method.execute(given)])
        return {
            name: np.concatenate(found) for name, found in zip(self._outputs, zip(*parts, strict=True), strict=True)
        }


def _fitted(array: NDArray[Any], shape: Sequence[int]) -> Tensor:
    """One row in the fixed shape, padded with 0 where it has fewer steps."""
    whole = np.zeros(shape, dtype=array.dtype)
    whole[tuple(slice(size) for size in array.shape)] = array
    return torch.from_numpy(whole)
