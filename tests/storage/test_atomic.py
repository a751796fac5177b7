"""dlrun.storage.atomic: a file is complete or absent."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dlrun.errors import StorageError
from dlrun.storage import disk as system
from dlrun.storage.atomic import remove_tree, replace_file, storage_error, sync_file, write_file
from dlrun.storage.disk import Disk


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
    with pytest.raises(StorageError, match=r"/result\.json: could not be written \(Input/output error\)"):
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


def test_a_write_that_takes_no_bytes_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk(Disk):
        def write(self, handle: int, content: memoryview) -> int:
            return 0

    monkeypatch.setattr(system, "disk", FullDisk())
    with pytest.raises(StorageError, match=r"x: could not be written \(No space left on device\). Free some space"):
        write_file(tmp_path / "x", b"content")


def test_a_failed_sync_is_an_error_and_a_missing_file_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class FailingDisk(Disk):
        def sync(self, handle: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(system, "disk", FailingDisk())
    sync_file(tmp_path / "missing")
    (tmp_path / "metrics.jsonl").write_text("")
    with pytest.raises(StorageError, match=r"metrics.jsonl: could not be written \(Input/output error\)"):
        sync_file(tmp_path / "metrics.jsonl")


def test_a_folder_is_removed_with_its_folders_but_not_what_its_links_name(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_text("")
    (tmp_path / "other").mkdir()
    (tmp_path / "a" / "link").symlink_to(tmp_path / "other")
    remove_tree(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_of_a_link_to_a_folder_only_the_link_is_removed(tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "letter").write_text("mine")
    (tmp_path / "step-1").symlink_to(tmp_path / "documents")
    remove_tree(tmp_path / "step-1")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["documents"]
    assert (tmp_path / "documents" / "letter").read_text() == "mine"


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    file = tmp_path / "outputs"
    file.touch()
    hint = (
        f" {file} is in the way, since it is no folder: rename it, or choose another folder with hydra.run.dir=... "
        "(of a sweep: hydra.sweep.dir=...)."
    )
    below = storage_error(file / "day" / "run", NotADirectoryError(errno.ENOTDIR, "Not a directory"))
    assert str(below) == f"{file}/day/run: could not be written (Not a directory).{hint}"
    itself = storage_error(file, FileExistsError(errno.EEXIST, "File exists"))
    assert str(itself) == f"{file}: could not be written (File exists).{hint}"
