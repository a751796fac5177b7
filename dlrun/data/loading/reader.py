"""Rows that are read from files when they are needed, and whether all of them fit into memory."""

from __future__ import annotations

import os
import resource
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.configuration.place import place_of_process
from dlrun.data.files.status_line import long_work
from dlrun.errors import ConfigError, Problem

_SHARE = 0.3  # of the free memory that rows may use, since splitting copies them
_ROWS_AT_ONCE = 64
AS_NEEDED = "read from their files when needed; trainer.workers=2 reads ahead"  # in a notice
_BLOCK_BYTES = 16 << 20


class Reader(ABC):
    """Rows read from files when needed, always the same; it is pickled for workers, so it has plain values only."""

    dtype: torch.dtype
    row_shape: tuple[int, ...]

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of rows."""

    @abstractmethod
    def read(self, rows: Sequence[int]) -> Tensor:
        """Return the raw rows `rows`, (B, *row_shape).

        Raises DataError naming the file.
        """

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of all rows as one tensor."""
        return (len(self), *self.row_shape)

    @property
    def num_bytes(self) -> int:
        """The size of all rows as one tensor."""
        return len(self) * max(1, torch.Size(self.row_shape).numel()) * self.dtype.itemsize

    def __getitem__(self, index: Tensor) -> Reader:
        """Return a reader of the rows of `index`, (N,) int64."""
        return _Subset(self, index)

    def padded(self, pixels: int) -> Reader:
        """Return a reader of the same images with `pixels` of background on each side."""
        return _Padded(self, pixels)


class _Subset(Reader):
    def __init__(self, reader: Reader, index: Tensor) -> None:
        self._reader = reader
        self._index = index.numpy()
        self.dtype, self.row_shape = reader.dtype, reader.row_shape

    def __len__(self) -> int:
        return len(self._index)

    def read(self, rows: Sequence[int]) -> Tensor:
        return self._reader.read([int(self._index[row]) for row in rows])


class _Padded(Reader):
    def __init__(self, reader: Reader, pixels: int) -> None:
        self._reader = reader
        self._pixels = pixels
        channels, height, width = reader.row_shape
        self.dtype = reader.dtype
        self.row_shape = (channels, height + 2 * pixels, width + 2 * pixels)

    def __len__(self) -> int:
        return len(self._reader)

    def read(self, rows: Sequence[int]) -> Tensor:
        return F.pad(self._reader.read(rows), (self._pixels,) * 4)  # (B, C, H, W) -> (B, C, H + 2 p, W + 2 p)


def blocks_of(inputs: Tensor | Reader) -> Iterator[Tensor]:
    """Yield all rows in blocks of some megabytes; the same blocks in memory and from files."""
    row_bytes = max(1, torch.Size(inputs.shape[1:]).numel()) * inputs.dtype.itemsize
    count = max(1, _BLOCK_BYTES // row_bytes)
    for first in range(0, len(inputs), count):
        if isinstance(inputs, Reader):
            yield inputs.read(range(first, min(first + count, len(inputs))))
        else:
            yield inputs[first : first + count]


def fits(num_bytes: int, *, in_memory: bool | str) -> bool:
    """Whether to read rows of so many bytes into memory: as `in_memory` says, or with "auto" by the free memory."""
    if isinstance(in_memory, bool):
        return in_memory
    return num_bytes <= _SHARE * own_memory()


def read_all(reader: Reader, *, what: str) -> Tensor:
    """Return all rows as one tensor, decoded by one thread per core.

    Raises DataError naming the first file that cannot be read, and ConfigError if they do not fit.
    """
    try:
        rows = torch.empty(reader.shape, dtype=reader.dtype)
    except RuntimeError as error:  # torch's "can't allocate memory"
        size = f"{len(reader):,} {what}, {reader.num_bytes / 2**20:,.0f} MiB decoded, do not fit into memory. "
        raise ConfigError(
            Problem(
                "dataset.in_memory=true",
                size + "Use dataset.in_memory=false.",
                id="out-of-memory",
                fix="dataset.in_memory=false",
            )
        ) from error

    def fill(first: int) -> int:
        chosen = range(first, min(first + _ROWS_AT_ONCE, len(reader)))
        rows[first : first + len(chosen)] = reader.read(chosen)
        return len(chosen)

    with one_thread(), long_work(f"Reading {what}", len(reader)) as done, ThreadPoolExecutor(os.cpu_count()) as pool:
        for count in pool.map(fill, range(0, len(reader), _ROWS_AT_ONCE)):
            done(count)
    return rows


@contextmanager
def one_thread() -> Iterator[None]:
    """Use one torch thread within a `with` block, as worker processes do: more threads may give other bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def own_memory() -> int:
    """Return the bytes of `available_memory` that this process may fill with rows.

    Processes that train together on a machine each read all rows that are held in memory, so they share it equally.
    """
    return available_memory() // place_of_process().local_size


def available_memory() -> int:
    """Return the bytes that this process may still allocate: free memory, or less by its control group or own limit."""
    bounds = [_free_memory()]
    group = _number("/sys/fs/cgroup/memory.max")
    if group is not None:
        bounds.append(group - (_number("/sys/fs/cgroup/memory.current") or 0))
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        bounds.append(soft - _address_space())
    return max(0, min(bounds))


def _free_memory() -> int:
    page = os.sysconf("SC_PAGE_SIZE")
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():  # not Linux
        return os.sysconf("SC_PHYS_PAGES") * page // 2
    entries = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
    return int(entries["MemAvailable"].split()[0]) * 1024


def _address_space() -> int:
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE") if statm.exists() else 0


def _number(path: str) -> int | None:
    """The number in a file of the system; None if there is no such file or no limit."""
    try:
        text = Path(path).read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
