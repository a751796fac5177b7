"""Learning curves: the best points in colour, the others as thin grey lines behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlrun.report.plots.frame import draw_frame
from dlrun.report.plots.scales import numeric_scale, tame, time_scale
from dlrun.report.plots.scene import Dot, Scene
from dlrun.report.plots.style import NUM_SERIES
from dlrun.runs.sweeps.saved.curves import Curve
from dlrun.wording import plural

WIDTH, HEIGHT = 460, 300
_MOST_GREY = 6_000  # vertices of all grey curves of a plot
_MANY_GREY = 100  # curves, from which on each is drawn weaker
_FEW_GREY = 4  # vertices that a curve has at least


def learning_curves(metric: str, best: Sequence[tuple[int, Curve]], others: Mapping[int, Curve]) -> Scene:
    """Draw a metric over the epochs, or over the steps where no curve goes beyond the first one.

    best: at most five points with their curves, the best first. others: the remaining ones.
    """
    scene = Scene(f"learning {metric}", f"Learning curves: {metric}", WIDTH, HEIGHT)
    every = [curve for _, curve in best[:NUM_SERIES]] + list(others.values())
    by_epoch = any(_has_epochs([vertex[0] for vertex in curve.vertices()]) for curve in every)
    most_each = max(_FEW_GREY, _MOST_GREY // max(len(others), 1))
    grey = {number: places(curve.vertices(most_each), by_epoch=by_epoch) for number, curve in others.items()}
    coloured = [(number, places(curve.vertices(), by_epoch=by_epoch)) for number, curve in best[:NUM_SERIES]]
    vertices = [vertex for each in (*grey.values(), *(found for _, found in coloured)) for vertex in each]
    x = time_scale([vertex[0] for vertex in vertices])
    values = [vertex[1] for vertex in vertices]
    tamed = tame(values, around=_middle([vertex[1] for _, found in coloured for vertex in found]))
    if len(tamed) < len(values):
        scene.notices.append("learning curves: extreme values are drawn at the end of the axis")
    y = numeric_scale(tamed)
    frame = draw_frame(scene, x, y, x_name="epoch" if by_epoch else "step", y_name=metric)
    shape = "faint" if len(grey) <= _MANY_GREY else "mist"
    for number, each in grey.items():
        _draw(scene, [frame.place(*vertex) for vertex in each], shape, "other", number)
    for place, (number, each) in reversed(list(enumerate(coloured))):
        line = [frame.place(*vertex) for vertex in each]
        _draw(scene, line, f"series{place}", f"series{place}", number)
    if 0 < most_each < 12:
        scene.notices.append(
            f"learning curves: each of {plural(len(others), 'grey curve')} is drawn through {most_each} of its values"
        )
    return scene


def _has_epochs(epochs: Sequence[float]) -> bool:
    return len(set(epochs)) > 1 or max(epochs, default=0.0) > 1


def places(vertices: Sequence[tuple[float, float, float]], *, by_epoch: bool) -> list[tuple[float, float]]:
    """Return where each (epoch, step, value) is drawn: at its step, or at the epochs that are complete by then.

    `epoch` is the one that the step is part of, so the most steps for each epoch are those of one.
    """
    steps = max((step / epoch for epoch, step, _ in vertices if epoch > 0), default=1.0) if by_epoch else 1.0
    return [(step / (steps or 1.0), value) for _, step, value in vertices]


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0


def _draw(scene: Scene, vertices: list[tuple[float, float]], shape: str, role: str, number: int) -> None:
    """Draw a curve; of a single evaluation a dot."""
    if len(vertices) > 1:
        scene.line(vertices, shape, role, of=(number,))
    for x, y in vertices if len(vertices) == 1 else ():
        scene.marks.append(Dot(x, y, 3.0, "dot" if shape.startswith("series") else "ghost", role, (number,)))
