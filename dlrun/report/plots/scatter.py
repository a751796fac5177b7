"""The metric against one setting, or against a cost: a dot for each point, seeds as a mean with its spread."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from dlrun.report.plots.frame import Frame, draw_frame
from dlrun.report.plots.parallel import scale_of
from dlrun.report.plots.scales import numeric_scale
from dlrun.report.plots.scene import Dot, Scene
from dlrun.report.plots.style import rank_role
from dlrun.runs.sweeps.saved.settings import Setting
from dlrun.runs.sweeps.saved.sweep import Group, SavedSweep

WIDTH, HEIGHT = 360, 270
_MANY = 40  # dots, from which on those above one another are spread


def metric_against(setting: Setting, sweep: SavedSweep, groups: Sequence[Group]) -> Scene:
    """Draw the metric against a setting: categories as strips with a line at their median."""
    scene = Scene(f"{sweep.metric} against {setting.key}", f"{sweep.metric} against {setting.key}", WIDTH, HEIGHT)
    values = [value for group in groups for value in group.values]
    spreads = [bound for group in groups for bound in (group.mean - group.spread, group.mean + group.spread)]
    metric_scale = numeric_scale(values)
    if not metric_scale.is_log:
        metric_scale = numeric_scale([*values, *spreads])
    frame = draw_frame(scene, scale_of(setting), metric_scale, x_name=setting.key, y_name=str(sweep.metric))
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


def pareto(
    sweep: SavedSweep, groups: Sequence[Group], cost: Mapping[int, float], *, name: str, higher_is_better: bool = False
) -> Scene:
    """Draw the metric against another quantity, and a line through the points that no other one beats in both.

    cost: the quantity by the point's number.
    """
    scene = Scene(f"{sweep.metric} against {name}", f"{sweep.metric} against {name}: the Pareto front", WIDTH, HEIGHT)
    shown = [group for group in groups if all(number in cost for number in group.numbers)]
    means = {group.numbers: statistics.fmean(cost[number] for number in group.numbers) for group in shown}
    scales = numeric_scale(means.values()), numeric_scale([group.mean for group in shown])
    frame = draw_frame(scene, *scales, x_name=name, y_name=f"{sweep.metric}, and the Pareto front")
    front = front_of([(means[group.numbers], group.mean) for group in shown],
                     x_higher=higher_is_better, y_higher=sweep.higher_is_better)  # fmt: skip
    for position in reversed(range(len(shown))):
        group = shown[position]
        x, y = frame.place(means[group.numbers], group.mean)
        radius = 4.6 if position in front else 3.0
        scene.marks.append(Dot(x, y, radius, "dot", rank_role(position, len(shown)), group.numbers))
    line = sorted(frame.place(means[shown[number].numbers], shown[number].mean) for number in front)
    if len(line) > 1:
        scene.line(line, "front", "ink")
    if len(shown) < len(groups):
        scene.notices.append(f"{len(groups) - len(shown)} without {name}")
    return scene


def front_of(pairs: Sequence[tuple[float, float]], *, x_higher: bool, y_higher: bool) -> set[int]:
    """Return the positions of the pairs that no other pair beats in one quantity and equals or beats in the other."""
    signed = [(x if x_higher else -x, y if y_higher else -y) for x, y in pairs]
    found: set[int] = set()
    best = -float("inf")
    for number in sorted(range(len(signed)), key=lambda number: signed[number], reverse=True):
        if signed[number][1] > best:
            best = signed[number][1]
            found.add(number)
    return found


def _height(frame: Frame, value: float) -> float:
    return frame.bottom + (frame.top - frame.bottom) * frame.y.at(value)


def _shift(number: int) -> float:
    """Return a shift from -0.5 to 0.5 that looks random and is the same each time."""
    return (number * 0.6180339887 + 0.25) % 1 - 0.5
