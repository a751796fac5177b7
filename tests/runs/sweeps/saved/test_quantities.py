"""Objectives and costs of a sweep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlrun.runs.sweeps.saved.quantities import pairs_to_weigh, quantity
from dlrun.runs.sweeps.saved.sweep import SavedSweep, read_sweep
from tests.sweep_folders import RESULT, row, write_sweep


@pytest.fixture
def sweep(tmp_path: Path) -> SavedSweep:
    rows = [row(n, f"a={n}", accuracy=n / 10) for n in range(3)]
    for each in rows:
        each["metrics"] |= {"val/loss": 1.0 - each["point"] / 10, "val/iou": 0.5 + each["point"]}
    rows[2]["reused"] = "/x"
    write_sweep(tmp_path, rows)
    for number in range(2):
        more = {"samples_per_second": 100.0 + number, "metric_directions": {"iou": "max"}}
        (tmp_path / str(number) / "result.json").write_text(json.dumps({**RESULT, **more}))
    return read_sweep(tmp_path)


def test_costs_are_those_of_a_search(sweep: SavedSweep) -> None:
    found = [quantity(sweep, name) for name in ("parameters", "seconds", "samples_per_second")]
    assert [(each.name, dict(each.values), each.higher_is_better) for each in found if each is not None] == [
        ("parameters", {2: 300.0, 1: 200.0, 0: 100.0}, False),
        ("seconds of training", {1: 2.0, 0: 1.0}, False),  # point 2 was taken over
        ("samples per second", {1: 101.0, 0: 100.0}, True),
    ]


def test_a_metric_is_one_of_the_validation_rows(sweep: SavedSweep) -> None:
    loss, own = quantity(sweep, "loss"), quantity(sweep, "val/accuracy")
    assert loss is not None
    assert own is not None
    assert (loss.name, loss.values[2], loss.higher_is_better) == ("val/loss", 0.8, False)
    assert (own.name, own.values[2], own.higher_is_better) == ("val/accuracy", 0.2, True)
    assert quantity(sweep, "auroc") is None
    iou = quantity(sweep, "iou")  # of which a result.json says that a higher value is better
    assert iou is not None
    assert iou.higher_is_better


def test_the_objectives_come_first_then_the_metric_against_its_costs(sweep: SavedSweep) -> None:
    pairs, missing = pairs_to_weigh(sweep, ["loss", "parameters", "auroc", "accuracy"])
    assert [(y.name, x.name) for y, x in pairs] == [
        ("val/loss", "parameters"),
        ("val/loss", "val/accuracy"),
        ("val/accuracy", "seconds of training"),
        ("val/accuracy", "parameters"),
    ]
    assert missing == ["auroc"]
    assert len(pairs_to_weigh(sweep, ["accuracy", "parameters"])[0]) == 2
