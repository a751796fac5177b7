"""The table of a sweep's points, best first."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.report.tables import print_table
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.wording import duration, number


def print_sweep(rows: Sequence[SweepRow]) -> None:
    """Print one table of all points."""
    keys = list(dict.fromkeys(override.split("=", 1)[0] for row in rows for override in row.overrides))
    metric = next((str(row.best["metric"]) for row in rows if row.best is not None), None)
    others = dict.fromkeys(name for row in rows for name in row.metrics if name.startswith("test/"))
    shown = ([metric] if metric else []) + list(others)[:4]
    heads = ["point", *keys, *shown, "time", "status"]
    table = []
    for row in rows:
        chosen = dict(override.split("=", 1) for override in row.overrides)
        values = {**row.metrics, **({str(row.best["metric"]): row.best["value"]} if row.best else {})}
        swept = [chosen.get(key, "") for key in keys]
        measured = [number(values.get(name)) for name in shown]
        table.append([str(row.point), *swept, *measured, duration(row.seconds), row.status])
    right = (0, *range(1 + len(keys), 2 + len(keys) + len(shown)))
    print_table(heads, table, right=right, mark_first=True)
