"""Two quantities against each other, and the Pareto front."""

from __future__ import annotations

from pathlib import Path

from dlrun.report.plots.pareto import front_of, pareto
from dlrun.report.plots.scene import Dot, Line
from dlrun.runs.sweeps.saved.quantities import Quantity, metric_of
from dlrun.runs.sweeps.saved.sweep import read_sweep
from tests.sweep_folders import row, write_sweep


def test_the_front_has_what_no_other_pair_beats() -> None:
    pairs = [(1.0, 0.5), (2.0, 0.7), (3.0, 0.6), (1.0, 0.4), (0.5, 0.5)]  # cost, accuracy
    assert front_of(pairs, x_higher=False, y_higher=True) == {1, 4}
    assert front_of(pairs, x_higher=True, y_higher=True) == {1, 2}
    assert front_of(pairs, x_higher=False, y_higher=False) == {3, 4}
    assert front_of([(1.0, 1.0)] * 3, x_higher=False, y_higher=True) == {0}
    assert front_of([], x_higher=False, y_higher=True) == set()


def test_seeds_count_by_their_means_and_points_without_a_value_are_told(tmp_path: Path) -> None:
    rows = [row(n, f"a={n // 2}", f"seed={n % 2}", accuracy=n / 10) for n in range(6)]
    sweep = read_sweep(write_sweep(tmp_path, rows))
    cost = Quantity("parameters", {0: 1.0, 1: 3.0, 4: 4.0, 5: 4.0, 2: 9.0}, False)
    scene = pareto(metric_of(sweep), cost, sweep.groups)
    assert scene.notices == ["1 configuration without parameters or val/accuracy"]
    dots = [mark for mark in scene.marks if isinstance(mark, Dot)]
    assert [dot.of for dot in dots] == [(1, 0), (5, 4)]
    (front,) = [mark for mark in scene.marks if isinstance(mark, Line) and mark.shape == "front"]
    assert list(front.vertices) == [(dot.x, dot.y) for dot in dots]


def test_nothing_to_draw_is_an_empty_frame(tmp_path: Path) -> None:
    sweep = read_sweep(write_sweep(tmp_path, [row(n, f"a={n}", accuracy=n / 10) for n in range(2)]))
    scene = pareto(metric_of(sweep), Quantity("x", {}, False), sweep.groups)
    assert not [mark for mark in scene.marks if isinstance(mark, Dot)]
