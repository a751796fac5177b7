"""From files of arrays to a Source: inputs of one kind in memory or read as they are needed, targets and their goal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from torch import Tensor

from dlrun.data.arrays.file import as_tensor, read_array, stored_array
from dlrun.data.arrays.kinds import as_inputs, check_shape, kind_of
from dlrun.data.arrays.reader import ArrayReader
from dlrun.data.files.paths import locate, unchanged
from dlrun.data.goals import Goal, goal_of_classes, has_classes, has_numbers
from dlrun.data.loading.reader import AS_NEEDED, Reader, blocks_of, fits
from dlrun.data.source import ChunkedEncoder, Encoded, Rows, Source
from dlrun.data.spec import Kind
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.wording import plural, printable

_LARGEST_CODE = 9  # whole numbers up to it may be classes


class ArraysEncoder(ChunkedEncoder):
    """Reads new arrays of the kind that the run was trained on."""

    def __init__(self, kind: Kind, name: str, vocabulary_size: int | None) -> None:
        self.kind, self._name, self._vocabulary_size = kind, name, vocabulary_size

    def state(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self._name, "vocabulary_size": self._vocabulary_size}

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> ArraysEncoder:
        """Return the encoder whose `state` this is."""
        return cls(state["kind"], state["name"], state["vocabulary_size"])

    def chunks(self, path: Path) -> Iterator[Encoded]:
        inputs = _reader(path, self._name, self.kind) or as_inputs(read_array(path, self._name), self.kind, path)
        for block in blocks_of(inputs):
            if self._vocabulary_size is not None and int(block.max()) >= self._vocabulary_size:
                what = f"token {int(block.max())}; the run was trained on 0 to {self._vocabulary_size - 1}."
                raise DataError(f"{printable(str(path))}: {what}")
            yield Encoded(block)


def arrays_source(
    path: str,
    *,
    inputs: str,
    targets: str,
    val: str | None,
    test: str | None,
    kind: Kind | None,
    task: str,
    in_memory: bool | str,
) -> Source:
    """Read the arrays `inputs` and `targets` of each file.

    kind: of the inputs; None infers it from the shape. task, in_memory: as in the option `arrays`.
    Raises DataError naming file, array and row, and ConfigError for settings that do not fit the arrays.
    """
    named = {"train": path, "val": val, "test": test}
    files = {split: locate(name) for split, name in named.items() if name is not None}
    with unchanged(*files.values()):
        kind, rows, notices = _inputs(files, inputs, kind, in_memory=in_memory)
        wanted = {split: _targets(file, targets) for split, file in files.items()}
        for split, file in files.items():
            if len(rows[split]) != len(wanted[split]):
                counts = f"{plural(len(rows[split]), 'input')} and {plural(len(wanted[split]), 'target')}"
                raise DataError(f"{printable(str(file))}: {counts}; each row needs both.")
        size = _vocabulary_size(rows.values()) if kind == "tokens" else None
    goal = _goal(wanted["train"], task, files["train"])
    if not has_numbers(goal):
        wanted = {split: part.long() for split, part in wanted.items()}
    splits = {split: Rows(rows[split], wanted[split]) for split in files}
    return Source(
        kind,
        goal,
        train=splits["train"],
        val=splits.get("val"),
        test=splits.get("test"),
        vocabulary_size=size,
        encoder=ArraysEncoder(kind, inputs, size),
        notices=[*notices, *_looks_like_classes(wanted["train"], goal, task)],
    )


def _inputs(
    files: Mapping[str, Path], name: str, kind: Kind | None, *, in_memory: bool | str
) -> tuple[Kind, Mapping[str, Tensor | Reader], list[str]]:
    """The kind of rows, each file's inputs in memory or as a reader, and a notice where they are read as needed.

    Raises ConfigError where rows are to be read as needed and a file does not store them one after the other.
    """
    places = {split: stored_array(file, name) for split, file in files.items()}
    scattered = [file for split, file in files.items() if places[split] is None]
    if scattered and in_memory is False:
        what = f'The rows of "{printable(name)}" in {printable(str(scattered[0]))} are not stored one after the other. '
        raise ConfigError(
            Problem(
                "dataset.in_memory=false",
                f"{what}Save them as .npy in C order or .safetensors.",
                id="contradiction",
                fix="dataset.in_memory=auto",
            )
        )
    train = places["train"]
    if not scattered and train is not None:
        kind = kind or kind_of(train.shape, train.dtype, files["train"])
        readers = {split: reader for split, file in files.items() if (reader := _reader(file, name, kind)) is not None}
        num_bytes = sum(reader.num_bytes for reader in readers.values())
        if not fits(num_bytes, in_memory=in_memory):
            count = sum(len(reader) for reader in readers.values())
            return kind, readers, [f"{plural(count, 'row')}, {num_bytes / 2**20:,.1f} MiB, {AS_NEEDED}."]
    arrays = {split: read_array(file, name) for split, file in files.items()}
    kind = kind or kind_of(tuple(arrays["train"].shape), arrays["train"].numpy().dtype, files["train"])
    return kind, {split: as_inputs(raw, kind, files[split]) for split, raw in arrays.items()}, []


def _reader(path: Path, name: str, kind: Kind) -> ArrayReader | None:
    """A reader of rows as inputs of a kind; None where they cannot be read one by one."""
    place = stored_array(path, name)
    if place is None:
        return None
    check_shape(place.shape, kind, path)
    return ArrayReader(place, partial(_converted, kind=kind, path=path))


def _converted(raw: NDArray[Any], *, kind: Kind, path: Path) -> Tensor:
    return as_inputs(as_tensor(raw, printable(str(path), limit=500)), kind, path)


def _vocabulary_size(rows: Iterable[Tensor | Reader]) -> int:
    return 1 + max(int(block.max()) for part in rows for block in blocks_of(part))


def _targets(path: Path, name: str) -> Tensor:
    """The targets: an array of the same file; for a .npy file, the file of that name beside it."""
    if path.suffix == ".npy":
        if Path(name).name != name or not name.endswith(".npy"):
            what = f'Expected the name of a file in the same folder, as targets.npy, got "{printable(name)}".'
            raise ConfigError(Problem("dataset.targets", what, id="no-file"))
        path = path.with_name(name)
    found = read_array(path, name)
    if found.ndim > 2 or (found.ndim == 2 and not found.is_floating_point() and found.shape[1] != 1):
        raise DataError(f"{printable(str(path))}: targets of shape {tuple(found.shape)}; expected one for each row.")
    return found[:, 0] if found.ndim == 2 and found.shape[1] == 1 else found  # (N, 1) -> (N,)


def _looks_like_classes(targets: Tensor, goal: Goal, task: str) -> list[str]:
    """A notice of targets that are predicted as numbers because they are floating-point, and may be classes."""
    if has_classes(goal) or task != "auto" or not len(targets):
        return []
    if targets.ndim == 2 and bool(((targets == 0) | (targets == 1)).all() and (targets.sum(dim=1) == 1).all()):
        what = f"targets: each row is a 1 among {targets.shape[1]} numbers, which are predicted as numbers"
        return [f"{what}; to predict them as classes, save targets.argmax(axis=1)"]
    are_whole = targets.ndim == 1 and bool(((targets == targets.round()) & (targets >= 0)).all())
    if are_whole and targets.max() <= _LARGEST_CODE:
        count = int((targets.long().bincount() > 0).sum())
        if count >= 2:
            what = f"targets: {count} different whole numbers, of floating-point type, are predicted as numbers"
            return [
                f"{what}; to predict them as classes: dataset.task={'binary' if targets.max() == 1 else 'multiclass'}"
            ]
    return []


def _goal(targets: Tensor, task: str, path: Path) -> Goal:
    if task == "regression" or (task == "auto" and targets.is_floating_point()):
        return "regression"
    if targets.ndim != 1 or bool((targets.long() != targets).any()) or (len(targets) and int(targets.min()) < 0):
        what = "expected classes as integers from 0, one for each row; to predict numbers: dataset.task=regression."
        raise DataError(f"{printable(str(path))}: {what}")
    count = int(targets.max()) + 1 if len(targets) else 0
    if count < 2:
        raise DataError(f"{printable(str(path))}: the target is 0 in every row; there is nothing to learn.")
    if task == "binary" and count != 2:
        raise ConfigError(
            Problem(
                "dataset.task=binary",
                f"The targets have {plural(count, 'class')}; use multiclass.",
                id="contradiction",
                fix="dataset.task=multiclass",
            )
        )
    return "multiclass" if task == "multiclass" else goal_of_classes(count)
