"""Files and their classes: a folder a class, or a CSV of paths and labels. Nothing outside the folder is read."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dlrun.errors import DataError, did_you_mean
from dlrun.wording import printable

_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_PATH_COLUMN = "path"

Refuse = Callable[[str], None]
"""What is done about a bad row, told in words: raise DataError, or note it and go on."""


@dataclass(frozen=True)
class Listed:
    """A file of a dataset, by its path within the folder it was found in."""

    path: Path
    label: str
    where: str = ""  # the row of the CSV that names it, "list.csv, row 3: "


@dataclass
class FileList:
    """Files by split; only `train` is always there."""

    parts: dict[str, list[Listed]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)  # files that are none of this kind by their names


def list_files(
    path: str, *, val: str | None, test: str | None, target: str, suffixes: Collection[str], what: str, refuse: Refuse
) -> FileList:
    """The files of a dataset, sorted by name within each class, or in a CSV's order.

    A folder with a `train` folder in it is taken to hold splits. suffixes: lower case, with the dot.
    Raises DataError when there is nothing to read.
    """
    found = FileList()
    root = existing(path, "dataset.path")
    folders = {_SPLITS[entry.name]: entry for entry in _folders(root) if entry.name in _SPLITS}
    if "train" not in folders:
        folders = {"train": root}
    for part, asked in (("val", val), ("test", test)):
        if asked is not None:
            folders[part] = existing(asked, f"dataset.{part}")
    seen: set[Path] = set()
    for part, folder in folders.items():
        others = {other.resolve() for other in folders.values() if other != folder}
        if folder.is_file():
            listed = read_list(folder, target=target, refuse=refuse)
        else:
            listed = _classes(folder, suffixes, found.left_out, others=others, what=what, refuse=refuse)
        found.parts[part] = list(_once(listed, seen, refuse))
        if not found.parts[part]:
            raise DataError(f"{folder}: there is no {what} in it.")
    return found


def existing(path: str, key: str) -> Path:
    """A folder or file that the user named.

    Raises DataError when it is not there.
    """
    found = Path(path).expanduser()
    if not found.exists():
        near = did_you_mean(found.name, [entry.name for entry in _folders(found.parent)])
        raise DataError(f"{key}={printable(path)}: there is no such file or folder. {near}".rstrip())
    return found


def _folders(folder: Path) -> list[Path]:
    """The folders in a folder that are not hidden, by name."""
    if not folder.is_dir():
        return []
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror}).") from error


def _classes(
    root: Path, suffixes: Collection[str], left_out: list[str], *, others: set[Path], what: str, refuse: Refuse
) -> Iterator[Listed]:
    classes = [folder for folder in _folders(root) if folder.resolve() not in others]
    if not classes:
        raise DataError(
            f"{root}: expected a folder for each class, or a CSV with the columns path and label; it holds no folders."
        )
    for folder in classes:
        count = 0
        for path in walk(folder, suffixes, left_out):
            count += 1
            if is_inside(path, root):
                yield Listed(path, folder.name)
            else:
                refuse(f"{path}: a link that leaves the folder {root}; copy the file into it.")
        if not count:
            refuse(f"{folder}: the class {printable(folder.name)} has no {what} in it; remove the folder or fill it.")


def walk(folder: Path, suffixes: Collection[str], left_out: list[str]) -> Iterator[Path]:
    """Files of these suffixes in a folder and those below, by name; hidden ones are passed over."""

    def fail(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror}).") from error

    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent) / name
            if name.startswith(".") or name in ("Thumbs.db", "desktop.ini"):
                continue
            if path.suffix.lower() in suffixes:
                yield path
            else:
                left_out.append(str(path))


def is_inside(path: Path, root: Path) -> bool:
    """Whether a file lies in a folder once every link is followed."""
    return path.resolve().is_relative_to(root.resolve())


def read_list(path: Path, *, target: str | None, refuse: Refuse) -> Iterator[Listed]:
    """Rows of a CSV with the columns `path` (relative to the CSV's folder) and `target`; None reads paths only.

    Raises DataError naming the row; the header is row 1.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: byte {error.start} is not UTF-8; expected a CSV in UTF-8.") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error
    if "\0" in text:
        raise DataError(f"{path}: holds a NUL byte; expected a CSV with the columns {_PATH_COLUMN} and {target}.")
    rows = csv.reader(text.splitlines())
    header = [name.strip() for name in next(rows, [])]
    for column in (_PATH_COLUMN, target):
        if column is not None and header.count(column) != 1:
            times = "no column" if column not in header else "more than one column"
            hint = did_you_mean(column, [name for name in header if name != column])
            raise DataError(f'{path}: row 1 has {times} "{column}". {hint}'.rstrip())
    for number, row in enumerate(rows, start=2):
        where = f"{path}, row {number}: "
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            refuse(f"{where}{len(row)} cells; the header has {len(header)}.")
            continue
        cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
        listed = _row(path, cells[_PATH_COLUMN], "" if target is None else cells[target], where)
        if isinstance(listed, str):
            refuse(listed)
        elif target is not None and not listed.label:
            refuse(f'{where}column "{target}" is empty.')
        else:
            yield listed


def _row(path: Path, name: str, label: str, where: str) -> Listed | str:
    """The file that a row names, or what is wrong with it."""
    if not name:
        return f'{where}column "{_PATH_COLUMN}" is empty.'
    file = path.parent / name
    if Path(name).is_absolute() or not is_inside(file, path.parent):
        return f"{where}{printable(name)} leaves the folder of the CSV; expected a path inside it."
    return Listed(file, label, where)


def _once(listed: Iterator[Listed], seen: set[Path], refuse: Refuse) -> Iterator[Listed]:
    for entry in listed:
        real = entry.path.resolve()
        if real in seen:
            refuse(f"{entry.where}{entry.path}: is there more than once.")
            continue
        seen.add(real)
        yield entry


def class_names(parts: Mapping[str, list[Listed]]) -> list[str]:
    """The classes of the training files, by name.

    Raises DataError when they are fewer than two, or another split has one that they have not.
    """
    names = sorted({entry.label for entry in parts["train"]})
    if len(names) < 2:
        raise DataError(f"There is only one class, {printable(names[0])}; expected two or more to tell apart.")
    for part, entries in parts.items():
        for entry in entries:
            if entry.label not in names:
                raise DataError(
                    f"{entry.where}{entry.path}: the class {printable(entry.label)} of the {part} files is not among "
                    f"those to train on. {did_you_mean(entry.label, names)}".rstrip()
                )
    return names
