"""How far predicted numbers are off: a table, and plots of the residuals of each target."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dlrun.report.pages.parts import Cell, grid, number_cells, paragraph, section, table
from dlrun.report.plots.residuals import (
    MOST_DOTS,
    error_by_step,
    predicted_plot,
    residual_histogram,
    residual_plot,
    residuals_in_order,
)
from dlrun.runs.analysis.reports import NumberReport
from dlrun.wording import plural

_MOST_DRAWN = 6  # targets
_MOST_ROWS = 200  # targets in the table


def number_sections(reports: Sequence[NumberReport], *, split: str) -> list[str]:
    """Return the sections of targets that are numbers."""
    return [_figures(reports, split), *(_plots(report) for report in reports[:_MOST_DRAWN])]


def _figures(reports: Sequence[NumberReport], split: str) -> str:
    rows, num_wild = [], 0
    for report in reports[:_MOST_ROWS]:
        errors = report.residuals.ravel()
        errors = errors[np.isfinite(errors)]
        num_wild += report.residuals.size - len(errors)
        absolute = np.abs(errors) if len(errors) else np.full(1, np.nan)
        values = [
            float(np.linalg.norm(absolute / len(absolute) ** 0.5)),
            float(absolute.mean()),
            float(errors.mean()) if len(errors) else float("nan"),
            float(np.quantile(absolute, 0.9)),
            float(absolute.max()),
        ]
        rows.append((None, [Cell(report.name), *number_cells(values)]))
    heads = ["target", "RMSE", "MAE", "mean residual", "9 of 10 within", "largest"]
    first = reports[0]
    lines = [f"Of the {split} rows, in the target's own unit; a residual is predicted minus true."]
    if first.is_forecast and first.truth.shape[1] > 1:
        lines.append(f"All {first.truth.shape[1]} steps ahead together.")
    if len(first.truth) < first.num_rows:
        lines.append(f"Made of {len(first.truth):,} of {first.num_rows:,} rows, taken evenly.")
    if num_wild:
        lines.append(f"{plural(num_wild, 'prediction')} left out, since not finite.")
    if len(reports) > _MOST_DRAWN:
        lines.append(f"The first {_MOST_DRAWN} of {len(reports)} targets are drawn.")
    return section("Residuals", paragraph(" ".join(lines), muted=True), table(heads, rows))


def _plots(report: NumberReport) -> str:
    scenes = [predicted_plot(report), residual_plot(report), residual_histogram(report)]
    if report.is_forecast:
        scenes.append(residuals_in_order(report))
        if report.truth.shape[1] > 1:
            scenes.append(error_by_step(report))
    drawn = report.truth.size
    note = f"Dots show {MOST_DOTS} of {drawn:,} predictions at most." if drawn > MOST_DOTS else ""
    return section(f"Residuals of {report.name}", paragraph(note, muted=True) if note else "", grid(scenes))
