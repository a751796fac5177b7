"""dlrun.runs.cross_validation: means and deviations over folds, by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from dlrun.configuration.folds import by_fold
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import Plan, plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.cross_validation import summarise, write
from dlrun.runs.sweeps.rows import SweepRow


def points(*words: str) -> list[list[Plan]]:
    catalog = Catalog()
    return by_fold(plan_runs(parse_overrides(words, catalog, multirun=True), catalog), catalog)


def row(number: int, plan: Plan, status: str = "completed", **metrics: float) -> SweepRow:
    best: dict[str, Any] = {"metric": "val/accuracy", "value": metrics.get("accuracy", 0.0), "epoch": 1, "step": 4}
    return SweepRow(number, plan.label.split(), status, metrics, best if metrics else None, 1.5)


def test_mean_and_standard_deviation_are_of_the_folds() -> None:
    (folds,) = points("dataset=iris", "dataset.folds=3")
    rows = [
        row(number, plan, accuracy=value) for number, (plan, value) in enumerate(zip(folds, (1, 2, 6), strict=True))
    ]
    (found,) = summarise([folds], rows)
    assert (found.status, found.num_folds, found.overrides) == ("completed", 3, [])
    assert found.mean == {"accuracy": 3.0}
    assert found.std == {"accuracy": pytest.approx(math.sqrt(((1 - 3) ** 2 + (2 - 3) ** 2 + (6 - 3) ** 2) / 2))}
    assert found.best == {"metric": "val/accuracy", "value": 3.0}
    assert found.seconds == 4.5


def test_folds_that_failed_and_values_that_are_no_numbers_are_left_out() -> None:
    (folds,) = points("dataset=iris", "dataset.folds=3")
    rows = [
        row(0, folds[0], accuracy=0.5, auroc=math.nan),
        row(1, folds[1], "diverged"),
        row(2, folds[2], accuracy=1.0, auroc=0.75),
    ]
    (found,) = summarise([folds], rows)
    assert found.status == "incomplete"
    assert (found.mean, set(found.std)) == ({"accuracy": 0.75, "auroc": 0.75}, {"accuracy"})
    (found,) = summarise([folds], [row(number, plan, "diverged") for number, plan in enumerate(folds)])
    assert (found.status, found.mean, found.best) == ("diverged", {}, None)


def test_each_point_of_a_sweep_has_its_own_and_one_is_written_alone() -> None:
    plans = points("dataset=iris", "dataset.folds=2", "seed=0,1")
    rows = [row(number, plan, accuracy=number) for number, plan in enumerate(plan for folds in plans for plan in folds)]
    found = summarise(plans, rows)
    assert [(each.overrides, each.mean["accuracy"]) for each in found] == [(["seed=0"], 0.5), (["seed=1"], 2.5)]
    assert found[1].as_row(1).best == {"metric": "val/accuracy", "value": 2.5}
    write(Path("two.json"), found)
    assert [each["overrides"] for each in json.loads(Path("two.json").read_text())] == [["seed=0"], ["seed=1"]]
    write(Path("one.json"), found[:1])
    one = json.loads(Path("one.json").read_text())
    assert set(one) == {"overrides", "status", "num_folds", "mean", "std", "best", "seconds", "folds"}
    assert [(fold["fold"], fold["point"]) for fold in one["folds"]] == [(0, 0), (1, 1)]
