"""dlrun.runs.sweeps.folder: Hydra's choice, suffixes, and the folder of a sweep that goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import Plan, plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, StorageError
from dlrun.runs.sweeps.folder import claim_folder, open_folder, sweep_dir
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


def test_a_taken_folder_gets_a_suffix_and_an_empty_one_is_used(tmp_path: Path) -> None:
    assert claim_folder(tmp_path / "a") == tmp_path / "a"
    assert claim_folder(tmp_path / "a") == tmp_path / "a"
    (tmp_path / "a" / "0").mkdir()
    (tmp_path / "a_2").write_text("a file")
    assert claim_folder(tmp_path / "a") == tmp_path / "a_3"


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        claim_folder(tmp_path / "file" / "sweep")
    with pytest.raises(StorageError, match="could not be written"):
        claim_folder(tmp_path / ("a" * 300))
    monkeypatch.setattr(run_dir, "MOST_NAMES", 2)
    for name in ("b", "b_2"):
        (tmp_path / name / "0").mkdir(parents=True)
    with pytest.raises(ConfigError, match="b: every name up to b_2 is taken"):
        claim_folder(tmp_path / "b")


def test_a_sweep_goes_on_in_its_folder_only_with_the_same_points() -> None:
    words = ["hydra.sweep.dir=swept"]
    first = open_folder(words, plans("seed=0,1", "resume=auto"))
    append_row(first / "sweep.jsonl", SweepRow(1, ["seed=1"], "completed"))
    assert open_folder(words, plans("seed=0,1", "resume=auto")) == first
    assert open_folder(words, plans("seed=0,1")).name == "swept_2"
    with pytest.raises(ConfigError, match="This folder has another sweep: its point 1 is seed=1, here it is seed=7"):
        open_folder(words, plans("seed=0,7", "resume=auto"))
