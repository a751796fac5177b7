"""`dlrun.data.media.survey`: every file is probed once, and what was found is cached until the file changes."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from dlrun.configuration.cache_folder import cache_folder
from dlrun.data.media.survey import Facts, fingerprint, read_unchanged, survey
from dlrun.errors import DataError


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DLRUN_CACHE", str(tmp_path / "cache"))


class Probe:
    """Remembers what it was given."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def __call__(self, content: bytes) -> dict[str, Any]:
        self.seen.append(content)
        if content == b"bad":
            raise DataError("is bad.")
        return {"length": len(content)}


def files(folder: Path, *contents: bytes) -> list[Path]:
    folder.mkdir()
    for number, content in enumerate(contents):
        (folder / str(number)).write_bytes(content)
        os.utime(folder / str(number), (1_600_000_000, 1_600_000_000))  # not changed a moment ago
    return sorted(folder.iterdir())


def found(paths: list[Path], probe: Probe, *, kind: str = "a") -> tuple[list[Facts | None], list[tuple[int, str]]]:
    refused: list[tuple[int, str]] = []
    return survey(paths, probe, kind=kind, refuse=lambda *bad: refused.append(bad)), refused


def test_facts_are_in_order_and_bad_files_are_refused(tmp_path: Path) -> None:
    paths = files(tmp_path / "data", b"one", b"bad", b"", b"three")
    os.mkfifo(tmp_path / "data/pipe")
    facts, refused = found([*paths, tmp_path / "data/pipe", tmp_path / "data/none"], Probe())
    assert facts == [
        Facts(3, 1_600_000_000 * 10**9, hashlib.sha256(b"one").hexdigest(), {"length": 3}),
        None,
        None,
        Facts(5, 1_600_000_000 * 10**9, hashlib.sha256(b"three").hexdigest(), {"length": 5}),
        None,
        None,
    ]
    assert refused == [
        (1, "is bad."),
        (2, "is empty, 0 bytes."),
        (4, "is not a regular file."),
        (5, "cannot be read (No such file or directory)."),
    ]
    assert found([], Probe()) == ([], [])


def test_facts_are_cached_until_a_file_changes(tmp_path: Path) -> None:
    paths = files(tmp_path / "data", b"one", b"bad", b"three")
    first = found(paths, Probe())
    probe = Probe()
    assert found(paths, probe) == first
    assert probe.seen == [b"bad"], "bad files are probed again"
    paths[0].write_bytes(b"other")
    facts, _ = found(paths, probe)
    assert facts[0] is not None
    assert facts[0].sha256 == hashlib.sha256(b"other").hexdigest()
    assert sorted(probe.seen) == [b"bad", b"bad", b"other"]
    assert found(paths, probe)[0] == facts
    assert probe.seen.count(b"other") == 2, "a file that changed a moment ago may change again"
    probe = Probe()
    found(paths, probe, kind="b")
    assert sorted(probe.seen) == [b"bad", b"other", b"three"], "another probe finds something else"


@pytest.mark.parametrize("damage", [b"{", b"[]", b'{"format": 0, "files": {}}', b'{"format": 1, "files": []}'])
def test_a_damaged_cache_is_ignored(damage: bytes, tmp_path: Path) -> None:
    paths = files(tmp_path / "data", b"one")
    first = found(paths, Probe())
    (entry,) = (cache_folder() / "surveys").iterdir()
    entry.write_bytes(damage)
    assert found(paths, Probe()) == first


def test_without_a_writable_cache_files_are_probed_each_time(tmp_path: Path) -> None:
    paths = files(tmp_path / "data", b"one")
    (tmp_path / "cache").write_text("a file")
    for _ in range(2):
        probe = Probe()
        assert found(paths, probe)[0] != [None]
        assert probe.seen == [b"one"]


def test_a_file_that_changed_since_the_survey_is_an_error(tmp_path: Path) -> None:
    (path,) = files(tmp_path / "data", b"one")
    status = path.stat()
    assert read_unchanged(path, status.st_size, status.st_mtime_ns) == b"one"
    path.write_bytes(b"two")
    with pytest.raises(DataError, match="data/0: changed while the run was reading it; start a new run once"):
        read_unchanged(path, status.st_size, status.st_mtime_ns)
    path.unlink()
    with pytest.raises(DataError, match=r"data/0: can no longer be read \(No such file or directory\)\."):
        read_unchanged(path, status.st_size, status.st_mtime_ns)


def test_the_fingerprint_is_that_of_splits_labels_contents_and_settings() -> None:
    row = ("train", "cat", Facts(1, 2, "abc", {}))
    same = fingerprint("size 8", [("train", "cat", Facts(9, 9, "abc", {"width": 3}))])
    assert fingerprint("size 8", [row]) == same == hashlib.sha256(b"size 8train\0cat\0abc\n").hexdigest()
    for settings, rows in (
        ("size 9", [row]),
        ("size 8", [("val", "cat", row[2])]),
        ("size 8", [("train", "dog", row[2])]),
        ("size 8", [("train", "cat", Facts(1, 2, "abd", {}))]),
        ("size 8", [row, row]),
    ):
        assert fingerprint(settings, rows) != same
