"""`dlrun -m search=...` as a user types it."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlrun.configuration.safe_yaml import read_yaml
from tests.conftest import SHORT
from tests.cradle import start_dlrun

Dlrun = Callable[..., tuple[int, str, str]]
LR = "optimizer.lr=tag(log, interval(1e-3, 1e-1))"


def rows(own_folder: Path) -> list[dict[str, Any]]:
    (path,) = own_folder.glob("outputs/sweeps/*/*/sweep.jsonl")
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return sorted(found, key=lambda row: int(row["point"]))


def test_exactly_the_drawn_value_is_trained(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("-m", *SHORT, LR, "search=random", "search.trials=3", "seed=0,1")
    assert code == 0, err
    assert err.splitlines()[0] == ("search=random over optimizer.lr: 3 trials, each with 2 values of seed = 6 points")
    found = rows(own_folder)
    rates = [row["overrides"][0] for row in found]
    assert len(found) == 6
    assert rates[::2] == rates[1::2]  # each with both seeds
    assert len(set(rates)) == 3
    for row in found:
        text = row["overrides"][0].partition("=")[2]
        assert read_yaml(Path(row["run_dir"]) / "config.yaml")["optimizer"]["lr"] == float(text)
        assert len(text.replace(".", "").lstrip("0")) <= 6


def test_the_search_is_not_part_of_a_run(dlrun: Dlrun, own_folder: Path) -> None:
    dlrun("-m", *SHORT, "optimizer.lr=0.01,0.02", "search=lhs", "search.trials=2", "--quiet")
    dlrun(*SHORT, "optimizer.lr=0.01", "hydra.run.dir=alone", "--quiet")
    (same,) = [row for row in rows(own_folder) if row["overrides"] == ["optimizer.lr=0.01"]]
    digests = [
        json.loads((Path(folder) / "result.json").read_text())["config_sha256"] for folder in (same["run_dir"], "alone")
    ]
    assert digests[0] == digests[1]


def test_lists_that_are_used_up_end_a_search(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("-m", *SHORT, "optimizer.lr=0.01,0.02,0.03", "search=random", "search.trials=40")
    assert (code, len(rows(own_folder))) == (0, 3)
    assert err.splitlines()[0] == "search=random over optimizer.lr: all 3 combinations"


def test_folds_are_part_of_a_trial(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("-m", *SHORT, LR, "search=random", "search.trials=1", "dataset.folds=2")
    assert code == 0, err
    assert [row["overrides"][1] for row in rows(own_folder)] == ["dataset.fold=0", "dataset.fold=1"]
    assert err.splitlines()[0] == "search=random over optimizer.lr: 1 trial, each with 2 folds = 2 points"


def test_tpe_trains_by_what_it_was_told(dlrun: Dlrun, own_folder: Path) -> None:
    pytest.importorskip("optuna")
    words = ("-m", *SHORT, LR, "model=linear,mlp", "search=tpe", "search.trials=5", "launch.jobs=1")
    code, out, err = dlrun(*words, "search.objectives=[accuracy,parameters]")
    assert code == 0, err
    assert len({str(row["overrides"]) for row in rows(own_folder)}) == 5
    assert "Pareto front of accuracy and parameters:" in out
    assert "optuna" not in err.lower()


def test_mistakes_of_the_search_and_of_its_runs_are_told_together(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun(
        "-m", "dataset=iris", "optimizer.lr=interval(1, 1e-4)", "trainer.epoch=3", "search=random",
        "search.objectives=[acuracy]",
    )  # fmt: skip
    assert code == 2
    told = [line.strip() for line in err.splitlines() if line.startswith("  ") and line[2] != " "]
    assert [line.partition("=")[0] for line in told] == ["search.objectives", "trainer.epoch", "optimizer.lr", "search"]
    assert not (own_folder / "outputs").exists()


def test_an_objective_that_only_the_first_row_can_deny_ends_the_sweep(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun(
        "-m", *SHORT, LR, "search=random", "search.trials=3", "search.objectives=[rmse]", "launch.jobs=1"
    )
    assert code == 2
    assert "search.objectives=[rmse]" in err
    assert len(rows(own_folder)) == 1


def test_hydras_launchers_cannot_search(dlrun: Dlrun, own_folder: Path) -> None:
    code, _, err = dlrun("-m", *SHORT, LR, "search=random", "search.trials=3", "hydra/launcher=basic")
    assert code == 2
    assert "Hydra's launchers need all points at once, and a search chooses one after another." in err


def test_check_examines_the_ends(dlrun: Dlrun, own_folder: Path) -> None:
    code, out, err = dlrun(
        "check", "-m", *SHORT, LR, "trainer.batch_size=interval(4,8)", "search=random", "search.trials=9"
    )
    assert code == 0, err
    assert err.splitlines() == [
        "search=random over optimizer.lr, trainer.batch_size: 9 trials",
        "examined of it: 6 points: all low ends, all high ends, and each end of a range and each value of a list with "
        "the others in between",
    ]
    assert out.splitlines()[-1] == "Nothing is wrong with any of 6 points."


def test_a_killed_search_goes_on_as_it_would_have(dlrun: Dlrun, own_folder: Path) -> None:
    pytest.importorskip("optuna")
    words = ["-m", *SHORT, LR, "model=mlp", "model.dropout=interval(0, 0.5)", "search=tpe", "search.trials=12"]
    words += ["launch.jobs=1", "--quiet"]
    assert dlrun(*words, "hydra.sweep.dir=whole")[0] == 0
    with (own_folder / "printed.txt").open("wb") as output:
        killed = start_dlrun(*words, "hydra.sweep.dir=killed", output=output.fileno())
    path = own_folder / "killed" / "sweep.jsonl"
    deadline = time.monotonic() + 60
    while not path.exists() or path.read_text().count("\n") < 6:
        assert killed.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert len(path.read_text().splitlines()) < 12
    code, _, err = dlrun(*words, "hydra.sweep.dir=killed")
    assert code == 0, err
    found = []
    for name in ("killed", "whole"):
        lines = (own_folder / name / "sweep.jsonl").read_text().splitlines()
        found.append(sorted((row["point"], row["overrides"], row["metrics"]) for row in map(json.loads, lines)))
    assert found[0] == found[1]
