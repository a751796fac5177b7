"""`dlrun runs`: a table of runs, best first. Imports no torch."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.cli import flags
from dlrun.cli.command import Command, usage_error
from dlrun.cli.verb import Example, Verb, Word
from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.wording import duration, number, printable

if TYPE_CHECKING:
    from dlrun.runs.history import SavedRun

VERB = Verb(
    name="runs",
    usage="[DIR] [--sort METRIC]",
    summary="table of runs, best first",
    words=(Word("DIR", "folder", "at most one folder", least=0),),
    own_flags=(flags.SORT, flags.JSON),
    details="DIR is searched six levels deep (default: outputs).",
    examples=(
        Example("dlrun runs", "the runs in outputs/"),
        Example("dlrun runs outputs --sort test/loss", "lowest loss on the test split first"),
        Example("dlrun runs outputs --json", "every result.json in one list"),
    ),
)


def run(command: Command) -> int:
    """Print the runs; raises ConfigError for a missing folder or a metric that no run has."""
    from dlrun.report.tables import print_table
    from dlrun.runs.history import best_first, check_configuration, find_runs, metric_without_direction, read_run

    folder = Path(command.words[0] if command.words else "outputs").expanduser()
    if not folder.is_dir():
        raise usage_error(Problem(printable(str(folder)), "There is no such folder."))
    found = []
    for path in find_runs(folder):
        try:
            saved = read_run(path)
            check_configuration(saved)
            found.append(saved)
        except ConfigError as error:
            print(f"notice: left out: {error}", file=sys.stderr)  # noqa: T201
    metric = command.value(flags.SORT)
    known = sorted({name for run in found for name in run.metrics})
    if metric is not None and metric not in known:
        what = f"No run here has this metric. {did_you_mean(metric, known)}".rstrip()
        raise usage_error(Problem(f"--sort {printable(metric)}", what))
    for name in sorted({each for run in found if (each := metric_without_direction(run, metric)) is not None}):
        what = f'some results do not say whether a higher "{printable(name)}" is better; those runs come last, unsorted'
        print(f"notice: {what}.", file=sys.stderr)  # noqa: T201
    found = best_first(found, metric)
    if command.has(flags.JSON):
        print(json.dumps([{"run_dir": str(run.folder), **run.result} for run in found], indent=2))  # noqa: T201
    elif not found:
        print(f"There are no runs in {folder}.")  # noqa: T201
    else:
        heads = ["run", "dataset", "model", "optimizer", "lr", "status", "best", metric or "test", "time"]
        print_table(
            heads,
            [_row(run, metric) for run in found],
            right=(4, 7, 8),
            mark_first=metric_without_direction(found[0], metric) is None,
        )
    return 0


def _row(run: SavedRun, metric: str | None) -> list[str]:
    best = run.result.get("best")
    best_name = str(best["metric"]).split("/", 1)[1] if best else ""
    seconds = (run.result.get("seconds") or {}).get("total")
    return [
        str(run.folder),
        *(run.config[group]["name"] for group in ("dataset", "model", "optimizer")),
        f"{run.config['optimizer']['lr']:g}",
        str(run.result["status"]),
        f"{best['metric']} {number(best['value'])}" if best else "-",
        number(run.metrics.get(metric or f"test/{best_name}")),
        duration(seconds) if seconds is not None else "-",
    ]
