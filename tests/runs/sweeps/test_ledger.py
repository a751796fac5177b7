"""dlrun.runs.sweeps.ledger: what is kept of a sweep, by one process at a time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlrun.errors import StorageError
from dlrun.runs.sweeps.ledger import Entry, Ledger, SweepCommand, holds_sweep, is_growing, read_commands
from dlrun.runs.sweeps.rows import SweepRow

COMMAND = SweepCommand(("seed=0,1", "launch.jobs=2"), plugins={"/mine.py": "abc"}, config_dirs=("/conf",))
ENTRY = Entry(0, "0", "abc", ("seed=0",), {"mine.py": "def"})


def test_a_ledger_is_read_back(tmp_path: Path) -> None:
    assert not holds_sweep(tmp_path)
    ledger = Ledger(tmp_path)
    assert ledger.new_number() == 0
    ledger.note_command(COMMAND)
    ledger.record(ENTRY)
    ledger.add_row(SweepRow(0, ["seed=0"], "failed"))
    ledger.add_row(SweepRow(0, ["seed=0"], "completed"))
    ledger.close()
    assert holds_sweep(tmp_path)
    again = Ledger(tmp_path)
    assert again.commands == read_commands(tmp_path) == [COMMAND]
    assert again.entries == {0: ENTRY}
    assert again.rows == {0: SweepRow(0, ["seed=0"], "completed")}
    assert again.new_number() == 1
    again.close()
    assert len((tmp_path / "sweep.jsonl").read_text().splitlines()) == 1  # only the newest row


def test_a_folder_without_a_line_keeps_its_number(tmp_path: Path) -> None:
    (tmp_path / "7_2").mkdir()
    (tmp_path / "notes").mkdir()
    ledger = Ledger(tmp_path)
    assert ledger.new_number() == 8
    ledger.close()


def test_the_newest_line_of_a_point_holds(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.record(ENTRY)
    ledger.record(ENTRY)  # as it was: no second line
    ledger.record(Entry(0, "0_2", "def", ("seed=0",)))
    ledger.close()
    assert len((tmp_path / "points.jsonl").read_text().splitlines()) == 2
    again = Ledger(tmp_path)
    assert again.entries[0].folder == "0_2"
    again.close()


def test_a_command_replaces_one_that_asked_for_the_same_points(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    ledger.note_command(SweepCommand(("seed=0,1", "launch.jobs=2", "search.trials=4")))
    ledger.note_command(SweepCommand(("seed=0,1,2",)))
    ledger.note_command(SweepCommand(("seed=0,1", "launch.jobs=1", "search.trials=9")))
    ledger.close()
    assert [command.words for command in read_commands(tmp_path)] == [
        ("seed=0,1,2",),
        ("seed=0,1", "launch.jobs=1", "search.trials=9"),
    ]


def test_which_keys_may_change_when_a_sweep_goes_on() -> None:
    assert [key for key in ("launch.jobs", "search.trials", "search.budget", "search", "search.seed", "seed")
            if is_growing(key)] == ["launch.jobs", "search.trials", "search.budget"]  # fmt: skip


def test_a_second_sweep_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    with pytest.raises(StorageError, match="this sweep is being run by process"):
        Ledger(tmp_path)
    ledger.note_command(COMMAND)
    ledger.close()
    Ledger(tmp_path).close()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"format": 2}', "sweep.json: format 2, which this version of dlrun does not know; use a newer one."),
        ("[]", r"sweep.json: it is not the ledger of a sweep \(TypeError"),
        ("{", r"sweep.json: it is not the ledger of a sweep \(JSONDecodeError"),
        ('{"format": 1, "commands": [{"words": []}]}', r"it is not the ledger of a sweep \(KeyError"),
    ],
)
def test_a_damaged_or_newer_ledger_is_an_error(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "sweep.json").write_text(content)
    with pytest.raises(StorageError, match=message):
        read_commands(tmp_path)


def test_lines_of_something_else_are_errors(tmp_path: Path) -> None:
    (tmp_path / "points.jsonl").write_text(json.dumps({"point": 0, "words": []}) + "\n")
    with pytest.raises(StorageError, match=r"points\.jsonl: a line is no point of a sweep"):
        Ledger(tmp_path)
    (tmp_path / "sweep.jsonl").write_text(json.dumps({"point": 0, "colour": "red"}) + "\n")
    with pytest.raises(StorageError, match=r"sweep\.jsonl: a line is no row of a sweep"):
        Ledger(tmp_path)
