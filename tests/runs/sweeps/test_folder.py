"""dlrun.runs.sweeps.folder: Hydra's choice, suffixes, and the folder of a sweep that goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import Plan, plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, StorageError
from dlrun.runs.sweeps.folder import claim_folder, open_ledger, sweep_dir
from dlrun.runs.sweeps.ledger import Entry, SweepCommand
from dlrun.runs.sweeps.rows import SweepRow, append_row
from dlrun.storage import run_dir


def plans(*words: str) -> list[Plan]:
    catalog = Catalog()
    return plan_runs(parse_overrides(words, catalog, multirun=True), catalog)


def test_the_folder_is_the_one_that_hydra_chooses() -> None:
    assert sweep_dir(["hydra.sweep.dir=mine", "hydra.job.name=x"]) == Path("mine")
    assert sweep_dir([]).parts[:2] == ("outputs", "sweeps")
    with pytest.raises(ConfigError, match="Cannot determine the sweep's folder: "):
        sweep_dir(["hydra.sweep.dri=mine"])


def claimed(path: Path, *, is_named: bool = False) -> Path:
    """Claim a folder and release its lock at once."""
    folder, lock = claim_folder(path, is_named=is_named)
    lock.close()
    return folder


def test_a_taken_folder_gets_a_suffix_and_an_empty_one_is_used(tmp_path: Path) -> None:
    assert claimed(tmp_path / "a") == tmp_path / "a"
    assert claimed(tmp_path / "a") == tmp_path / "a"  # which has only a lock that nobody holds
    (tmp_path / "a" / "0").mkdir()
    (tmp_path / "a_2").write_text("a file")
    assert claimed(tmp_path / "a") == tmp_path / "a_3"


def test_a_folder_in_which_another_process_begins_is_refused_only_if_it_was_named(tmp_path: Path) -> None:
    _, lock = claim_folder(tmp_path / "a", is_named=True)
    with lock:
        message = rf"a: this sweep is being run by process {os.getpid()} on "
        with pytest.raises(StorageError, match=message):
            claim_folder(tmp_path / "a", is_named=True)
        assert claimed(tmp_path / "a") == tmp_path / "a_2"


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        claimed(tmp_path / "file" / "sweep")
    with pytest.raises(StorageError, match="could not be written"):
        claimed(tmp_path / ("a" * 300))
    monkeypatch.setattr(run_dir, "MOST_NAMES", 2)
    for name in ("b", "b_2"):
        (tmp_path / name / "0").mkdir(parents=True)
    with pytest.raises(ConfigError, match="b: every name up to b_2 is taken"):
        claimed(tmp_path / "b")


NAMED = ["hydra.sweep.dir=swept"]


def opened(*words: str, hydra: Sequence[str] = ()) -> Path:
    """Open the ledger of a sweep, enter one point, close it; return its folder."""
    ledger = open_ledger(hydra, plans(*words))
    ledger.note_command(SweepCommand(words))
    ledger.record(Entry(0, "0", "abc", words))
    ledger.close()
    return ledger.folder


def test_a_named_folder_goes_on_and_a_default_one_is_new_each_time() -> None:
    first = opened("seed=0,1", hydra=NAMED)
    assert first == Path("swept").resolve()
    assert opened("seed=0,1", hydra=NAMED) == first
    assert opened("seed=7", hydra=NAMED) == first  # points are added
    assert opened("seed=0,1", "resume=never", hydra=NAMED).name == "swept_2"
    assert opened("seed=0,1") != opened("seed=0,1")


def test_resume_must_needs_a_sweep() -> None:
    with pytest.raises(ConfigError, match="There is no sweep to go on with in swept"):
        open_ledger(NAMED, plans("seed=0,1", "resume=must"))
    assert not Path("swept").exists()


def test_a_folder_in_which_nothing_was_begun_is_removed() -> None:
    ledger = open_ledger(NAMED, plans("seed=0"))
    assert ledger.folder.is_dir()
    ledger.close()
    assert not ledger.folder.exists()


def test_a_sweep_without_a_ledger_goes_on_only_with_the_same_points() -> None:
    Path("swept/1").mkdir(parents=True)
    Path("swept/1/result.json").write_text(json.dumps({"status": "completed", "config_sha256": "abc"}))
    append_row(Path("swept/sweep.jsonl"), SweepRow(1, ["seed=1"], "completed"))
    message = "whose point 1 is seed=1; here it is seed=7. Type the command of that sweep, or name another folder."
    with pytest.raises(ConfigError, match=message):
        open_ledger(NAMED, plans("seed=0,7", "model=mlp"))
    with pytest.raises(ConfigError, match="here it is no point"):
        open_ledger(NAMED, plans("seed=1"))
    ledger = open_ledger(NAMED, plans("seed=0,1", "model=mlp"))
    assert ledger.entries == {1: Entry(1, "1", "abc", ("seed=1", "model=mlp"))}
    ledger.close()
