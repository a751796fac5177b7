"""Runs that differ only in what is repeated are one group."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from dlrun.runs.history import SavedRun
from dlrun.runs.sweeps.groups import Trial, group, settings_of, trials_of_rows, trials_of_runs
from dlrun.runs.sweeps.rows import SweepRow


def trial(value: float | None = None, *, status: str = "completed", data: str = "", **settings: Any) -> Trial:
    named = {key.replace("__", "."): setting for key, setting in settings.items()}
    metrics = {} if value is None else {"val/accuracy": value}
    return Trial("0", named, status, metrics, data, "val/accuracy" if metrics else None, {})


def test_seeds_are_one_group_with_mean_spread_and_count() -> None:
    (found,) = group([trial(1.0, lr=0.1, seed=0), trial(2.0, lr=0.1, seed=1), trial(4.5, lr=0.1, seed=2)])
    assert found.settings == {"lr": 0.1}
    assert found.mean("val/accuracy") == 2.5
    assert found.spread("val/accuracy") == pytest.approx(math.sqrt((2.25 + 0.25 + 4) / 2))  # n - 1
    assert (found.num_repeats, len(found.values("val/accuracy"))) == (3, 3)


def test_what_did_not_complete_or_is_not_finite_is_counted_and_not_averaged() -> None:
    trials = [trial(1.0, seed=0), trial(9.0, status="pruned", seed=1), trial(status="failed", seed=2)]
    trials += [trial(math.nan, seed=3), trial(3.0, seed=4), trial(1e200, seed=5)]  # the last has no square
    (found,) = group(trials)
    assert (found.mean("val/accuracy"), found.num_repeats, len(found.values("val/accuracy"))) == (2.0, 6, 2)
    assert found.statuses == {"completed": 4, "pruned": 1, "failed": 1}


def test_the_same_seed_twice_is_the_same_run() -> None:
    (found,) = group([trial(1.0, seed=0), trial(1.0, seed=0), trial(3.0, seed=1)])
    assert (found.num_repeats, found.mean("val/accuracy")) == (2, 2.0)
    assert len(group([trial(1.0, seed=0), trial(1.0, seed=0)])) == 2  # repeated, not with another seed


def test_runs_that_differ_in_more_or_in_their_data_stay_apart() -> None:
    assert len(group([trial(1.0, lr=0.1, seed=0), trial(1.0, lr=0.2, seed=1)])) == 2
    assert len(group([trial(1.0, data="a", seed=0), trial(1.0, data="b", seed=1)])) == 2
    assert len(group([trial(1.0, data="a", seed=0), trial(status="failed", seed=1)])) == 1


def test_an_option_is_repeated_with_its_fields() -> None:
    trials = [trial(1.0, model="mlp", model__hidden=[8], seed=0), trial(2.0, model="linear", seed=0)]
    (found,) = group(trials, ("model", "seed"))
    assert (found.settings, found.mean("val/accuracy")) == ({}, 1.5)


def test_a_single_run_shows_what_it_reached_even_if_it_did_not_complete() -> None:
    (found,) = group([trial(0.5, status="interrupted", seed=0)])
    assert (found.mean("val/accuracy"), found.spread("val/accuracy"), found.values("val/accuracy")) == (0.5, None, {})


def test_overrides_become_settings_with_numbers_and_spaces() -> None:
    words = ["model=mlp", "optimizer.lr=1e-3", 'dataset.path="my', 'file.csv"', "seed=4", "model.hidden=[8,4]"]
    assert settings_of(words) == {
        "model": "mlp", "optimizer.lr": 0.001, "dataset.path": '"my file.csv"', "seed": 4, "model.hidden": "[8,4]",
    }  # fmt: skip


def result(fingerprint: str) -> str:
    return json.dumps({"status": "completed", "dataset": {"name": "iris", "fingerprint": fingerprint}})


def test_rows_of_one_dataset_are_not_read_again_and_of_several_are(tmp_path: Path) -> None:
    for name in ("0", "1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(result(f"f{name}"))
    best = {"metric": "val/loss", "value": 0.5, "higher_is_better": False}
    (one,) = trials_of_rows(
        [SweepRow(0, ["seed=1"], "completed", {"val/loss": 0.6}, best, run_dir=str(tmp_path / "0"))]
    )
    assert (one.data, one.chosen, one.metrics) == ("", "val/loss", {"val/loss": 0.5})
    assert one.is_higher_better("val/loss") is False
    rows = [SweepRow(number, [f"dataset={number}"], "completed", run_dir=f"gone/{number}") for number in range(3)]
    assert [each.data for each in trials_of_rows(rows, tmp_path)] == ["iris f0 null", "iris f1 null", ""]


def test_a_saved_run_has_its_whole_configuration_without_what_is_about_it() -> None:
    config = {"recipe": {"title": "x"}, "dataset": {"name": "iris"}, "model": {"name": "mlp", "hidden": [8]}, "seed": 3}
    run = SavedRun(Path("r"), {**config, "resume": "never"}, {"status": "unfinished"})
    (found,) = trials_of_runs([run])
    assert found.settings == {"dataset": "iris", "model": "mlp", "model.hidden": [8], "seed": 3}
    assert (found.name, found.status, found.data, found.chosen) == ("r", "unfinished", "iris", None)
