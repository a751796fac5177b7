"""dlrun.data.cache: made once, shared, never trusted unseen."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
import torch

from dlrun.data import cache
from dlrun.data.cache import Prepared, cached, folder


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


def test_it_is_made_once_for_the_same_files_and_settings() -> None:
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


def test_what_is_damaged_is_made_anew() -> None:
    make = Maker()
    cached("table", {}, {}, make)
    for ending, content in ((".safetensors", b"damaged"), (".json", b"{"), (".json", b"[]")):
        (path,) = folder().glob(f"*{ending}")
        path.write_bytes(content)
        before = make.made
        assert cached("table", {}, {}, make).tensors["x"].tolist() == [0, 1, 2]
        assert make.made == before + 1


def test_runs_side_by_side_make_it_once() -> None:
    make = Maker()
    threads = [threading.Thread(target=cached, args=("table", {}, {}, make)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert make.made == 1
    assert not list(folder().glob(".*.tmp"))


def test_without_a_place_to_write_it_is_made_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").write_text("")
    monkeypatch.setenv("DLRUN_CACHE", "file/below")
    make = Maker()
    for _ in range(2):
        assert cached("table", {}, {}, make).values == {"names": ["a"]}
    assert make.made == 2
