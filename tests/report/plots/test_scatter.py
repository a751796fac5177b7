"""The metric against settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.report.plots.scatter import metric_against
from dlrun.report.plots.scene import Dot, Line
from dlrun.runs.sweeps.saved.sweep import read_sweep
from tests.sweep_folders import row, write_sweep


def test_seeds_are_a_mean_with_its_spread(tmp_path: Path) -> None:
    rows = [row(n, f"lr={n // 2}", f"seed={n % 2}", accuracy=value) for n, value in enumerate((0.1, 0.3, 0.6, 0.8))]
    sweep = read_sweep(write_sweep(tmp_path, rows))
    scene = metric_against(sweep.settings[0], sweep, sweep.groups)
    dots = [mark for mark in scene.marks if isinstance(mark, Dot)]
    assert [dot.of for dot in dots if dot.shape == "dot"] == [(1, 0), (3, 2)]
    assert [dot.of for dot in dots if dot.shape == "ghost"] == [(1, 0), (1, 0), (3, 2), (3, 2)]
    bars = [mark for mark in scene.marks if isinstance(mark, Line) and mark.shape == "bar"]
    means = [dot.y for dot in dots if dot.shape == "dot"]
    assert [sum(y for _, y in bar.vertices) / 2 for bar in bars] == pytest.approx(means)
    low, high = (y for _, y in bars[0].vertices)
    ghosts = sorted(dot.y for dot in dots if dot.of == (1, 0) and dot.shape == "ghost")
    assert (low - high) / (ghosts[1] - ghosts[0]) == pytest.approx(2**0.5)  # two deviations of a pair


def test_categories_have_a_line_at_their_median(tmp_path: Path) -> None:
    rows = [row(n, f"model={'ab'[n // 3]}", f"lr={n}", accuracy=n / 10) for n in range(6)]
    sweep = read_sweep(write_sweep(tmp_path, rows))
    scene = metric_against(sweep.settings[0], sweep, sweep.groups)
    medians = [mark for mark in scene.marks if isinstance(mark, Line) and mark.shape == "median"]
    heights = {dot.of: dot.y for dot in scene.marks if isinstance(dot, Dot)}
    assert [line.vertices[0][1] for line in medians] == [heights[(4,)], heights[(1,)]]
