"""The page of a sweep."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.report.pages.page import page
from dlrun.report.pages.parts import (
    Cell,
    bullets,
    code,
    facts,
    figure,
    grid,
    legend,
    number_cells,
    paragraph,
    section,
    table,
)
from dlrun.report.pages.text import escape
from dlrun.report.plots.figures import Figures
from dlrun.runs.sweeps.saved.commands import Asked
from dlrun.runs.sweeps.saved.points import SavedPoint
from dlrun.runs.sweeps.saved.settings import as_number
from dlrun.runs.sweeps.saved.shared import Shared
from dlrun.runs.sweeps.saved.sweep import SavedSweep, describe, describe_ends
from dlrun.wording import duration, numbers, plural

MOST_ROWS = 1_500  # of a table
_MOST_COLUMNS = 24  # settings
_MOST_METRICS = 5  # beside the one that the points are compared by


def sweep_page(sweep: SavedSweep, figures: Figures, shared: Shared, asked: Asked, *, title: str) -> str:
    """Return the page of a sweep as HTML."""
    parts = [_opening(sweep, title), *_figures(sweep, figures)]
    if sweep.has_seeds:
        parts.append(_over_seeds(sweep))
    if sweep.ranked:
        parts.append(_points(sweep))
    if sweep.others:
        parts.append(_others(sweep))
    parts += [_fixed(shared), _repeat(sweep, asked)]
    missing = [*sweep.notices, *figures.notices, *shared.notices]
    if missing:
        parts.append(section("What this page does not show", bullets(missing)))
    return page(title, "\n".join(parts))


def _opening(sweep: SavedSweep, title: str) -> str:
    lines = [f"{plural(len(sweep.points), 'point')}: {describe_ends(sweep)}."]
    if sweep.ranked:
        better = "higher" if sweep.higher_is_better else "lower"
        lines.append(f"Compared by {sweep.metric} of each point's best checkpoint ({better} is better).")
        lines.append(f"Best: {describe(sweep.ranked[0], sweep)}.")
    if sweep.has_seeds:
        best = sweep.groups[0]
        seeds, (mean, spread) = plural(len(best.points), "seed"), numbers([best.mean, best.spread])
        lines.append(f"Best over seeds: {_settings_text(best.points[0])}, mean {mean}, "
                     f"standard deviation {spread} ({seeds}).")  # fmt: skip
    return f"<h1>{escape(title)}</h1>" + "".join(map(paragraph, lines))


def _settings_text(point: SavedPoint) -> str:
    return " ".join(f"{key}={value}" for key, value in point.settings.items() if key != "seed")


def _figures(sweep: SavedSweep, figures: Figures) -> list[str]:
    found = []
    if figures.parallel:
        scenes = [figure(scene, wide=True) for scene in figures.parallel]
        found.append(section("Settings and metric together", *scenes))
    if figures.against:
        what = "The colour is the rank; a line across a category is its median."
        if sweep.has_seeds:
            what += " Several seeds are a dot at their mean, a bar of one standard deviation, and faint dots."
        title = f"{sweep.metric} against each setting"
        found.append(section(title, paragraph(what, muted=True), grid(figures.against)))
    if figures.cost:
        what = "The dashed line connects the points that no other one beats in both."
        found.append(section("What it costs", paragraph(what, muted=True), grid(figures.cost)))
    if figures.curves:
        entries = [(point.number, describe(point, sweep)) for point in figures.best]
        what = "The best points in colour, the others as grey lines."
        found.append(
            section("Learning curves", paragraph(what, muted=True), legend(entries), grid(figures.curves, large=True))
        )
    return found


def _over_seeds(sweep: SavedSweep) -> str:
    keys = [setting.key for setting in sweep.settings][:_MOST_COLUMNS]
    groups = sweep.groups[:MOST_ROWS]
    spreads = [group.spread if len(group.points) > 1 else None for group in groups]
    measured = number_cells([*(group.mean for group in groups), *spreads])
    rows = []
    for group, mean, spread in zip(groups, measured[: len(groups)], measured[len(groups) :], strict=True):
        settings = [_setting(group.points[0], key) for key in keys]
        rows.append((None, [*settings, mean, spread, Cell(str(len(group.points)), float(len(group.points)))]))
    heads = [*keys, f"mean {sweep.metric}", "standard deviation", "seeds"]
    return section("Configurations over their seeds", table(heads, rows), _cut(len(sweep.groups)))


def _points(sweep: SavedSweep) -> str:
    keys = list(dict.fromkeys(key for point in sweep.ranked for key in point.settings))[:_MOST_COLUMNS]
    names = dict.fromkeys(name for point in sweep.ranked for name in point.metrics if name != sweep.metric)
    others = sorted(names, key=lambda name: not name.startswith("test/"))[:_MOST_METRICS]
    reused = any(point.reused for point in sweep.ranked)
    rows = []
    points = sweep.ranked[:MOST_ROWS]
    columns = [number_cells([point.metrics.get(name) for point in points]) for name in (str(sweep.metric), *others)]
    for place, point in enumerate(points):
        rows.append(
            (
                point.number,
                [
                    Cell(str(place + 1), float(place + 1)),
                    Cell(str(point.number), float(point.number)),
                    *(_setting(point, key) for key in keys),
                    *(cells[place] for cells in columns),
                    Cell(duration(point.seconds) if point.seconds is not None else "-", point.seconds),
                    Cell(point.device),
                    *([Cell("yes" if point.reused else "")] if reused else []),
                ],
            )
        )
    heads = ["rank", "point", *keys, str(sweep.metric), *others, "time", "device", *(["taken over"] if reused else [])]
    return section("Points", table(heads, rows), _cut(len(sweep.ranked)))


def _others(sweep: SavedSweep) -> str:
    keys = list(dict.fromkeys(key for point, _ in sweep.others for key in point.settings))[:_MOST_COLUMNS]
    rows = [
        (
            point.number,
            [
                Cell(str(point.number), float(point.number)),
                Cell(point.status),
                Cell(reason),
                *(_setting(point, key) for key in keys),
            ],
        )
        for point, reason in sweep.others[:MOST_ROWS]
    ]
    heads = ["point", "status", "reason", *keys]
    return section("Points without a result to compare", table(heads, rows, wordy=[2]), _cut(len(sweep.others)))


def _cut(count: int) -> str:
    return paragraph(f"{plural(count - MOST_ROWS, 'more row')} left out.", muted=True) if count > MOST_ROWS else ""


def _setting(point: SavedPoint, key: str) -> Cell:
    text = point.settings.get(key)
    return Cell("-" if text is None else text, None if text is None else as_number(text))


def _fixed(shared: Shared) -> str:
    parts = []
    if shared.configuration:
        what = "The same in every point, and not the default:"
        parts += [paragraph(what, muted=True), facts(shared.configuration)]
    if shared.facts:
        parts += [paragraph("Data and environment:", muted=True), facts(shared.facts)]
    if shared.differs:
        kinds = [f"{name} ({count} different)" for name, count in shared.differs.items()]
        parts.append(paragraph(f"Not the same in every point: {', '.join(kinds)}.", muted=True))
    return section("What was fixed", *parts) if parts else ""


def _repeat(sweep: SavedSweep, asked: Asked) -> str:
    parts: list[str] = []
    if asked.commands:
        parts += [paragraph("The commands that asked for these points:", muted=True), code("\n".join(asked.commands))]
    best: Sequence[SavedPoint] = [point for point in sweep.ranked[:1] if point.folder is not None]
    for point in best:
        where = point.folder.name if point.folder is not None else ""
        parts += [
            paragraph("In the sweep's folder, this trains the best point again:", muted=True),
            code(f"dlrun recipe=./{where}/config.yaml"),
        ]
    return section("How to repeat it", *parts) if parts else ""
