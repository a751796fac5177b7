"""Tensors in safetensors files, one at a time: written while they arrive, and read when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

_NAMES = {
    torch.int64: "I64", torch.float64: "F64", torch.float32: "F32", torch.int32: "I32", torch.bfloat16: "BF16",
    torch.float16: "F16", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip
"""The name of each type of numbers in a file's header, in the order in which safetensors writes them."""


@dataclass(frozen=True)
class Entry:
    """A tensor to come: its name, type and shape."""

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def place(self) -> tuple[int, str]:
        """What the tensors of a file are sorted by, as safetensors does."""
        return list(_NAMES).index(self.dtype), self.name

    @property
    def num_bytes(self) -> int:
        """The size of its numbers."""
        return self.dtype.itemsize * torch.Size(self.shape).numel()


@dataclass(frozen=True)
class TensorStream:
    """Tensors that come one after another and may be read once.

    entries: sorted by `place`. pieces: yields the tensors in their order, each as pieces that follow each other in
    memory, on the CPU.
    """

    entries: Sequence[Entry]
    pieces: Callable[[], Iterator[Tensor]]

    def encoded(self) -> Iterator[bytes]:
        """Yield the content of a safetensors file. https://huggingface.co/docs/safetensors/index#format"""
        header, start = {}, 0
        for entry in self.entries:
            end = start + entry.num_bytes
            header[entry.name] = {
                "dtype": _NAMES[entry.dtype],
                "shape": list(entry.shape),
                "data_offsets": [start, end],
            }
            start = end
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
        text += b" " * (-len(text) % 8)  # so that the numbers begin at a multiple of 8 bytes
        yield len(text).to_bytes(8, "little") + text
        for piece in self.pieces():
            yield piece.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()

    def drain(self) -> None:
        """Take part in what makes the pieces, for a process that writes none."""
        for _ in self.pieces():
            pass


class TensorFile(Mapping[str, Tensor]):
    """The tensors of a safetensors file, each read when it is asked for."""

    def __init__(self, path: Path) -> None:
        self._file: Any = safe_open(path, framework="pt")
        self._names = list(self._file.keys())  # type: ignore[no-untyped-call]

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._names:
            raise KeyError(name)
        tensor: Tensor = self._file.get_tensor(name)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
