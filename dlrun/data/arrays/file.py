"""Arrays in .npy, .npz and .safetensors files, read without unpickling."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from dlrun.data.arrays.reader import Place, place_of
from dlrun.data.files.paths import check_file
from dlrun.data.loading.reader import own_memory
from dlrun.errors import DataError, did_you_mean
from dlrun.wording import printable

ENDINGS = (".npy", ".npz", ".safetensors")
_MAPPED_BYTES = 64 << 20  # larger .npy files are mapped: only rows that are used are read


def read_array(path: Path, name: str) -> Tensor:
    """Return the array `name` of a file, or the only one of a .npy file.

    Raises DataError for a file or array that is missing, damaged, of objects, or too large once unpacked.
    """
    shown = _checked(path)
    with _as_data_errors(shown):
        if path.suffix == ".safetensors":
            return _from_safetensors(path, name, shown)
        if path.suffix == ".npy":
            mapped: Literal["c"] | None = "c" if path.stat().st_size > _MAPPED_BYTES else None
            return as_tensor(np.load(path, mmap_mode=mapped, allow_pickle=False), shown)
        with np.load(path, allow_pickle=False) as archive:
            known = _known(name, archive.files, shown)
            _check_unpacked(archive.zip, known, shown)
            return as_tensor(archive[known], shown)


def stored_array(path: Path, name: str) -> Place | None:
    """Return where the array `name` is in a file, or None if its rows cannot be read one by one.

    Raises DataError as `read_array` does.
    """
    shown = _checked(path)
    with _as_data_errors(shown):
        try:
            return place_of(path, name)
        except (KeyError, TypeError):  # no such array, or an incomplete header: `read_array` reports it
            return None


def _checked(path: Path) -> str:
    """The file's name in messages."""
    shown = printable(str(check_file(path)), limit=500)
    if path.suffix not in ENDINGS:
        raise DataError(f"{shown}: expected a file ending in {', '.join(ENDINGS)}.")
    return shown


@contextmanager
def _as_data_errors(shown: str) -> Iterator[None]:
    """Turn errors of reading within a `with` block into DataError."""
    try:
        yield
    except (
        ValueError,
        OSError,
        EOFError,
        SyntaxError,
        zipfile.BadZipFile,
        zlib.error,
        MemoryError,
        RuntimeError,
        OverflowError,
    ) as error:
        if "allow_pickle" in str(error):
            what = "it has Python objects, which may run code when they are read; save an array of numbers instead."
            raise DataError(f"{shown}: {what}") from error
        raise DataError(f"{shown}: cannot be read as arrays ({printable(str(error))}).") from error


def _check_unpacked(archive: zipfile.ZipFile, name: str, shown: str) -> None:
    """Raise DataError for an array that does not fit into memory twice: unpacked, and as rows of splits."""
    num_bytes = next(entry.file_size for entry in archive.infolist() if entry.filename in (name, f"{name}.npy"))
    free = own_memory()
    if 2 * num_bytes > free:
        what = f'the array "{printable(name)}" unpacks to {num_bytes / 2**20:,.0f} MiB and must fit into memory twice'
        raise DataError(
            f"{shown}: {what}; {free / 2**20:,.0f} MiB are free for this process. Save it as .npy or .safetensors, "
            "whose rows are read when they are needed."
        )


def _from_safetensors(path: Path, name: str, shown: str) -> Tensor:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            found: Tensor = file.get_tensor(_known(name, list(file.keys()), shown))
            return found
    except SafetensorError as error:
        raise DataError(f"{shown}: cannot be read as safetensors ({error}).") from error


def _known(name: str, names: list[str], shown: str) -> str:
    if name not in names:
        hint = did_you_mean(name, names)
        named = "dataset.inputs and dataset.targets name the arrays."
        raise DataError(f'{shown}: there is no array "{printable(name)}". {hint} {named}')
    return name


def as_tensor(array: Any, shown: str) -> Tensor:
    """Return numbers of any type as a tensor of a type that torch computes with.

    Raises DataError for an array of other values.
    """
    if not isinstance(array, np.ndarray):
        raise DataError(f"{shown}: expected an array of numbers, got an entry of the archive that is none.")
    if array.dtype.kind not in "fiub":
        raise DataError(f"{shown}: expected an array of numbers, got {array.dtype}.")
    if array.dtype.kind == "u" and array.dtype != np.uint8:
        array = array.astype(np.int64)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return torch.from_numpy(np.atleast_1d(array))
