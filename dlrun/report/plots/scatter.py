"""The metric against one setting: a dot for each point, seeds as a mean with its spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from dlrun.report.plots.frame import Frame, draw_frame
from dlrun.report.plots.parallel import scale_of
from dlrun.report.plots.scales import Scale, numeric_scale, tame
from dlrun.report.plots.scene import Dot, Scene
from dlrun.report.plots.style import rank_role
from dlrun.runs.sweeps.saved.settings import Setting
from dlrun.runs.sweeps.saved.sweep import Group, SavedSweep

WIDTH, HEIGHT = 360, 270
_MANY = 40  # dots, from which on those above one another are spread


def metric_against(setting: Setting, sweep: SavedSweep, groups: Sequence[Group]) -> Scene:
    """Draw the metric against a setting: categories as strips with a line at their median."""
    scene = Scene(f"{sweep.metric} against {setting.key}", f"{sweep.metric} against {setting.key}", WIDTH, HEIGHT)
    frame = draw_frame(scene, scale_of(setting), _metric_scale(groups), x_name=setting.key, y_name=str(sweep.metric))
    room = (frame.right - frame.left) / max(len(frame.x.categories), 1)
    jitter = room * (0.6 if not setting.is_numeric else 0.04 if frame.x.marked and len(groups) > _MANY else 0.0)
    for position in reversed(range(len(groups))):
        group = groups[position]
        value = setting.values[group.points[0].number]
        x = frame.place(value, group.mean)[0] + _shift(group.numbers[0]) * jitter
        _draw_group(scene, frame, group, x, rank_role(position, len(groups)))
    if not setting.is_numeric:
        _draw_medians(scene, frame, setting, groups, room)
    return scene


def _metric_scale(groups: Sequence[Group]) -> Scale:
    """The axis of the metric, with room for the spread of seeds."""
    values = tame([value for group in groups for value in group.values], around=groups[0].mean)
    scale = numeric_scale(values)
    if scale.is_log:
        return scale
    usual = [group for group in groups if min(values) <= group.mean <= max(values)]
    spreads = [bound for group in usual for bound in (group.mean - group.spread, group.mean + group.spread)]
    return numeric_scale(tame([*values, *spreads], around=groups[0].mean))


def _draw_group(scene: Scene, frame: Frame, group: Group, x: float, role: str) -> None:
    """One dot; or of several seeds a larger one at their mean, a bar of one standard deviation, and faint ones."""
    y = _height(frame, group.mean)
    if len(group.points) == 1:
        scene.marks.append(Dot(x, y, 3.2, "dot", role, group.numbers))
        return
    for value in group.values:
        scene.marks.append(Dot(x, _height(frame, value), 2.2, "ghost", role, group.numbers))
    low = max(group.mean - group.spread, frame.y.low)
    scene.line([(x, _height(frame, low)), (x, _height(frame, group.mean + group.spread))], "bar", role,
               of=group.numbers)  # fmt: skip
    scene.marks.append(Dot(x, y, 4.2, "dot", role, group.numbers))


def _draw_medians(scene: Scene, frame: Frame, setting: Setting, groups: Sequence[Group], room: float) -> None:
    by_category: dict[object, list[float]] = {}
    for group in groups:
        by_category.setdefault(setting.values[group.points[0].number], []).append(group.mean)
    for value, means in by_category.items():
        x, y = frame.place(value, statistics.median(means))  # type: ignore[arg-type]
        scene.line([(x - room * 0.36, y), (x + room * 0.36, y)], "median", "ink")


def _height(frame: Frame, value: float) -> float:
    return frame.bottom + (frame.top - frame.bottom) * frame.y.at(value)


def _shift(number: int) -> float:
    """Return a shift from -0.5 to 0.5 that looks random and is the same each time."""
    return (number * 0.6180339887 + 0.25) % 1 - 0.5
