"""All figures of a sweep: which are drawn, and what is said of what is not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlrun.report.plots import figures, learning
from dlrun.report.plots.figures import draw_run, draw_sweep, metrics_to_draw, thinned
from dlrun.report.plots.scene import Line
from dlrun.runs.sweeps.saved.sweep import read_sweep
from tests.sweep_folders import row, write_run, write_sweep


def test_a_sweep_has_a_plot_for_each_setting_cost_and_metric(tmp_path: Path) -> None:
    rows = [row(n, f"model={'ab'[n % 2]}", f"lr={10.0**-n}", accuracy=n / 10) for n in range(4)]
    found = draw_sweep(read_sweep(write_sweep(tmp_path, rows)))
    assert [scene.name for scene in found.every()] == [
        "parallel",
        "val/accuracy against model",
        "val/accuracy against lr",
        "val/accuracy against seconds of training",
        "val/accuracy against parameters",
        "learning val/accuracy",
        "learning train/loss",
    ]
    assert [point.number for point in found.best] == [3, 2, 1, 0]
    assert found.notices == []


def test_objectives_get_a_plot_of_their_own(tmp_path: Path) -> None:
    rows = [row(n, f"a={n}", accuracy=n / 10) for n in range(3)]
    for each in rows:
        each["metrics"]["val/loss"] = 1.0 - each["point"] / 10
    found = draw_sweep(read_sweep(write_sweep(tmp_path, rows)), ["accuracy", "loss", "seconds", "auroc"])
    assert [scene.name for scene in found.cost] == [
        "val/accuracy against val/loss",
        "val/accuracy against seconds of training",
        "val/accuracy against parameters",
    ]
    assert found.notices == ["no point has the objective auroc"]


def test_points_that_end_otherwise_are_counted(tmp_path: Path) -> None:
    rows = [row(0, "a=0"), row(1, "a=1"), row(2, "a=2", accuracy=None), row(3, "a=3", reused="/x")]
    found = draw_sweep(read_sweep(write_sweep(tmp_path, rows)))
    assert found.notices == [
        "1 point without a result to compare",
        "no learning curve of 1 point: diverged or failed",
        "no learning curve of 1 point: no metrics.jsonl in this folder",
        "1 configuration without seconds of training or val/accuracy",
    ]


def test_one_result_has_only_curves(tmp_path: Path) -> None:
    found = draw_sweep(read_sweep(write_sweep(tmp_path, [row(0, "a=0")])))
    assert [scene.name for scene in found.every()] == ["learning val/accuracy", "learning train/loss"]
    assert found.notices == [
        "there are no two results to compare, so that settings are not plotted against the metric",
    ]


def test_a_sweep_without_results_has_nothing(tmp_path: Path) -> None:
    found = draw_sweep(read_sweep(write_sweep(tmp_path, [row(0, "a=0", accuracy=None)])))
    assert found.every() == []
    assert found.notices[-1] == "no learning curves: no completed point has a metrics.jsonl here"


def test_what_is_too_much_is_thinned_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_MOST_LINES": 4, "_MOST_DOTS": 4, "_FEWEST_DOTS": 2, "_MOST_PLOTS": 1, "_MOST_GREY": 3,
                        "_GREY_BYTES": 300, "_MOST_CURVES": 1}.items():  # fmt: skip
        monkeypatch.setattr(figures, name, value)
    monkeypatch.setattr(learning, "_MOST_GREY", 12)
    rows = [row(n, f"a={n}", f"b={n % 2}", accuracy=n / 20) for n in range(14)]
    found = draw_sweep(read_sweep(write_sweep(tmp_path, rows, evaluations=9)))
    assert found.notices == [
        "1 setting without a plot",
        "parallel coordinates show 4 of 14 configurations: the best and some of the rest",
        "the plots against settings show 4 of 14 configurations: the best and some of the rest",
        "no learning curves of train/loss",
        "no learning curve of 6 points: of so many, 3 are drawn beside the best",
        "learning curves read from parts of a long file: those of 3 points",
        "learning curves: each of 3 grey curves is drawn through 4 of its values",
    ]
    drawn = [mark.of for mark in found.parallel[0].marks if isinstance(mark, Line) and mark.of]
    assert drawn == [(5,), (11,), (12,), (13,)]  # the best last, on top


def test_thinning_keeps_the_best_and_spreads_the_rest() -> None:
    assert thinned(range(10), 4) == [0, 1, 2, 6]
    assert thinned(range(3), 4) == [0, 1, 2]


def test_metrics_come_in_the_order_of_their_interest() -> None:
    names = ["lr", "train/loss", "train/x", "val/z", "val/loss", "val/accuracy"]
    assert metrics_to_draw(names, first="val/accuracy") == [
        "val/accuracy",
        "val/loss",
        "train/loss",
        "val/z",
        "train/x",
    ]


def test_the_curves_of_a_run_have_a_series_for_each_split(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    with (run / "metrics.jsonl").open("a") as stream:
        stream.write(json.dumps({"step": 16, "epoch": 4, "val/loss": 0.5}) + "\n")
    found = draw_run(run, first="val/accuracy")
    assert found.splits == ["train", "val"]
    assert [scene.name for scene in found.scenes] == ["learning accuracy", "learning loss"]
    assert [mark.role for mark in found.scenes[0].marks if isinstance(mark, Line) and mark.of] == ["series1"]
    assert draw_run(tmp_path / "none", first="x").scenes == []
