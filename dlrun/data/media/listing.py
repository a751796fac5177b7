"""Files and their labels: a folder for each class, or a list of paths and labels. Nothing outside is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dlrun.data.files.records import open_records, read_records
from dlrun.errors import DataError, did_you_mean
from dlrun.wording import printable

_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_PATH_COLUMN = "path"

Refuse = Callable[[str], None]
"""Receives what is wrong with a row; raises DataError, or skips the row."""


@dataclass(frozen=True)
class Listed:
    """A file of a dataset and its label."""

    path: Path
    label: str
    where: str = ""  # the row of the list that names it, "list.csv, line 3: "


@dataclass
class FileList:
    """Files by split; only `train` is always present."""

    parts: dict[str, list[Listed]] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)  # files with other endings


def list_files(
    path: str, *, val: str | None, test: str | None, target: str, suffixes: Collection[str], what: str, refuse: Refuse
) -> FileList:
    """Return the files of a dataset, sorted by name within each class, or in the order of a list.

    A folder that contains a folder `train` contains splits. suffixes: lower case, with the dot.
    Raises DataError if there is nothing to read.
    """
    found = FileList()
    root = existing(path, "dataset.path")
    folders = {_SPLITS[entry.name]: entry for entry in _folders(root) if entry.name in _SPLITS}
    if "train" not in folders:
        folders = {"train": root}
    for part, given in (("val", val), ("test", test)):
        if given is not None:
            folders[part] = existing(given, f"dataset.{part}")
    seen: set[Path] = set()
    for part, folder in folders.items():
        others = {other.resolve() for other in folders.values() if other != folder}
        if folder.is_dir():
            listed = _classes(folder, suffixes, found.ignored, others=others, what=what, refuse=refuse)
        elif folder.suffix.lower() in suffixes:
            raise DataError(f"{folder}: expected a folder for each class, or a CSV with the columns path and label.")
        else:
            listed = read_list(folder, target=target, refuse=refuse)
        found.parts[part] = list(_once(listed, seen, refuse))
        if not found.parts[part]:
            raise DataError(f"{folder}: there is no {what} in it.")
    return found


def new_files(path: Path, suffixes: Sequence[str], *, what: str) -> list[Path]:
    """Return the files to predict: one file, those in a folder and below by name, or those in a CSV's column `path`.

    Raises DataError if there are none, or a path leads out of the folder.
    """

    def refuse(text: str) -> None:
        raise DataError(text)

    path = existing(str(path), "input")
    if path.is_dir():
        paths = list(_walk(path, suffixes, []))
        for file in paths:
            if not _is_inside(file, path):
                refuse(_link_out(file, path))
    elif path.suffix.lower() == ".csv":
        paths = [entry.path for entry in read_list(path, target=None, refuse=refuse)]
    else:
        paths = [path]
    if not paths:
        refuse(f"{path}: there is no {what} in it.")
    return paths


def existing(path: str, key: str) -> Path:
    """Return a folder or file that the user named.

    Raises DataError if it does not exist.
    """
    found = Path(path).expanduser()
    if not found.exists():
        near = did_you_mean(found.name, [entry.name for entry in _folders(found.parent)])
        raise DataError(f"{key}={printable(path)}: there is no such file or folder. {near}".rstrip())
    return found


def _folders(folder: Path) -> list[Path]:
    """Return the folders in a folder that are not hidden, by name."""
    if not folder.is_dir():
        return []
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror}).") from error


def _classes(
    root: Path, suffixes: Collection[str], ignored: list[str], *, others: set[Path], what: str, refuse: Refuse
) -> Iterator[Listed]:
    classes = [folder for folder in _folders(root) if folder.resolve() not in others]
    if not classes:
        raise DataError(
            f"{root}: expected a folder for each class, or a CSV with the columns path and label; it has no folders."
        )
    for folder in classes:
        count = 0
        for path in _walk(folder, suffixes, ignored):
            count += 1
            if _is_inside(path, root):
                yield Listed(path, folder.name)
            else:
                refuse(_link_out(path, root))
        if not count:
            refuse(f"{folder}: the class {printable(folder.name)} has no {what}; remove the folder or fill it.")


def _walk(folder: Path, suffixes: Collection[str], ignored: list[str]) -> Iterator[Path]:
    """Yield files with these suffixes in a folder and those below, by name; skip hidden ones."""

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
                ignored.append(str(path))


def _is_inside(path: Path, root: Path) -> bool:
    """Whether a file is in a folder or below, after following every link."""
    return path.resolve().is_relative_to(root.resolve())


def _link_out(path: Path, root: Path) -> str:
    return f"{path}: a link that leaves the folder {root}; copy the file into it."


def read_list(path: Path, *, target: str | None, refuse: Refuse) -> Iterator[Listed]:
    """Yield the rows of a table with the columns `path` (relative to its folder) and `target`; None reads paths only.

    Raises DataError naming the line.
    """
    file = open_records(path, encoding=None)
    required = [_PATH_COLUMN, *([] if target is None else [target])]
    others = [name for name in file.names if file.names.count(name) == 1 and name not in required]
    for record in read_records(file, [*required, *others], bad=lambda text: refuse(f"{path}: {text}")):
        where = f"{path}, {record.place}: "
        cells = [cell.strip() for cell in record.cells]
        if not any(cells):
            continue
        listed = _row(path, cells[0], "" if target is None else cells[1], where)
        if isinstance(listed, str):
            refuse(listed)
        elif target is not None and not listed.label:
            refuse(f'{where}column "{target}" is empty.')
        else:
            yield listed


def _row(path: Path, name: str, label: str, where: str) -> Listed | str:
    """Return the file that a row names, or what is wrong with it."""
    if not name:
        return f'{where}column "{_PATH_COLUMN}" is empty.'
    file = path_inside(path.parent, name)
    if file is None:
        return f"{where}{printable(name)} leaves the folder of the list; expected a path inside it."
    return Listed(file, label, where)


def path_inside(folder: Path, name: str) -> Path | None:
    """Return the file that a list or table in a folder names; None for one outside, after following every link."""
    file = folder / name
    return None if Path(name).is_absolute() or not _is_inside(file, folder) else file


def _once(listed: Iterator[Listed], seen: set[Path], refuse: Refuse) -> Iterator[Listed]:
    for entry in listed:
        real = entry.path.resolve()
        if real in seen:
            refuse(f"{entry.where}{entry.path}: duplicate file.")
            continue
        seen.add(real)
        yield entry


def class_names(parts: Mapping[str, list[Listed]]) -> list[str]:
    """Return the classes of the training files, by name.

    Raises DataError if there are fewer than two, or another split has a class that they do not have.
    """
    names = sorted({entry.label for entry in parts["train"]})
    if len(names) < 2:
        first = parts["train"][0]
        what = f"every training file has the class {printable(names[0])}, as this one; expected two or more classes."
        raise DataError(f"{first.where}{first.path}: {what}")
    for part, entries in parts.items():
        for entry in entries:
            if entry.label not in names:
                raise DataError(
                    f"{entry.where}{entry.path}: no training file has the class {printable(entry.label)} of this "
                    f"{part} file. {did_you_mean(entry.label, names)}".rstrip()
                )
    return names
