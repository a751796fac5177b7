"""Arrays of the user's own: inputs and targets from .npz, .npy or .safetensors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlrun.configuration.schema.fields import DataPath
from dlrun.data.arrays.file import as_tensor, read_array, stored_array
from dlrun.data.arrays.reader import ArrayReader
from dlrun.data.files.paths import locate, unchanged
from dlrun.data.loading.reader import AS_NEEDED, Reader, blocks_of, fits
from dlrun.data.source import Encoded, Encoder, Rows, Source, joined
from dlrun.data.spec import Goal, Kind
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.wording import printable

_NUM_DIMS: Mapping[Kind, int] = {"dense": 2, "tokens": 2, "sequence": 3, "image": 4}


class ArraysEncoder(Encoder):
    """Arrays of one kind and shape a row."""

    def __init__(self, kind: Kind, name: str, vocabulary_size: int | None) -> None:
        self.kind, self._name, self._vocabulary_size = kind, name, vocabulary_size

    def state(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self._name, "vocabulary_size": self._vocabulary_size}

    def encode(self, path: Path) -> Encoded:
        return joined(self.chunks(path), path)

    def chunks(self, path: Path) -> Iterator[Encoded]:
        for block in blocks_of(_reader(path, self._name, self.kind) or _whole(path, self._name, self.kind)):
            if self._vocabulary_size is not None and int(block.max()) >= self._vocabulary_size:
                raise DataError(
                    f"{printable(str(path))}: token {int(block.max())}; the run was trained on 0 to "
                    f"{self._vocabulary_size - 1}."
                )
            yield Encoded(block)


def arrays(
    *,
    path: DataPath,
    inputs: str,
    targets: str,
    val: DataPath | None,
    test: DataPath | None,
    kind: Literal["auto", "dense", "image", "sequence", "tokens"],
    task: Literal["auto", "regression", "binary", "multiclass"],
    in_memory: Literal["auto"] | bool,
) -> Source:
    """Rows of (N, F), (N, C, H, W), (N, T, F) or, whole numbers, (N, T); whole targets are classes.

    in_memory: false reads rows of .npy and .safetensors off their file whenever they are needed.

    Raises DataError naming file, array and row.
    """
    files = {split: locate(name) for split, name in (("train", path), ("val", val), ("test", test)) if name is not None}
    chosen: Kind | None = None if kind == "auto" else kind
    with unchanged(*files.values()):
        readers = {}
        for split, file in files.items():
            place = stored_array(file, inputs)
            if place is not None:
                chosen = chosen or kind_of(place.shape, place.dtype, file)
                readers[split] = _reader(file, inputs, chosen)
        rows, notices = _held(readers, files, inputs, in_memory=in_memory)
        for split, file in files.items():
            if split not in rows:
                raw = read_array(file, inputs)
                chosen = chosen or kind_of(tuple(raw.shape), raw.numpy().dtype, file)
                rows[split] = as_inputs(raw, chosen, file)
        wanted = {split: _targets(file, targets) for split, file in files.items()}
        for split, file in files.items():
            if len(rows[split]) != len(wanted[split]):
                counts = f"{len(rows[split])} inputs and {len(wanted[split])} targets"
                raise DataError(f"{printable(str(file))}: {counts}; each row needs both.")
        assert chosen is not None  # noqa: S101 - there is always a training file
        size = _vocabulary_size(rows.values()) if chosen == "tokens" else None
    goal = _goal(wanted["train"], task, files["train"])
    if goal != "regression":
        wanted = {split: part.long() for split, part in wanted.items()}
    splits = {split: Rows(rows[split], wanted[split]) for split in files}
    return Source(
        chosen,
        goal,
        train=splits["train"],
        val=splits.get("val"),
        test=splits.get("test"),
        vocabulary_size=size,
        encoder=ArraysEncoder(chosen, inputs, size),
        notices=notices,
    )


def _held(
    readers: Mapping[str, ArrayReader | None], files: Mapping[str, Path], name: str, *, in_memory: bool | str
) -> tuple[dict[str, Tensor | Reader], list[str]]:
    """The readers of all files where rows are to be read as they are needed, else none; and what is said of it.

    Raises ConfigError where that is asked for and cannot be done.
    """
    streamed = {split: reader for split, reader in readers.items() if reader is not None}
    num_bytes = sum(reader.num_bytes for reader in streamed.values())
    if fits(num_bytes, in_memory=in_memory):
        return {}, []
    whole = next((file for split, file in files.items() if split not in streamed), None)
    if whole is None:
        count = sum(len(reader) for reader in streamed.values())
        return dict(streamed), [f"{count:,} rows, {num_bytes / 2**20:,.1f} MiB, {AS_NEEDED}."]
    if in_memory is False:
        what = f'The rows of "{printable(name)}" in {printable(str(whole))} do not lie one after the other. '
        raise ConfigError(Problem("dataset.in_memory=false", f"{what}Save them as .npy in C order or .safetensors."))
    return {}, []


def _reader(path: Path, name: str, kind: Kind) -> ArrayReader | None:
    """A reader of rows as inputs of a kind; None where they cannot be read one by one."""
    place = stored_array(path, name)
    if place is None:
        return None
    check_shape(place.shape, kind, path)
    return ArrayReader(place, partial(_converted, kind=kind, path=path))


def _converted(raw: NDArray[Any], *, kind: Kind, path: Path) -> Tensor:
    return as_inputs(as_tensor(raw, printable(str(path), limit=500)), kind, path)


def _whole(path: Path, name: str, kind: Kind) -> Tensor:
    return as_inputs(read_array(path, name), kind, path)


def _vocabulary_size(rows: Iterable[Tensor | Reader]) -> int:
    return 1 + max(int(block.max()) for part in rows for block in blocks_of(part))


def encoder(state: Mapping[str, Any]) -> ArraysEncoder:
    """How new arrays are read, as a checkpoint kept it."""
    return ArraysEncoder(state["kind"], state["name"], state["vocabulary_size"])


def kind_of(shape: tuple[int, ...], dtype: np.dtype[Any], path: Path) -> Kind:
    """The kind that an array's shape and numbers speak for.

    Raises DataError for a shape of no kind.
    """
    if len(shape) == 2:
        return "tokens" if dtype.kind in "iu" and dtype.itemsize > 1 else "dense"
    if len(shape) == 3:
        return "image" if dtype == np.uint8 else "sequence"
    if len(shape) == 4:
        return "image"
    raise DataError(
        f"{printable(str(path))}: inputs of shape {shape}; expected (rows, features), (rows, channels, "
        "height, width), (rows, steps, features) or whole numbers (rows, tokens)."
    )


def check_shape(shape: tuple[int, ...], kind: Kind, path: Path) -> None:
    """Raise DataError for an array of another shape than the kind's."""
    shown = printable(str(path))
    dims = len(shape) + (kind == "image" and len(shape) == 3)  # grey images may leave their channel out
    if dims != _NUM_DIMS[kind] or 0 in shape[1:]:
        raise DataError(f"{shown}: inputs of shape {shape}; {kind} rows need {_NUM_DIMS[kind]} dimensions.")
    if kind == "image" and len(shape) == 4 and shape[3] in (1, 3) and shape[1] > 4:
        what = f"inputs of shape {shape} look like (rows, height, width, channels); expected channels first."
        raise DataError(f"{shown}: {what} numpy: inputs.transpose(0, 3, 1, 2).")


def as_inputs(raw: Tensor, kind: Kind, path: Path) -> Tensor:
    """An array as inputs of a kind: uint8 images stay bytes, tokens int64, all else float32.

    Raises DataError for another shape than the kind's.
    """
    shown = printable(str(path))
    check_shape(tuple(raw.shape), kind, path)
    if kind == "image" and raw.ndim == 3:
        raw = raw.unsqueeze(1)  # (N, H, W) -> (N, 1, H, W)
    if kind == "tokens":
        if raw.is_floating_point() or (len(raw) and int(raw.min()) < 0):
            raise DataError(f"{shown}: tokens must be whole numbers from 0 up.")
        return raw.long()
    return raw if kind == "image" and raw.dtype == torch.uint8 else raw.to(torch.float32)


def _targets(path: Path, name: str) -> Tensor:
    """The targets: an array of the same file, or for a .npy file, the file of that name beside it."""
    if path.suffix == ".npy":
        if Path(name).name != name or not name.endswith(".npy"):
            what = f'Expected the name of a file beside it, as targets.npy, got "{printable(name)}".'
            raise ConfigError(Problem("dataset.targets", what))
        path = path.with_name(name)
    found = read_array(path, name)
    if found.ndim > 2 or (found.ndim == 2 and not found.is_floating_point() and found.shape[1] != 1):
        raise DataError(f"{printable(str(path))}: targets of shape {tuple(found.shape)}; expected one a row.")
    return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found


def _goal(targets: Tensor, task: str, path: Path) -> Goal:
    if task == "regression" or (task == "auto" and targets.is_floating_point()):
        return "regression"
    if targets.ndim != 1 or bool((targets.long() != targets).any()) or (len(targets) and int(targets.min()) < 0):
        what = "classes must be whole numbers from 0 up, one a row; dataset.task=regression predicts numbers."
        raise DataError(f"{printable(str(path))}: {what}")
    count = int(targets.max()) + 1 if len(targets) else 0
    if count < 2:
        raise DataError(f"{printable(str(path))}: the target is 0 in every row; there is nothing to learn.")
    if task == "binary" and count != 2:
        raise ConfigError(Problem("dataset.task=binary", f"The targets have {count} classes; use multiclass."))
    return "binary" if count == 2 and task != "multiclass" else "multiclass"
