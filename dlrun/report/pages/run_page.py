"""The page of a single run: its result, learning curves, what it predicts and where it is wrong, how to repeat it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlrun.configuration.schema.catalog import Catalog
from dlrun.report.pages.media import Media
from dlrun.report.pages.page import page
from dlrun.report.pages.parts import Cell, bullets, grid, legend, metric_cells, paragraph, section, table
from dlrun.report.pages.run.about import (
    configuration_section,
    data_section,
    environment_section,
    missing_section,
    repeat_section,
)
from dlrun.report.pages.run.classes import class_sections, stored_figures
from dlrun.report.pages.run.mistakes import mistakes_section
from dlrun.report.pages.run.numbers import number_sections
from dlrun.report.pages.run.samples import pictures_section, texts_section, tokens_section
from dlrun.report.pages.text import escape
from dlrun.report.plots.figures import draw_run
from dlrun.runs.analysis.reports import Examined
from dlrun.runs.history import SavedRun, is_number
from dlrun.runs.sweeps.saved.shared import read_shared
from dlrun.wording import count, duration, number, plural

_MOST_METRICS, _MOST_BASELINES = 60, 10
_FEW_CURVES, _MOST_CURVES = 4, 24  # plots; a few are large


def run_page(run: SavedRun, examined: Examined | None = None, *, title: str, catalog: Catalog | None = None) -> str:
    """Return the page of a run as HTML.

    examined: what the model does on a split; None if nobody looked. catalog: the options that are known.
    """
    result, found, catalog = run.result, examined or Examined(), catalog or Catalog()
    missing, media = list(found.missing), Media()
    shared = read_shared([run.folder], catalog=catalog)
    parts = [f"<h1>{escape(title)}</h1>", *map(paragraph, _opening(result))]
    parts += [_results(result), _curves(run.folder, first=str((result.get("best") or {}).get("metric")))]
    parts += _predictions(found, result, media)
    if found.is_generator:
        pictures, why = pictures_section(run.folder / "samples", media)
        parts.append(pictures)
        missing += [why] if why else []
    parts += [
        configuration_section(run.folder, shared),
        data_section(shared, result, found),
        environment_section(shared),
        repeat_section(run.folder, catalog.plugins, examined=found),
        missing_section([*missing, *found.notices, *_of_media(media), *shared.notices]),
    ]
    return page(title, "\n".join(part for part in parts if part))


def _predictions(found: Examined, result: Mapping[str, Any], media: Media) -> list[str]:
    """What the model does on the examined split."""
    parts = [part for report in found.classes for part in class_sections(report, split=found.split)]
    if not found.classes:
        parts.append(stored_figures(result))
    if found.numbers:
        parts += number_sections(found.numbers, split=found.split)
    if found.tokens is not None:
        parts.append(tokens_section(found.tokens))
    parts.append(texts_section(found.samples))
    for report in found.classes:
        title = f"The worst mistakes{f' of {report.name}' if report.name else ''}"
        parts.append(mistakes_section(report.mistakes, media, title=title, split=found.split))
        if not report.num_wrong:
            parts.append(section(title, paragraph(f"There is none: every {found.split} row is predicted rightly.")))
    parts.append(mistakes_section(found.mistakes, media, title="The largest errors", split=found.split))
    return parts


def _of_media(media: Media) -> list[str]:
    """What was not shown of pictures and sounds."""
    notices = []
    if media.num_left_out:
        notices.append(f"{media.num_left_out} of the pictures and sounds, to keep the page small")
    if media.unreadable:
        notices.append(f"pictures that cannot be read: {', '.join(media.unreadable[:10])}")
    return notices


def _opening(result: Mapping[str, Any]) -> list[str]:
    lines = [f"Status: {result['status']}."]
    if result.get("error"):
        lines.append(f"Reason: {result['error']}")
    best = result.get("best")
    if best:
        epoch, step = (count(best[key]) if is_number(best.get(key)) else "-" for key in ("epoch", "step"))
        lines.append(f"Best: {best['metric']} {number(best['value'])} at epoch {epoch}, step {step}.")
    cost = []
    seconds: Any = (result.get("seconds") or {}).get("total")
    if is_number(seconds):
        cost.append(duration(float(seconds)))
    if is_number(result.get("parameters")):
        cost.append(plural(result["parameters"], "parameter"))
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
    values = {
        name: [value, *(each["metrics"].get(name) for each in shown[:_MOST_BASELINES])]
        for name, value in list(metrics.items())[:_MOST_METRICS]
    }
    rows = [(None, [Cell(name), *cells]) for name, cells in metric_cells(values).items()]
    notices = result.get("notices")
    told: Sequence[str] = [str(each) for each in notices[:20]] if isinstance(notices, list) else []
    return section("Result", table(heads, rows), bullets(told))


def _is_baseline(entry: Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get("metrics"), dict)


def _curves(folder: Path, *, first: str) -> str:
    figures = draw_run(folder, first=first)
    if not figures.scenes:
        why = "There is no metrics.jsonl that can be read."
        if (folder / "metrics.jsonl").is_file():
            why = "The run ended before its first metrics."
        return section("Learning curves", paragraph(why, muted=True))
    entries = legend((None, split) for split in figures.splits)
    drawn, more = figures.scenes[:_MOST_CURVES], len(figures.scenes) - _MOST_CURVES
    cut = paragraph(f"{plural(more, 'metric')} without a plot.", muted=True) if more > 0 else ""
    return section("Learning curves", entries, grid(drawn, large=len(drawn) <= _FEW_CURVES), cut)
