"""One quantity against another, such as a metric against a cost, with the Pareto front."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from dlrun.report.plots.frame import draw_frame
from dlrun.report.plots.scales import numeric_scale, tame
from dlrun.report.plots.scatter import HEIGHT, WIDTH
from dlrun.report.plots.scene import Dot, Scene
from dlrun.report.plots.style import rank_role
from dlrun.runs.sweeps.saved.quantities import Quantity
from dlrun.runs.sweeps.saved.sweep import Group
from dlrun.wording import plural


def pareto(y: Quantity, x: Quantity, groups: Sequence[Group]) -> Scene:
    """Draw two quantities, seeds by their means, and a line through the points that no other one beats in both."""
    scene = Scene(f"{y.name} against {x.name}", f"{y.name} against {x.name}: the Pareto front", WIDTH, HEIGHT)
    shown = [
        (position, group)
        for position, group in enumerate(groups)
        if all(number in x.values and number in y.values for number in group.numbers)
    ]
    pairs = [
        (statistics.fmean(x.values[n] for n in group.numbers), statistics.fmean(y.values[n] for n in group.numbers))
        for _, group in shown
    ]
    heights = [height for _, height in pairs]
    scales = numeric_scale([width for width, _ in pairs]), numeric_scale(tame(heights, around=_best(heights, y)))
    frame = draw_frame(scene, *scales, x_name=x.name, y_name=f"{y.name}, and the Pareto front")
    front = front_of(pairs, x_higher=x.higher_is_better, y_higher=y.higher_is_better)
    for number in reversed(range(len(shown))):
        position, group = shown[number]
        radius = 4.6 if number in front else 3.0
        role = rank_role(position, len(groups))
        scene.marks.append(Dot(*frame.place(*pairs[number]), radius, "dot", role, group.numbers))
    line = sorted(frame.place(*pairs[number]) for number in front)
    if len(line) > 1:
        scene.line(line, "front", "ink")
    if len(shown) < len(groups):
        scene.notices.append(f"{plural(len(groups) - len(shown), 'configuration')} without {x.name} or {y.name}")
    return scene


def _best(values: Sequence[float], quantity: Quantity) -> float:
    return (max if quantity.higher_is_better else min)(values, default=0.0)


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
