"""The page of a single run: its result beside the baselines, learning curves, what differs from the defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlrun.report.pages.page import page
from dlrun.report.pages.parts import Cell, bullets, facts, grid, legend, paragraph, section, table
from dlrun.report.pages.text import escape
from dlrun.report.plots.figures import draw_run
from dlrun.runs.history import SavedRun
from dlrun.runs.sweeps.saved.points import is_number
from dlrun.runs.sweeps.saved.shared import read_shared
from dlrun.wording import count, duration, number

_MOST_METRICS, _MOST_BASELINES = 60, 10


def run_page(run: SavedRun, *, title: str) -> str:
    """Return the page of a run as HTML."""
    result = run.result
    parts = [f"<h1>{escape(title)}</h1>", *map(paragraph, _opening(result))]
    parts += [_results(result), _curves(run.folder, first=str((result.get("best") or {}).get("metric")))]
    shared = read_shared([run.folder])
    if shared.configuration:
        parts.append(section("Configuration that differs from the defaults", facts(shared.configuration)))
    if shared.facts:
        parts.append(section("Data and environment", facts(shared.facts)))
    return page(title, "\n".join(parts))


def _opening(result: Mapping[str, Any]) -> list[str]:
    lines = [f"Status: {result['status']}."]
    if result.get("error"):
        lines.append(f"Reason: {result['error']}")
    best = result.get("best")
    if best:
        epoch, step = (number(best.get(key)) if is_number(best.get(key)) else "-" for key in ("epoch", "step"))
        lines.append(f"Best: {best['metric']} {number(best['value'])} at epoch {epoch}, step {step}.")
    cost = []
    seconds: Any = (result.get("seconds") or {}).get("total")
    if is_number(seconds):
        cost.append(duration(float(seconds)))
    if is_number(result.get("parameters")):
        cost.append(f"{count(result['parameters'])} parameters")
    if cost:
        lines.append(f"It took {', with '.join(cost)}.")
    return lines


def _results(result: Mapping[str, Any]) -> str:
    """The metrics of the best checkpoint with those of the baselines beside them."""
    metrics = {name: value for name, value in (result.get("metrics") or {}).items() if is_number(value)}
    baselines = result.get("baselines")
    shown = [each for each in baselines if _is_baseline(each)] if isinstance(baselines, list) else []
    if not metrics:
        return ""
    heads = ["metric", "this run", *(str(each["name"]) for each in shown[:_MOST_BASELINES])]
    rows = [
        (None, [Cell(name), _number(value), *(_number(each["metrics"].get(name)) for each in shown[:_MOST_BASELINES])])
        for name, value in list(metrics.items())[:_MOST_METRICS]
    ]
    notices = result.get("notices")
    told: Sequence[str] = [str(each) for each in notices[:20]] if isinstance(notices, list) else []
    return section("Result", table(heads, rows), bullets(told))


def _is_baseline(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get("metrics"), dict)


def _number(value: Any) -> Cell:
    return Cell(number(value), float(value)) if is_number(value) else Cell("-", float("nan"))


def _curves(folder: Path, *, first: str) -> str:
    figures = draw_run(folder, first=first)
    if not figures.scenes:
        return section("Learning curves", paragraph("There is no metrics.jsonl that can be read.", muted=True))
    entries = legend((None, split) for split in figures.splits)
    return section("Learning curves", entries, grid(figures.scenes, large=True))
