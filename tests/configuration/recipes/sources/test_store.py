"""`dlrun.configuration.recipes.sources.store`: the cache of fetched recipes."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from dlrun.configuration.recipes.sources import store
from dlrun.configuration.recipes.sources.store import Entry
from dlrun.errors import StorageError

TEXT = b"seed: 1\n"
SHA256 = hashlib.sha256(TEXT).hexdigest()


def test_bytes_are_found_by_their_hash(own_cache: Path) -> None:
    assert store.find(SHA256) is None
    assert store.entries() == []
    path = store.save(TEXT, name="x", address="https://h/x.yaml")
    assert path == own_cache / "recipes" / f"{SHA256}.yaml"
    assert store.find(SHA256) == TEXT
    (entry,) = store.entries()
    assert entry == Entry(SHA256, "x", "https://h/x.yaml", entry.fetched)
    assert len(entry.fetched) == len("2026-11-27")
    assert stat.S_IMODE((own_cache / "recipes").stat().st_mode) == 0o700
    assert sorted(each.name for each in path.parent.iterdir()) == [f"{SHA256}.json", f"{SHA256}.yaml"]


@pytest.mark.parametrize("damaged", [b"seed: 2\n", b"", b"seed: 1\n" * 20_000])
def test_a_damaged_file_is_not_used_and_is_replaced(damaged: bytes) -> None:
    path = store.save(TEXT, name="x", address="a")
    path.write_bytes(damaged)
    assert store.find(SHA256) is None
    store.save(TEXT, name="x", address="a")
    assert store.find(SHA256) == TEXT


def test_the_latest_address_of_the_same_bytes_is_listed() -> None:
    store.save(TEXT, name="x", address="https://h/x.yaml")
    store.save(TEXT, name="y", address="https://h/y.yaml")
    assert [(entry.name, entry.address) for entry in store.entries()] == [("y", "https://h/y.yaml")]


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"name": "x"}', "\xff"])
def test_a_record_that_cannot_be_read_is_not_listed(record: str) -> None:
    path = store.save(TEXT, name="x", address="a")
    path.with_suffix(".json").write_text(record, encoding="latin-1")
    assert store.entries() == []
    assert store.find(SHA256) == TEXT


def test_a_record_without_its_file_is_not_listed() -> None:
    store.save(TEXT, name="x", address="a").unlink()
    assert store.entries() == []


def test_a_cache_that_cannot_be_written_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").write_text("")
    monkeypatch.setenv("DLRUN_CACHE", "file")
    with pytest.raises(StorageError) as caught:
        store.save(TEXT, name="x", address="a")
    assert str(caught.value) == (
        "file/recipes: could not be written (Not a directory). "
        "Free some space, or choose another cache folder with DLRUN_CACHE=FOLDER."
    )


def test_a_write_that_fails_leaves_nothing(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(before: str, after: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(StorageError, match="No space left on device"):
        store.save(TEXT, name="x", address="a")
    assert list((own_cache / "recipes").iterdir()) == []
