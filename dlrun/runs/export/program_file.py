"""A graph as a torch.export program: a .pt2 file, run by torch without dlrun."""

from __future__ import annotations

import io
from collections.abc import Sequence

import torch

from dlrun.runs.export.graph import Graph, captured
from dlrun.runs.export.quiet import quiet
from dlrun.runs.export.values import Arrays


def program_bytes(graph: Graph) -> bytes:
    """Return the content of a .pt2 file."""
    buffer = io.BytesIO()
    with quiet():
        torch.export.save(captured(graph), buffer)
    return buffer.getvalue()


class ProgramRunner:
    """A .pt2 file, run on the CPU. inputs, outputs: their names, in order."""

    def __init__(self, content: bytes, *, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        self._inputs, self._outputs = list(inputs), list(outputs)
        with quiet():
            self._module = torch.export.load(io.BytesIO(content)).module()

    def __call__(self, inputs: Arrays) -> Arrays:
        """Return the outputs for some rows, by name."""
        with torch.inference_mode():
            found = self._module(*(torch.from_numpy(inputs[name]) for name in self._inputs))
        return {name: tensor.numpy() for name, tensor in zip(self._outputs, found, strict=True)}
