"""Rows of an array in a file, read when they are needed: the file may be larger than memory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from dlrun.data.files.paths import changed, check_unchanged, unreadable
from dlrun.data.loading.reader import Reader

_SAFETENSORS_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip


_CLOSE = 4  # rows apart at most: reading the rows between costs less than another call
_MAX_HEADER_BYTES = 100 << 20  # the limit of the format


@dataclass(frozen=True)
class Place:
    """Where the numbers of an array are in a file, row after row, and the state of the file then."""

    path: Path
    offset: int  # bytes
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    size: int  # of the file, bytes
    mtime_ns: int

    @property
    def row_bytes(self) -> int:
        """The size of a row in the file."""
        return int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize


def place_of(path: Path, name: str) -> Place | None:
    """Return where the array `name` is in a .npy or .safetensors file.

    None if rows are not stored one after the other: a .npz, Fortran order, objects, a type that numpy does not have.
    Raises ValueError or KeyError for a file that is damaged or does not have the array.
    """
    if path.suffix not in (".npy", ".safetensors"):
        return None
    found = _in_npy(path) if path.suffix == ".npy" else _in_safetensors(path, name)
    if found is not None and not all(type(size) is int and size >= 0 for size in found.shape):
        raise ValueError("the sizes of its array are not whole numbers from 0 up")
    if found is not None and found.offset + found.shape[0] * found.row_bytes > found.size:
        raise ValueError(f"it is cut off: {found.size} bytes, an array of shape {found.shape} needs more")
    return found


def _in_npy(path: Path) -> Place | None:
    status = path.stat()
    with path.open("rb") as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, is_fortran, dtype = read(stream)
        offset = stream.tell()
    if not shape or dtype.hasobject or (is_fortran and len(shape) > 1):
        return None
    return Place(path, offset, dtype, shape, status.st_size, status.st_mtime_ns)


def _in_safetensors(path: Path, name: str) -> Place | None:
    status = path.stat()
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if length > min(_MAX_HEADER_BYTES, status.st_size):
            raise ValueError("its header is longer than the file")
        header = json.loads(stream.read(length))
    entry = header[name]
    if entry["dtype"] not in _SAFETENSORS_DTYPES or not entry["shape"]:
        return None
    dtype, offset = np.dtype(_SAFETENSORS_DTYPES[entry["dtype"]]), 8 + length + entry["data_offsets"][0]
    return Place(path, offset, dtype, tuple(entry["shape"]), status.st_size, status.st_mtime_ns)


class ArrayReader(Reader):
    """Rows of a stored array, converted to inputs by `convert`, which must be picklable.

    Rows are read and not mapped: a file that is cut off meanwhile is an error, while a mapping would end the process.
    """

    def __init__(self, place: Place, convert: Callable[[NDArray[Any]], Tensor]) -> None:
        self._place, self._convert = place, convert
        sample = convert(np.zeros((1, *place.shape[1:]), dtype=place.dtype))
        self.dtype, self.row_shape = sample.dtype, tuple(sample.shape[1:])
        self._handle: int | None = None

    def __len__(self) -> int:
        return self._place.shape[0]

    def read(self, rows: Sequence[int]) -> Tensor:
        """Return the rows `rows`, (B, *row_shape); rows close to each other are read at once.

        Raises DataError if the file cannot be read or has changed.
        """
        raw = np.empty((len(rows), *self._place.shape[1:]), dtype=self._place.dtype)
        index = np.asarray(rows, dtype=np.int64)
        apart = np.diff(index, prepend=index[:1] - _CLOSE - 1)
        starts = np.flatnonzero((apart < 1) | (apart > _CLOSE))  # of each group of rows close to each other
        ends = np.append(starts[1:], len(index))[: len(starts)]
        try:
            self._check()
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                self._read(raw[start:end], index[start:end])
            self._check()
        except OSError as error:
            raise unreadable(self._place.path, error) from error
        return self._convert(raw)

    def _read(self, into: NDArray[Any], index: NDArray[np.int64]) -> None:
        """Read ascending rows, and the rows between them."""
        first, count = int(index[0]), int(index[-1] - index[0]) + 1
        span = into if count == len(into) else np.empty((count, *into.shape[1:]), dtype=into.dtype)
        rest = span.reshape(-1).view(np.uint8).data
        offset = self._place.offset + first * self._place.row_bytes
        while rest:
            num_bytes = os.preadv(self._opened(), [rest], offset)
            if not num_bytes:
                raise changed(self._place.path)
            rest, offset = rest[num_bytes:], offset + num_bytes
        if span is not into:
            np.take(span, index - first, axis=0, out=into)

    def _opened(self) -> int:
        if self._handle is None:
            self._handle = os.open(self._place.path, os.O_RDONLY | os.O_CLOEXEC)
        return self._handle

    def _check(self) -> None:
        check_unchanged(self._place.path, self._place.size, self._place.mtime_ns)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_handle": None}  # each process opens the file itself

    def __del__(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
