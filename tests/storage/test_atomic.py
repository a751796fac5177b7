"""dlrun.storage.atomic: a file is complete or absent."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dlrun.errors import StorageError
from dlrun.storage.atomic import replace_file, storage_error, write_file


def test_replacing_a_file_leaves_no_temporary_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    replace_file(path, b"one")
    replace_file(path, b"two")
    assert path.read_bytes() == b"two"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_a_failed_replacement_keeps_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.json"
    replace_file(path, b"one")

    def refuse(*args: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StorageError, match=r"could not be written \(Input/output error\)"):
        replace_file(path, b"two")
    assert path.read_bytes() == b"one"
    assert [entry.name for entry in tmp_path.iterdir()] == ["result.json"]


def test_a_missing_folder_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"gone/x: could not be written \(No such file or directory\)"):
        write_file(tmp_path / "gone" / "x", b"")


def test_the_error_of_a_full_disk_says_what_to_do() -> None:
    error = storage_error(Path("x"), OSError(errno.ENOSPC, "No space left on device"))
    assert str(error) == (
        "x: could not be written (No space left on device). "
        "Free some space, or choose another folder with hydra.run.dir=..."
    )
