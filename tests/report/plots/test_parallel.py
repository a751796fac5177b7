"""Parallel coordinates."""

from __future__ import annotations

from pathlib import Path

from dlrun.report.plots.parallel import parallel_coordinates
from dlrun.report.plots.scene import Label, Line
from dlrun.runs.sweeps.saved.sweep import read_sweep
from tests.sweep_folders import row, write_sweep


def test_every_configuration_is_a_line_over_all_axes_the_best_on_top(tmp_path: Path) -> None:
    rows = [row(n, f"model={'ab'[n % 2]}", f"lr={10.0**-n}", accuracy=n / 10) for n in range(8)]
    sweep = read_sweep(write_sweep(tmp_path, rows))
    scene = parallel_coordinates(sweep, sweep.groups)
    lines = [mark for mark in scene.marks if isinstance(mark, Line) and mark.of]
    assert [line.of for line in lines] == [(n,) for n in range(8)]
    assert [line.role for line in lines][-1] == "rank6"
    assert [line.shape for line in lines] == ["thin"] * 3 + ["best"] * 5
    assert {len(line.vertices) for line in lines} == {3}
    heights = [line.vertices[-1][1] for line in lines]
    assert heights == sorted(heights, reverse=True)  # a better one is higher up
    labels = [mark.text for mark in scene.marks if isinstance(mark, Label)]
    assert {"model", "lr", "val/accuracy", "a", "b", "0.1", "worst"} <= set(labels)


def test_settings_beyond_the_last_axis_and_extreme_values_are_told(tmp_path: Path) -> None:
    best = {"metric": "val/rmse", "higher_is_better": False}
    rows = [
        row(n, *(f"k{k}={n * (k + 1)}" for k in range(13)), best={**best, "value": value})
        for n, value in enumerate((50.0, 51.0, 52.0, 1e9))
    ]
    sweep = read_sweep(write_sweep(tmp_path, rows))
    assert parallel_coordinates(sweep, sweep.groups).notices == [
        "parallel coordinates: 2 settings without an axis",
        "1 configuration with an extreme val/rmse, drawn at the end of its axis",
    ]
