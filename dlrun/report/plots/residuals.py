"""Plots of predicted numbers: against the true ones, their errors, and windows of a forecast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dlrun.report.plots.frame import Frame, draw_frame
from dlrun.report.plots.scales import Scale
from dlrun.report.plots.scene import Box, Dot, Scene
from dlrun.runs.analysis.reports import NumberReport, Window

WIDTH, HEIGHT = 420, 300
MOST_DOTS = 900
"""Of a plot: of more rows every n-th is drawn."""
_MANY_DOTS = 150  # from which on they are drawn weaker
_MOST_BINS = 40
_SMALL = (300, 190)  # of a window
Floats = NDArray[np.float64]


def predicted_plot(report: NumberReport) -> Scene:
    """Draw predicted against true numbers; on the line both are equal."""
    truth, predicted = _dots(report.truth), _dots(report.predicted)
    scene = Scene(f"predicted {report.name}", f"Predicted against true: {report.name}", WIDTH, HEIGHT)
    scale = linear_scale([*truth, *predicted])
    frame = draw_frame(scene, scale, scale, x_name=f"true {report.name}", y_name="predicted")
    scene.line([frame.place(scale.low, scale.low), frame.place(scale.high, scale.high)], "front", "other")
    _scatter(scene, frame, truth, predicted)
    return scene


def residual_plot(report: NumberReport) -> Scene:
    """Draw errors, predicted minus true, against the predicted numbers."""
    predicted = _dots(report.predicted)
    errors = _dots(report.residuals)
    scene = Scene(f"residuals {report.name}", f"Residuals: {report.name}", WIDTH, HEIGHT)
    frame = draw_frame(
        scene, linear_scale(predicted), linear_scale([*errors, 0.0]), x_name=f"predicted {report.name}",
        y_name="residual (predicted - true)",
    )  # fmt: skip
    _zero(scene, frame)
    _scatter(scene, frame, predicted, errors)
    return scene


def residual_histogram(report: NumberReport) -> Scene:
    """Draw how many errors of each size there are; all below the lowest and above the highest of 1000 are left out."""
    errors = report.residuals.ravel()
    errors = errors[np.isfinite(errors)]
    low, high = np.quantile(errors, [0.001, 0.999]) if len(errors) else (0.0, 1.0)
    inside = errors[(errors >= low) & (errors <= high)]
    counts, edges = np.histogram(inside, bins=int(np.clip(len(inside) ** 0.5, 5, _MOST_BINS)))
    scene = Scene(f"errors {report.name}", f"Histogram of residuals: {report.name}", WIDTH, HEIGHT)
    y = Scale(0.0, max(float(counts.max()), 1.0) * 1.05, is_whole=True)
    frame = draw_frame(scene, Scale(float(edges[0]), float(edges[-1])), y, x_name="residual", y_name="predictions")
    for count, left, right in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        x, top = frame.place(left, float(count))
        width = frame.place(right, 0.0)[0] - x
        scene.marks.append(Box(x, top, max(width - 1, 0.5), frame.bottom - top, "series0"))
    if edges[0] < 0 < edges[-1]:
        scene.line([frame.place(0.0, y.low), frame.place(0.0, y.high)], "median", "ink")
    return scene


def residuals_in_order(report: NumberReport) -> Scene:
    """Draw the errors of a forecast's first step over its windows, which are in the order of time."""
    errors = report.residuals[:, 0]
    stride = max(1, -(-len(errors) // MOST_DOTS))
    times = np.arange(len(errors), dtype=np.float64)[::stride] * (report.num_rows / max(len(errors), 1))
    shown = errors[::stride]
    scene = Scene(f"over time {report.name}", f"Residuals over time: {report.name}", WIDTH, HEIGHT)
    scale = Scale(0.0, max(float(report.num_rows), 1.0), is_whole=True)
    frame = draw_frame(
        scene, scale, linear_scale([*shown, 0.0]), x_name="window, in the order of time",
        y_name="residual one step ahead",
    )  # fmt: skip
    _zero(scene, frame)
    _scatter(scene, frame, times, shown)
    return scene


def error_by_step(report: NumberReport) -> Scene:
    """Draw the mean absolute error of each step ahead."""
    finite = np.isfinite(report.residuals)
    sums = np.abs(np.where(finite, report.residuals, 0.0)).sum(axis=0)
    means = sums / np.maximum(finite.sum(axis=0), 1)
    scene = Scene(f"steps {report.name}", f"Error by step ahead: {report.name}", WIDTH, HEIGHT)
    x = Scale(0.5, len(means) + 0.5, is_whole=True)
    frame = draw_frame(scene, x, linear_scale([*means, 0.0]), x_name="steps ahead", y_name="mean absolute error")
    vertices = [frame.place(float(step), float(mean)) for step, mean in enumerate(means, start=1)]
    scene.line(vertices, "series0", "series0")
    scene.marks.extend(Dot(x, y, 3.0, "dot", "series0") for x, y in vertices if len(vertices) <= 50)
    return scene


def window_plot(window: Window) -> Scene:
    """Draw a window: what was known thin, then what came and what was predicted."""
    scene = Scene(f"window {window.name}", f"A window of {window.name}", *_SMALL)
    num_past, ahead = len(window.past), max(len(window.truth), len(window.predicted))
    x = Scale(-float(max(num_past - 1, 0)), float(max(ahead, 1)), is_whole=True)
    y = linear_scale([*window.past, *window.truth, *window.predicted])
    frame = draw_frame(scene, x, y, x_name="step", y_name=window.name)
    past = [frame.place(float(step - num_past + 1), value) for step, value in enumerate(window.past)]
    scene.line(past, "thin", "other")
    for place, values in enumerate((window.truth, window.predicted)):
        vertices = [frame.place(float(step), value) for step, value in enumerate(values, start=1)]
        role = f"series{place}"
        if len(vertices) > 1:
            scene.line([*past[-1:], *vertices], role, role)
        scene.marks.extend(Dot(x, y, 2.6, "dot", role) for x, y in vertices if len(vertices) <= 30)
    return scene


def loss_by_position(losses: Sequence[float]) -> Scene:
    """Draw the mean loss of a language model at each place of a window."""
    scene = Scene("positions", "Loss at each place of a window", WIDTH, HEIGHT)
    x = Scale(1.0, float(max(len(losses), 2)), is_whole=True)
    frame = draw_frame(scene, x, linear_scale(losses), x_name="place in the window, in tokens", y_name="mean loss")
    stride = max(1, len(losses) // MOST_DOTS)
    places = list(enumerate(losses, start=1))[::stride]
    scene.line([frame.place(float(place), loss) for place, loss in places], "series0", "series0")
    return scene


def linear_scale(values: Sequence[float] | Floats) -> Scale:
    """Return a linear axis for finite numbers, with some room at both ends."""
    found = np.asarray(values, dtype=np.float64)
    found = found[np.isfinite(found)]
    if not len(found):
        return Scale(0.0, 1.0)
    low, high = float(found.min()), float(found.max())
    room = (high - low) * 0.04 or abs(high) * 0.1 or 1.0
    return Scale(low - room, high + room)


def _dots(values: Floats) -> Floats:
    flat = values.ravel()
    return flat[:: max(1, -(-len(flat) // MOST_DOTS))]


def _zero(scene: Scene, frame: Frame) -> None:
    y = frame.place(frame.x.low, 0.0)[1]
    scene.line([(frame.left, y), (frame.right, y)], "front", "other")


def _scatter(scene: Scene, frame: Frame, x: Floats, y: Floats) -> None:
    shape = "ghost" if len(x) > _MANY_DOTS else "dot"
    for across, along in zip(x.tolist(), y.tolist(), strict=True):
        if np.isfinite(across) and np.isfinite(along):
            scene.marks.append(Dot(*frame.place(across, along), 2.6, shape, "series0"))
