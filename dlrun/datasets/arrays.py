"""Arrays of the user's own: inputs and targets from .npz, .npy or .safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from dlrun.data.array_file import read_array
from dlrun.data.encoding import Encoded, Encoder
from dlrun.data.files import locate, unchanged
from dlrun.data.spec import Goal, Kind, Source
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.fields import DataPath, printable

_NUM_DIMS: Mapping[Kind, int] = {"dense": 2, "tokens": 2, "sequence": 3, "image": 4}


class ArraysEncoder(Encoder):
    """Arrays of one kind and shape a row."""

    def __init__(self, kind: Kind, name: str, vocabulary_size: int | None) -> None:
        self.kind, self._name, self._vocabulary_size = kind, name, vocabulary_size

    def state(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self._name, "vocabulary_size": self._vocabulary_size}

    def encode(self, path: Path) -> Encoded:
        inputs = as_inputs(read_array(path, self._name), self.kind, path)
        if self._vocabulary_size is not None and len(inputs) and int(inputs.max()) >= self._vocabulary_size:
            raise DataError(
                f"{printable(str(path))}: token {int(inputs.max())}; the run was trained on 0 to "
                f"{self._vocabulary_size - 1}."
            )
        return Encoded(inputs)


def arrays(
    *,
    path: DataPath,
    inputs: str,
    targets: str,
    val: DataPath | None,
    test: DataPath | None,
    kind: Literal["auto", "dense", "image", "sequence", "tokens"],
    task: Literal["auto", "regression", "binary", "multiclass"],
) -> Source:
    """Rows of (N, F), (N, C, H, W), (N, T, F) or, whole numbers, (N, T); whole targets are classes.

    Raises DataError naming file, array and row.
    """
    files = {split: locate(name) for split, name in (("", path), ("val_", val), ("test_", test)) if name is not None}
    found: dict[str, Tensor] = {}
    chosen: Kind | None = None if kind == "auto" else kind
    with unchanged(*files.values()):
        for split, file in files.items():
            raw = read_array(file, inputs)
            chosen = chosen or kind_of(raw, file)
            found[f"{split}inputs"] = as_inputs(raw, chosen, file)
            found[f"{split}targets"] = _targets(file, targets)
            if len(found[f"{split}inputs"]) != len(found[f"{split}targets"]):
                counts = f"{len(found[f'{split}inputs'])} inputs and {len(found[f'{split}targets'])} targets"
                raise DataError(f"{printable(str(file))}: {counts}; each row needs both.")
    assert chosen is not None  # noqa: S101 - there is always a training file
    goal = _goal(found["targets"], task, files[""])
    if goal != "regression":
        found = {name: part.long() if name.endswith("targets") else part for name, part in found.items()}
    size = int(max(part.max() for name, part in found.items() if "inputs" in name)) + 1 if chosen == "tokens" else None
    return Source(
        chosen, goal, vocabulary_size=size, encoder=ArraysEncoder(chosen, inputs, size), **found  # type: ignore[arg-type]
    )  # fmt: skip


def encoder(state: Mapping[str, Any]) -> ArraysEncoder:
    """How new arrays are read, as a checkpoint kept it."""
    return ArraysEncoder(state["kind"], state["name"], state["vocabulary_size"])


def kind_of(raw: Tensor, path: Path) -> Kind:
    """The kind that an array's shape and numbers speak for.

    Raises DataError for a shape of no kind.
    """
    if raw.ndim == 2:
        return "tokens" if raw.dtype in (torch.int64, torch.int32, torch.int16) else "dense"
    if raw.ndim == 3:
        return "image" if raw.dtype == torch.uint8 else "sequence"
    if raw.ndim == 4:
        return "image"
    raise DataError(
        f"{printable(str(path))}: inputs of shape {tuple(raw.shape)}; expected (rows, features), (rows, channels, "
        "height, width), (rows, steps, features) or whole numbers (rows, tokens)."
    )


def as_inputs(raw: Tensor, kind: Kind, path: Path) -> Tensor:
    """An array as inputs of a kind: uint8 images stay bytes, tokens int64, all else float32.

    Raises DataError for another shape than the kind's.
    """
    shown = printable(str(path))
    if kind == "image" and raw.ndim == 3:
        raw = raw.unsqueeze(1)  # (N, H, W) -> (N, 1, H, W)
    if raw.ndim != _NUM_DIMS[kind] or 0 in raw.shape[1:]:
        raise DataError(f"{shown}: inputs of shape {tuple(raw.shape)}; {kind} rows need {_NUM_DIMS[kind]} dimensions.")
    if kind == "image" and raw.shape[3] in (1, 3) and raw.shape[1] > 4:
        what = f"inputs of shape {tuple(raw.shape)} look like (rows, height, width, channels); expected channels first."
        raise DataError(f"{shown}: {what} numpy: inputs.transpose(0, 3, 1, 2).")
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
