"""Where a report goes: a page, a picture, or a folder of pictures. Only what a report wrote before is replaced."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from dlrun.errors import ConfigError, Problem
from dlrun.report.pages.page import MARK
from dlrun.report.plots.png import SOFTWARE
from dlrun.storage.atomic import replace_file, storage_error
from dlrun.wording import printable

Kind = Literal["page", "picture", "folder"]
_SUFFIXES: Mapping[str, Kind] = {".html": "page", ".htm": "page", ".png": "picture", "": "folder"}
_START = 512  # bytes of a file by which its writer is known


def kind_of(path: Path) -> Kind:
    """Return what is written to a path: decided by its suffix; a folder that exists may have any name.

    Raises ConfigError for another suffix, or a folder that is a file.
    """
    if path.is_dir():
        return "folder"
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        what = f'A report is a page (FILE.html), a picture (FILE.png) or a folder of pictures; got "{path.suffix}".'
        raise ConfigError(Problem(f"--output {printable(str(path))}", what))
    if kind == "folder" and path.exists():
        what = "It is a file; expected a folder for pictures, FILE.html or FILE.png."
        raise ConfigError(Problem(f"--output {printable(str(path))}", what))
    return kind


def write_reports(contents: Mapping[Path, bytes]) -> None:
    """Write files atomically, and the folders that they are in.

    Raises ConfigError, before anything is written, if one would replace a file that no report wrote; StorageError if a
    file cannot be written.
    """
    for path in contents:
        if (path.exists() or path.is_symlink()) and not _is_own(path):
            what = "The file exists, and no report wrote it; choose another name."
            raise ConfigError(Problem(printable(str(path)), what))
    for path, content in contents.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(path.parent, error) from error
        replace_file(path, content)


def _is_own(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            start = stream.read(_START)
    except OSError:
        return False
    return MARK.encode() in start or (start.startswith(b"\x89PNG") and SOFTWARE.encode() in start)
