"""Parallel coordinates: an axis for each swept setting and one for the metric, a line for each configuration."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from dlrun.report.plots.scales import Scale, category_scale, numeric_scale, tame
from dlrun.report.plots.scene import Box, Line, Scene
from dlrun.report.plots.style import NUM_RANKS, rank_role
from dlrun.runs.sweeps.saved.settings import Place, Setting
from dlrun.runs.sweeps.saved.sweep import Group, SavedSweep
from dlrun.wording import plural

MOST_AXES = 11  # of settings
NUM_BEST = 5  # drawn on top, thicker
_TOP, _HEIGHT, _EDGE = 58, 380, 80
_LEAST_WIDTH = 470  # of the legend
_SPACE, _MOST_SPACE = 128, 260  # between axes


def parallel_coordinates(sweep: SavedSweep, groups: Sequence[Group]) -> Scene:
    """Draw a line for each group of points; the best are on top."""
    settings = sweep.settings[:MOST_AXES]
    space = max(_SPACE, min(_MOST_SPACE, 1_000 / len(settings)))
    width = max(_LEAST_WIDTH, space * len(settings) + 2 * _EDGE)
    scene = Scene("parallel", f"Parallel coordinates: the swept settings and {sweep.metric}", width, _HEIGHT)
    if len(settings) < len(sweep.settings):
        scene.notices.append(
            f"parallel coordinates: {plural(len(sweep.settings) - len(settings), 'setting')} without an axis"
        )
    means = [group.mean for group in groups]
    scales = [*map(scale_of, settings), numeric_scale(tame(means, around=means[0]))]
    if num_wild := len(means) - len(tame(means, around=means[0])):
        scene.notices.append(wild_notice(num_wild, sweep))
    places = [_EDGE + number * space for number in range(len(scales))]
    for position in reversed(range(len(groups))):
        group = groups[position]
        values: list[Place] = [setting.values[group.points[0].number] for setting in settings]
        vertices = [
            (x, _y(scale, value)) for x, scale, value in zip(places, scales, [*values, group.mean], strict=True)
        ]
        shape = "best" if position < NUM_BEST else "thin" if len(groups) <= 200 else "faint"
        scene.marks.append(Line(vertices, shape, rank_role(position, len(groups)), group.numbers))
    names = [*(setting.key for setting in settings), str(sweep.metric)]
    for x, scale, name in zip(places, scales, names, strict=True):
        _draw_axis(scene, x, scale, name, most=int(space / 7))
    _draw_legend(scene, better="higher" if sweep.higher_is_better else "lower")
    return scene


def wild_notice(count: int, sweep: SavedSweep) -> str:
    """Return what is told of values that an axis has no room for."""
    return f"{plural(count, 'configuration')} with an extreme {sweep.metric}, drawn at the end of its axis"


def scale_of(setting: Setting) -> Scale:
    """Return the axis of a setting."""
    if setting.is_numeric:
        values = [value if isinstance(value, float) else None for value in setting.values.values()]
        return numeric_scale(values, marks_values=True)
    return category_scale(setting.categories, has_missing=None in setting.values.values())


def _y(scale: Scale, value: Place) -> float:
    return _HEIGHT - 24 + (_TOP + 24 - _HEIGHT) * scale.at(value)


def _draw_axis(scene: Scene, x: float, scale: Scale, name: str, *, most: int) -> None:
    top, bottom = _TOP, _HEIGHT - 24
    scene.line([(x, top), (x, bottom)], "axis", "ink")
    scene.label(x, top - 10, name, "middle", most=most, size=13, role="ink", keeps="end")
    ticks = scale.ticks(6)
    for place, label in ticks[:: max(1, len(ticks) // 20)]:
        y = bottom + (top - bottom) * place
        scene.line([(x - 4, y), (x, y)], "axis", "ink")
        room = min(cell_len(label), max(4, most // 2 + 1)) * 6.6 + 4
        scene.marks.append(Box(x - 5 - room, y - 7, room, 14, "veil"))
        scene.label(x - 7, y + 4, label, "end", most=max(4, most // 2 + 1), halo=True, role="ink")


def _draw_legend(scene: Scene, *, better: str) -> None:
    """The colours from the worst to the best, at the top."""
    scene.label(8, 18, "worst", size=12)
    for number in range(NUM_RANKS):
        scene.marks.append(Box(56 + number * 14, 8, 14, 12, f"rank{number}"))
    scene.label(56 + NUM_RANKS * 14 + 6, 18, f"best ({better} is better); the colour is the rank", size=12)
