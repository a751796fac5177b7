"""Plots whose axes are shares from 0 to 1: ROC, precision and recall, reliability."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.report.plots.frame import Frame, draw_frame
from dlrun.report.plots.scales import Scale
from dlrun.report.plots.scene import Box, Dot, Scene
from dlrun.report.plots.style import NUM_SERIES
from dlrun.runs.analysis.reports import Bin, ClassCurves, Vertices

WIDTH, HEIGHT = 420, 330
_BAR = 0.05  # width of a bar of the reliability diagram
_BAR_HEIGHT = 0.25  # of the plot's height, of the highest bar
_FEW_VERTICES = 32  # of a grey curve


def roc_plot(curves: Sequence[ClassCurves]) -> Scene:
    """Draw true against false positives; the first five classes in colour, the others grey."""
    scene, frame = _framed("ROC", "false positive rate", "true positive rate (ROC)")
    scene.line([frame.place(0.0, 0.0), frame.place(1.0, 1.0)], "front", "other")
    _draw_curves(scene, frame, [each.roc for each in curves])
    return scene


def recall_plot(curves: Sequence[ClassCurves]) -> Scene:
    """Draw precision against recall; the first five classes in colour, the others grey."""
    scene, frame = _framed("precision and recall", "recall", "precision")
    _draw_curves(scene, frame, [each.recall for each in curves])
    return scene


def reliability_plot(bins: Sequence[Bin]) -> Scene:
    """Draw how often predictions are right against how sure they are; bars show where the rows are."""
    scene, frame = _framed("reliability", "probability of the predicted class", "share that is right")
    most = max((each.share for each in bins), default=1.0)
    for each in bins:
        x, y = frame.place(each.confidence - _BAR / 2, each.share / most * _BAR_HEIGHT)
        right = frame.place(each.confidence + _BAR / 2, 0.0)[0]
        x, right = max(x, frame.left), min(right, frame.right)
        scene.marks.append(Box(x, y, right - x, frame.bottom - y, "grid"))
    scene.line([frame.place(0.0, 0.0), frame.place(1.0, 1.0)], "front", "other")
    vertices = [frame.place(each.confidence, each.accuracy) for each in bins]
    if len(vertices) > 1:
        scene.line(vertices, "series0", "series0")
    for (x, y), each in zip(vertices, bins, strict=True):
        scene.marks.append(Dot(x, y, 2.5 + 3.5 * each.share**0.5, "dot", "series0"))
    return scene


def _framed(name: str, x_name: str, y_name: str) -> tuple[Scene, Frame]:
    scene = Scene(name, f"{y_name} against {x_name}", WIDTH, HEIGHT)
    return scene, draw_frame(scene, Scale(0.0, 1.0), Scale(0.0, 1.0), x_name=x_name, y_name=y_name)


def _draw_curves(scene: Scene, frame: Frame, curves: Sequence[Vertices]) -> None:
    for vertices in curves[NUM_SERIES:]:
        stride = max(1, len(vertices) // _FEW_VERTICES)
        scene.line([frame.place(*each) for each in [*vertices[:-1:stride], vertices[-1]]], "faint", "other")
    for place, vertices in reversed(list(enumerate(curves[:NUM_SERIES]))):
        scene.line([frame.place(*each) for each in vertices], f"series{place}", f"series{place}")
