"""How well a run tells classes apart: confusion matrix, figures of each class, curves, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from dlrun.report.pages.parts import Cell, count_cell, figure, grid, legend, number_cells, paragraph, section, table
from dlrun.report.plots.confusion import MOST_CLASSES, confusion_matrix
from dlrun.report.plots.shares import recall_plot, reliability_plot, roc_plot
from dlrun.report.plots.style import NUM_SERIES
from dlrun.runs.analysis.reports import NUM_BINS, ClassReport
from dlrun.tasks.per_class import MOST_CLASSES as MOST_LISTED
from dlrun.tasks.per_class import lowest_f1
from dlrun.wording import number, plural

_MOST_ROWS = 300  # classes in the table
_MOST_PAIRS = 10
_NARROW = 14  # classes of a matrix that can be read on a phone without scrolling
_FIGURES = ("precision", "recall", "f1", "support")


def class_sections(report: ClassReport, *, split: str) -> list[str]:
    """Return the sections of a target with classes."""
    of = f" of {report.name}" if report.name else ""
    parts = [_confusion(report, f"Confusion matrix{of}", split), _figures(report, f"Each class{of}")]
    if report.curves:
        parts.append(_curves(report, f"ROC and precision-recall{of}"))
    if report.bins:
        parts.append(_calibration(report, f"Calibration{of}"))
    return parts


def stored_figures(result: Mapping[str, Any]) -> str:
    """Return the figures of each class that `result.json` has; empty if it has none."""
    stored, parts = result.get("per_class"), []
    for split, figures in list(stored.items())[:8] if isinstance(stored, dict) else ():
        listed = list(figures.items())[:_MOST_ROWS] if isinstance(figures, dict) else []
        listed = [(name, each) for name, each in listed if isinstance(each, dict)]
        rows = _rows(listed)
        if rows:
            parts += [paragraph(f"{split}:", muted=True), table(["class", "precision", "recall", "F1", "rows"], rows)]
    return section("Each class", *parts) if parts else ""


def _confusion(report: ClassReport, title: str, split: str) -> str:
    right = 1 - report.num_wrong / max(report.num_rows, 1)
    lines = [f"{plural(report.num_rows, f'{split} row')}, {report.num_rows - report.num_wrong:,} right ({right:.1%})."]
    if report.is_weighted:
        lines.append("Rows count by their weight here and in the figures of each class.")
    names, confusion = list(report.class_names), report.confusion
    if len(names) > MOST_CLASSES:
        wrong = confusion.sum(axis=0) + confusion.sum(axis=1) - 2 * confusion.diagonal()
        kept = np.sort(np.argsort(-wrong, kind="stable")[:MOST_CLASSES])
        lines.append(f"The {MOST_CLASSES} of {len(names)} classes with the most mistakes are drawn.")
        names, confusion = [names[place] for place in kept], confusion[np.ix_(kept, kept)]
    lines.append("A row for each true class, a column for each predicted one; the colour is the share of the class.")
    drawn = figure(confusion_matrix(confusion, names), wide=len(names) > _NARROW)
    pairs = _pairs(report)
    if len(report.class_names) > 2 and pairs:
        heads = ["true class", "predicted", "rows", "of the class"]
        confused = paragraph("Most often confused:", muted=True) + table(heads, pairs)
        drawn = f'<div class="beside"><div>{drawn}</div><div>{confused}</div></div>'
    return section(title, paragraph(" ".join(lines)), drawn)


def _pairs(report: ClassReport) -> list[tuple[None, Sequence[Cell]]]:
    wrong = report.confusion.copy()
    np.fill_diagonal(wrong, 0)
    totals = report.confusion.sum(axis=1)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_PAIRS]
    found: list[tuple[None, Sequence[Cell]]] = []
    for truth, chosen in zip(*np.unravel_index(order, wrong.shape), strict=True):
        value = float(wrong[truth, chosen])
        if value > 0:
            share = value / float(totals[truth])
            names = [Cell(report.class_names[int(place)]) for place in (truth, chosen)]
            found.append((None, [*names, count_cell(value), Cell(f"{share:.1%}", share)]))
    return found


def _figures(report: ClassReport, title: str) -> str:
    curves = {each.name: each for each in report.curves}
    heads = ["class", "precision", "recall", "F1", "rows"]
    heads += ["AUROC", "average precision"] if curves else []
    listed, note = list(report.figures.items()), ""
    if len(listed) > MOST_LISTED:
        note = f"The classes with the lowest F1 first; the first {MOST_LISTED} have curves."
        listed.sort(key=lambda each: lowest_f1(each[1]))
    listed = listed[:_MOST_ROWS]
    rows = _rows(listed)
    if curves:
        own = [curves.get(name) for name, _ in listed]
        areas = number_cells([each and each.auroc for each in own])
        precisions = number_cells([each and each.average_precision for each in own])
        rows = [(None, [*cells, *more]) for (_, cells), *more in zip(rows, areas, precisions, strict=True)]
    more = len(report.figures) - len(rows)
    cut = paragraph(f"{plural(more, 'more class')} left out.", muted=True) if more > 0 else ""
    return section(title, paragraph(note, muted=True) if note else "", table(heads, rows), cut)


def _rows(listed: Sequence[tuple[str, Mapping[str, Any]]]) -> list[tuple[None, Sequence[Cell]]]:
    """The figures of each class: shares of rows, and a count of rows."""
    *shares, support = _FIGURES
    columns = [number_cells([figures.get(key) for _, figures in listed]) for key in shares]
    columns.append([count_cell(figures.get(support)) for _, figures in listed])
    return [(None, [Cell(name), *(cells[place] for cells in columns)]) for place, (name, _) in enumerate(listed)]


def _curves(report: ClassReport, title: str) -> str:
    curves = sorted(report.curves, key=lambda each: each.auroc)
    lines = []
    if len(report.class_names) == 2:
        curves = [each for each in curves if each.name == report.class_names[1]]
        lines.append(f"Of {report.class_names[1]} against {report.class_names[0]}.")
    else:
        lines.append("Each class against the rest, the hardest to tell apart first.")
    if len(curves) > NUM_SERIES:
        lines.append(f"The {NUM_SERIES} classes with the lowest AUROC are in colour.")
    if report.num_scored < report.num_rows:
        lines.append(f"Made of {report.num_scored:,} of {report.num_rows:,} rows, taken evenly.")
    entries = [
        (None, f"{each.name}: AUROC {number(each.auroc)}, average precision {number(each.average_precision)}")
        for each in curves[:NUM_SERIES]
    ]
    text = paragraph(" ".join(lines), muted=True)
    return section(title, text, legend(entries), grid([roc_plot(curves), recall_plot(curves)], large=True))


def _calibration(report: ClassReport, title: str) -> str:
    confidence = sum(each.share * each.confidence for each in report.bins)
    accuracy = sum(each.share * each.accuracy for each in report.bins)
    verdict = "about as sure as it is right"
    if abs(confidence - accuracy) > 0.02:
        verdict = "too sure" if confidence > accuracy else "not sure enough"
    text = (
        f"Expected calibration error (ECE, {NUM_BINS} bins): {number(report.calibration_error)}. The model is "
        f"{verdict}: {confidence:.1%} sure on average, and right in {accuracy:.1%}. On the dashed line it would be "
        "right as often as it is sure; the bars show where the rows are."
    )
    drawn = figure(reliability_plot(report.bins))
    return section(title, f'<div class="beside"><div class="full">{drawn}</div><div>{paragraph(text)}</div></div>')
