"""dlrun.runs.sweeps.search.halving_memory: decisions survive in a file, also one that a kill has cut short."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.errors import StorageError
from dlrun.runs.sweeps.search.halving_memory import Memory, Reached, Saved

GOES_ON = Reached(("optimizer.lr=0.1",), 0, "val/accuracy", 0.5, None)
STOPS = Reached(("optimizer.lr=9",), 0, "val/accuracy", 0.1, "hopeless")


def test_it_reads_what_it_wrote(tmp_path: Path) -> None:
    memory = Memory(tmp_path / "halving.jsonl")
    for entry in (GOES_ON, STOPS, Saved(3, 80, 90, 4.5)):
        memory.add(entry)
    again = Memory(tmp_path / "halving.jsonl")
    assert again.reached(0) == memory.reached(0) == [GOES_ON, STOPS]
    assert again.reached(1) == []
    assert again.has(("optimizer.lr=9",), 0)
    assert not again.has(("optimizer.lr=9",), 1)
    assert again.stopped == {("optimizer.lr=9",): "hopeless"}
    assert again.saved == {3: Saved(3, 80, 90, 4.5)}


def test_half_a_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "halving.jsonl"
    Memory(path).add(GOES_ON)
    with path.open("a") as stream:
        stream.write('{"trial": ["optimizer.lr=9"], "rung": 0, "met')
    memory = Memory(path)
    memory.add(STOPS)
    assert Memory(path).reached(0) == [GOES_ON, STOPS]


def test_a_line_that_is_something_else_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "halving.jsonl"
    path.write_text('{"mine": 1}\n')
    what = r"halving.jsonl, line 1: Expected a decision of search.prune=halving, got '{\"mine\": 1}'. Remove the file"
    with pytest.raises(StorageError, match=what):
        Memory(path)


def test_a_file_that_cannot_be_read_or_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"halving\.jsonl"):
        Memory(tmp_path / "missing" / "halving.jsonl").add(GOES_ON)
    (tmp_path / "halving.jsonl").mkdir()
    with pytest.raises(StorageError, match=r"halving\.jsonl"):
        Memory(tmp_path / "halving.jsonl")
