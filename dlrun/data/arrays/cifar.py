"""The binary version of CIFAR-10: six files of labels and pixels, in a folder or a .tar.gz archive.

The format is described by Krizhevsky at https://www.cs.toronto.edu/~kriz/cifar.html.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from dlrun.data.files.download import fetch, missing_files
from dlrun.data.source import Rows, Source
from dlrun.errors import DataError

_ARCHIVE = "cifar-10-binary.tar.gz"
_FOLDER = "cifar-10-batches-bin"
_FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")
_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
_PICKLED = ("cifar-10-python.tar.gz", "cifar-10-batches-py")

_ROW_BYTES = 1 + 3 * 32 * 32  # a label, then red, green and blue, each row by row
_MAX_FILE_BYTES = 100_000 * _ROW_BYTES
_MAX_ARCHIVE_BYTES = 512 << 20  # unpacked
_MAX_DOWNLOAD_BYTES = 256 << 20
_CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def cifar_source(root: str, *, mirrors: Sequence[str], download: bool) -> Source:
    """Return images (N, 3, 32, 32) uint8 and labels (N,) int64 from the folder `root`.

    The folder has the six .bin files, the folder `cifar-10-batches-bin` with them, or `cifar-10-binary.tar.gz`, which
    is downloaded if none of them exists. Raises DataError for what is missing or damaged.
    """
    folder = Path(os.path.expanduser(root))
    batches = _read(folder, mirrors=mirrors, download=download)
    return Source(
        "image",
        "multiclass",
        train=_rows([batches[name] for name in _FILES[:-1]]),
        test=_rows([batches[_FILES[-1]]]),
        class_names=_CLASS_NAMES,
        value_range=(0.0, 255.0),
    )


def _rows(batches: Sequence[Tensor]) -> Rows:
    """Images (N, 3, 32, 32) uint8 and labels (N,) int64 of files' rows."""
    rows = torch.cat(list(batches))  # each (B, 3073) -> (N, 3073)
    images = rows[:, 1:].reshape(-1, 3, 32, 32)  # (N, 3072) -> (N, 3, 32, 32)
    return Rows(images, rows[:, 0].to(torch.int64))


def _read(folder: Path, *, mirrors: Sequence[str], download: bool) -> dict[str, Tensor]:
    """The rows of each file, (N, 3073) uint8, from any of their places in the folder."""
    archive = folder / _ARCHIVE
    for place in (folder, folder / _FOLDER):
        missing = [name for name in _FILES if not (place / name).exists()]
        if not missing:
            return {name: _read_file(place / name) for name in _FILES}
        if len(missing) < len(_FILES) and not archive.exists():
            raise DataError(f"{place}: expected {len(_FILES)} files, got only some; missing: {', '.join(missing)}.")
    if not archive.exists():
        try:
            if not download:
                raise missing_files(f"{_ARCHIVE} (or {_FOLDER})", folder=folder)
            fetch(_ARCHIVE, sha256=_SHA256, folder=folder, mirrors=mirrors, max_bytes=_MAX_DOWNLOAD_BYTES)
        except DataError as error:
            raise DataError(f"{error}{_pickle_hint(folder)}") from error
    return _read_archive(archive)


def _pickle_hint(folder: Path) -> str:
    for path in (folder / name for name in _PICKLED):
        if path.exists():
            return (
                f"\n{path} is the version in Python's pickle format, which dlrun never reads: reading a pickle can "
                "run code. The binary version has the same images."
            )
    return ""


def _read_file(path: Path) -> Tensor:
    try:
        with path.open("rb") as file:
            return _read_rows(file, str(path))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error


def _read_rows(file: IO[bytes], name: str) -> Tensor:
    data = file.read(_MAX_FILE_BYTES + 1)
    if len(data) > _MAX_FILE_BYTES:
        raise DataError(f"{name}: expected at most {_MAX_FILE_BYTES} bytes, got more.")
    if not data or len(data) % _ROW_BYTES:
        raise DataError(f"{name}: expected rows of {_ROW_BYTES} bytes (a label, then 3x32x32), got {len(data)} bytes.")
    rows = torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(-1, _ROW_BYTES)  # (N * 3073,) -> (N, 3073)
    too_high = (rows[:, 0] >= len(_CLASS_NAMES)).nonzero()
    if len(too_high):
        row = int(too_high[0])
        label = int(rows[row, 0])
        raise DataError(f"{name}: row {row}: expected a label from 0 to {len(_CLASS_NAMES) - 1}, got {label}.")
    return rows


class _Bounded:
    """A stream that raises DataError once it unpacks to more than a valid archive can."""

    def __init__(self, file: gzip.GzipFile, name: str) -> None:
        self._file = file
        self._name = name
        self._left = _MAX_ARCHIVE_BYTES

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise DataError(f"{self._name}: expected at most {_MAX_ARCHIVE_BYTES} bytes unpacked, got more.")
        return data


def _read_archive(path: Path) -> dict[str, Tensor]:
    """The six files of the archive, by their exact names, read as a stream without unpacking to disk."""
    batches: dict[str, Tensor] = {}
    wanted = {f"{_FOLDER}/{name}": name for name in _FILES}
    try:
        with gzip.open(path, "rb") as packed:
            stream: Any = _Bounded(packed, str(path))  # has all methods of a file that a tar stream uses
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    name = wanted.get(member.name)
                    if name is None:
                        continue
                    place = f"{path}: {member.name}"
                    file = archive.extractfile(member) if member.isreg() and not member.issparse() else None
                    if file is None:
                        raise DataError(f"{place}: expected a plain file, got a link or something else.")
                    if name in batches:
                        raise DataError(f"{place}: expected once, got it twice.")
                    batches[name] = _read_rows(file, place)
    except (OSError, EOFError, ValueError, zlib.error, tarfile.TarError) as error:
        message = f"{path}: damaged or cannot be read ({error}). Remove it to have it downloaded again."
        raise DataError(message) from error
    missing = [member for member, name in wanted.items() if name not in batches]
    if missing:
        what = f"expected {len(_FILES)} files of images, got {len(batches)}"
        raise DataError(f"{path}: {what}; missing: {', '.join(missing)}.")
    return batches
