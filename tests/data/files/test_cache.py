"""dlrun.data.files.cache: computed once, shared, and verified when it is read."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch

from dlrun.data.files import cache
from dlrun.data.files.cache import Prepared, cached, folder


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DLRUN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "_WORTH_S", 0)


class Maker:
    def __init__(self) -> None:
        self.made = 0

    def __call__(self) -> Prepared:
        self.made += 1
        time.sleep(0.05)
        return Prepared({"x": torch.arange(3)}, {"names": ["a"]})


def test_a_result_is_computed_once_for_the_same_files_and_settings() -> None:
    make = Maker()
    for files, settings, times in (
        ({"a": "1"}, {}, 1),
        ({"a": "1"}, {}, 1),
        ({"a": "2"}, {}, 2),
        ({"a": "1"}, {"n": 1}, 3),
    ):
        found = cached("table", files, settings, make)
        assert found.tensors["x"].tolist() == [0, 1, 2]
        assert found.values == {"names": ["a"]}
        assert make.made == times


def test_a_damaged_entry_is_computed_again() -> None:
    make = Maker()
    cached("table", {}, {}, make)
    for ending, content in ((".safetensors", b"damaged"), (".json", b"{"), (".json", b"[]")):
        (path,) = folder().glob(f"*{ending}")
        path.write_bytes(content)
        before = make.made
        assert cached("table", {}, {}, make).tensors["x"].tolist() == [0, 1, 2]
        assert make.made == before + 1


def test_parallel_threads_compute_a_result_once() -> None:
    make = Maker()
    threads = [threading.Thread(target=cached, args=("table", {}, {}, make)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert make.made == 1
    assert not list(folder().glob(".*.tmp"))


def test_without_a_writable_cache_a_result_is_computed_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").write_text("")
    monkeypatch.setenv("DLRUN_CACHE", "file/below")
    make = Maker()
    for _ in range(2):
        assert cached("table", {}, {}, make).values == {"names": ["a"]}
    assert make.made == 2


def test_partial_files_of_killed_runs_are_removed_after_a_day() -> None:
    folder().mkdir(parents=True)
    for name, age_s in ((".old.tmp", 90_000), (".new.tmp", 0)):
        (folder() / name).write_bytes(b"half")
        os.utime(folder() / name, (time.time() - age_s,) * 2)
    cached("table", {}, {}, Maker())
    assert [path.name for path in folder().glob(".*.tmp")] == [".new.tmp"]


def test_a_quick_result_is_not_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_WORTH_S", 60)
    make = Maker()
    for _ in range(2):
        cached("table", {}, {}, make)
    assert make.made == 2
    assert not list(folder().iterdir())


def test_the_least_recently_used_entries_are_removed_first(monkeypatch: pytest.MonkeyPatch) -> None:
    make = Maker()
    for name in ("a", "b", "a", "c"):
        cached(name, {}, {}, make)
    (length,) = {path.stat().st_size for path in folder().glob("*.safetensors")}
    monkeypatch.setattr(cache, "_MOST_BYTES", 2 * length + 24)  # room for two, and three numbers of eight bytes each
    cached("a", {}, {}, make)
    assert make.made == 3
    cached("d", {}, {}, make)
    assert {path.name[0] for path in folder().glob("*.json")} == {"a", "c", "d"}
    monkeypatch.setattr(cache, "_MOST_BYTES", 23)
    cached("e", {}, {}, make)
    assert "e" not in {path.name[0] for path in folder().iterdir()}


SIDE_BY_SIDE = """
import sys, time
import torch
from pathlib import Path
from dlrun.data.files import cache
cache._WORTH_S = 0
def make():
    with Path("made").open("a") as stream:
        stream.write("once ")
    time.sleep(1)
    return cache.Prepared({"x": torch.arange(3)}, {})
assert cache.cached("text", {}, {}, make).tensors["x"].tolist() == [0, 1, 2]
"""


def test_parallel_processes_compute_a_result_once_and_say_that_they_wait() -> None:
    Path("run.py").write_text(SIDE_BY_SIDE)
    runs = [subprocess.Popen([sys.executable, "run.py"], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [run.communicate(timeout=60)[1] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said
    assert Path("made").read_text() == "once "
    assert "".join(said) in ("", "Another run is preparing the same data; waiting for it.\n")
