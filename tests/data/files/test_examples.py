"""`dlrun.data.files.examples`: datasets that dlrun generates, the same on every machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dlrun.data.files.examples import EXAMPLES, resolve
from dlrun.errors import DataError, StorageError


def digest(folder: Path) -> str:
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*.*")):
        whole.update(f"{path.relative_to(folder)}".encode() + path.read_bytes())
    return whole.hexdigest()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_written_once_and_always_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = []
    for cache in ("one", "two"):
        monkeypatch.setenv("DLRUN_CACHE", str(tmp_path / cache))
        folders.append(Path(resolve(f"example:{name}")))
    assert digest(folders[0]) == digest(folders[1])
    written = folders[1].stat().st_mtime_ns
    assert resolve(f"example:{name}") == str(folders[1])
    assert folders[1].stat().st_mtime_ns == written
    assert [path.name for path in folders[1].parent.iterdir()] == [folders[1].name]


def test_other_paths_are_unchanged() -> None:
    assert resolve("data/mine") == "data/mine"


def test_an_unknown_example_is_an_error() -> None:
    with pytest.raises(DataError) as caught:
        resolve("example:shape")
    assert str(caught.value) == 'example:shape: there is no such example. Did you mean "example:shapes"?'


def test_a_cache_that_cannot_be_written_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DLRUN_CACHE", str(tmp_path / "file"))
    with pytest.raises(StorageError, match=r"examples/shapes-1: could not be written \(Not a directory\)\."):
        resolve("example:shapes")
