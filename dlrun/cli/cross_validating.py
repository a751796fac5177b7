"""`dlrun dataset.folds=K`: train a run for each fold and print each one's metrics, their mean and deviation."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.sweeping import Sweep, launch_points, raise_if_stopped, report_failures
from dlrun.configuration.plan import Plan
from dlrun.errors import ConfigError, Problem
from dlrun.report.json_output import print_json
from dlrun.runs.cross_validation import CrossValidation, plain, summarise, write
from dlrun.runs.sweeps.rows import best_first
from dlrun.wording import duration, numbers, plural, printable

_SHOWN, _SHOWN_OF_POINTS = 12, 5  # metrics in a table


def cross_validate(sweep: Sweep, points: Sequence[Sequence[Plan]]) -> int:
    """Train every fold of every point, and print a table; returns the exit code of the first fold that failed.

    points: the plans of the folds of each point.
    Raises ConfigError for a folder of one run, Interrupted if a signal stopped it.
    """
    problems = [
        Problem(printable(word), "A cross-validation has a folder for each fold; name theirs: hydra.sweep.dir=DIR.")
        for word in sweep.request.hydra
        if word.lstrip("+").startswith("hydra.run.dir=")
    ]
    if problems:
        raise ConfigError(problems)
    launched = launch_points(dataclasses.replace(sweep, plans=[plan for folds in points for plan in folds]))
    raise_if_stopped(sweep.command, launched)
    found = summarise(points, launched.own)
    write(launched.folder / "cross_validation.json", found)
    if sweep.manner.show:
        _print_found(sweep.command, found, launched.folder)
    return report_failures(launched)


def _print_found(command: Command, found: Sequence[CrossValidation], folder: Path) -> None:
    if command.has(flags.JSON):
        print_json(plain(found))
        return
    if len(found) == 1:
        _print_folds(found[0])
    else:
        _print_points(found)
    print(f"\nin {folder}: cross_validation.json, sweep.jsonl and one folder per fold", file=sys.stderr)


def _metrics_shown(found: Sequence[CrossValidation], most: int) -> list[str]:
    """The metrics of the test rows, and first the one that selects checkpoints."""
    best = next((str(each.best["metric"]) for each in found if each.best is not None), None)
    tested = dict.fromkeys(name for each in found for name in each.mean if name.startswith("test/"))
    return [*([best] if best else []), *tested][:most]


def _print_folds(one: CrossValidation) -> None:
    """Print a row for each fold, then their mean and standard deviation."""
    from dlrun.report.tables import print_table

    shown = _metrics_shown([one], _SHOWN)
    columns = [
        numbers([*(row.metrics.get(name) for row in one.folds), one.mean.get(name), one.std.get(name)])
        for name in shown
    ]
    table = [
        [str(fold), *(cells[fold] for cells in columns), duration(row.seconds), row.status]
        for fold, row in enumerate(one.folds)
    ]
    done = sum(row.status == "completed" for row in one.folds)
    whole = "" if done == one.num_folds else f"of {plural(done, 'fold')}"
    if done:
        table.append(["mean", *(cells[-2] for cells in columns), duration(one.seconds), whole])
        table.append(["std", *(cells[-1] for cells in columns), "", ""])
    print_table(["fold", *shown, "time", "status"], table, right=range(1, 2 + len(shown)))


def _print_points(found: Sequence[CrossValidation]) -> None:
    """Print a row for each point of a sweep, best mean first."""
    from dlrun.report.sweeps.ranked_table import with_spreads
    from dlrun.report.tables import print_table

    keys = list(dict.fromkeys(override.split("=", 1)[0] for each in found for override in each.overrides))
    shown = _metrics_shown(found, _SHOWN_OF_POINTS)
    rows = best_first([each.as_row(point) for point, each in enumerate(found)])
    ordered = [found[row.point] for row in rows]
    columns = [
        with_spreads([each.mean.get(name) for each in ordered], [each.std.get(name) for each in ordered])
        for name in shown
    ]
    table = []
    for place, each in enumerate(ordered):
        chosen = dict(override.split("=", 1) for override in each.overrides)
        swept = [chosen.get(key, "") for key in keys]
        measured = [cells[place] for cells in columns]
        table.append([str(rows[place].point), *swept, *measured, duration(each.seconds), each.status])
    right = (0, *range(1 + len(keys), 2 + len(keys) + len(shown)))
    print_table(["point", *keys, *shown, "time", "status"], table, right=right, marked=(0,))
