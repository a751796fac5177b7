"""Learning curves."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.report.plots.learning import learning_curves, places
from dlrun.report.plots.scene import Dot, Label, Line, Scene
from dlrun.runs.sweeps.saved.curves import Curve


def curve(values: Sequence[float], *, epoch: float | None = None) -> Curve:
    found = Curve()
    for step, value in enumerate(values):
        found.add(step if epoch is None else epoch, 10.0 * step, value)
    return found


def shown(scene: Scene) -> list[tuple[str, tuple[int, ...]]]:
    return [(mark.shape, mark.of) for mark in scene.marks if isinstance(mark, Line | Dot) and mark.of]


def test_the_best_are_in_colour_on_top_of_the_grey_ones() -> None:
    scene = learning_curves("val/loss", [(7, curve([2, 1])), (3, curve([3, 2]))], {5: curve([4, 3])})
    assert shown(scene) == [("faint", (5,)), ("series1", (3,)), ("series0", (7,))]
    assert "epoch" in [mark.text for mark in scene.marks if isinstance(mark, Label)]


def test_within_one_epoch_the_axis_is_the_step() -> None:
    scene = learning_curves("train/loss", [(0, curve([2, 1, 1], epoch=1))], {})
    assert "step" in [mark.text for mark in scene.marks if isinstance(mark, Label)]


def test_a_single_evaluation_after_epochs_is_over_epochs_as_the_other_metrics_are() -> None:
    scene = learning_curves("val/loss", [(0, curve([2], epoch=12))], {})
    assert "epoch" in [mark.text for mark in scene.marks if isinstance(mark, Label)]


def test_one_evaluation_is_a_dot_and_none_is_nothing() -> None:
    scene = learning_curves("val/loss", [(0, curve([2])), (1, Curve())], {2: curve([1])})
    assert shown(scene) == [("ghost", (2,)), ("dot", (0,))]


def test_many_curves_are_weaker_and_thinned() -> None:
    scene = learning_curves(
        "val/loss", [(0, curve([1, 2]))], {n: curve([float(v) for v in range(90)]) for n in range(1, 1001)}
    )
    assert scene.notices == ["learning curves: each of 1,000 grey curves is drawn through 6 of its values"]
    grey = [mark for mark in scene.marks if isinstance(mark, Line) and mark.shape == "mist"]
    assert len(grey) == 1000
    assert max(len(line.vertices) for line in grey) <= 7


def test_extreme_values_lie_at_the_end_of_the_axis() -> None:
    scene = learning_curves("val/rmse", [(0, curve([52, 51, 50]))], {1: curve([1e9, 60, 55])})
    assert scene.notices == ["learning curves: extreme values are drawn at the end of the axis"]
    (grey,) = [mark for mark in scene.marks if isinstance(mark, Line) and mark.of == (1,)]
    assert grey.vertices[0][1] == 34  # the top of the frame


def test_a_value_within_an_epoch_lies_between_its_ends() -> None:
    vertices = [(1.0, 2.0, 4.0), (1.0, 4.0, 3.0), (2.0, 6.0, 2.0), (2.0, 8.0, 1.0)]  # epochs of 4 steps
    assert places(vertices, by_epoch=True) == [(0.5, 4.0), (1.0, 3.0), (1.5, 2.0), (2.0, 1.0)]
    assert places(vertices, by_epoch=False) == [(2.0, 4.0), (4.0, 3.0), (6.0, 2.0), (8.0, 1.0)]
    assert places([(0.0, 0.0, 1.0)], by_epoch=True) == [(0.0, 1.0)]
