"""`dlrun compare`: the differences between runs, or what a sweep's settings did. Imports no torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.cli import flags
from dlrun.cli.command import Command, usage_error
from dlrun.cli.verb import Example, Verb, Word
from dlrun.errors import Problem
from dlrun.report.json_output import print_json
from dlrun.wording import numbers_by_metric, printable

if TYPE_CHECKING:
    from dlrun.runs.history import SavedRun

VERB = Verb(
    name="compare",
    usage="RUN_OR_SWEEP ... [--sort METRIC]",
    summary="what differs between runs, or which settings of a sweep moved its metric",
    words=(Word("RUN_OR_SWEEP", "run", "at least two runs' folders, or a sweep's", most=math.inf),),
    own_flags=(flags.SORT, flags.JSON),
    details=(
        "Of runs it shows the settings that differ, and each metric with its change from the first run. Of a sweep it\n"
        "shows the share of the metric's variance that each setting explains beyond chance, its best and worst value,\n"
        "settings that act together, and the best rows; --sort names another metric than the one that chose the best\n"
        "checkpoints."
    ),
    examples=(
        Example("dlrun compare outputs/run outputs/other", "two runs, side by side"),
        Example("dlrun compare outputs/run outputs/other --json", "as JSON"),
        Example("dlrun compare outputs/seeds --sort test/accuracy", "what moved a metric of a sweep"),
    ),
)


def run(command: Command) -> int:
    """Print what differs, or of a sweep what its settings did.

    Raises ConfigError when a folder contains no run, or if one folder alone is no sweep.
    """
    from dlrun.runs.sweeps.rows import has_rows

    folders = [Path(word).expanduser() for word in command.words]
    sweeps = [folder for folder in folders if has_rows(folder)]
    if len(folders) == 1:
        if sweeps:
            return _compare_sweep(command, folders[0])
        if not folders[0].is_dir():
            raise usage_error(Problem(printable(str(folders[0])), "There is no such folder."))
        what = f"Expected {VERB.takes}; this is no sweep: {' or '.join(VERB.usages)}. `dlrun runs` lists runs."
        raise usage_error(Problem(printable(str(folders[0])), what))
    if sweeps:
        what = "This is a sweep: compare it alone, or its runs, which are the folders in it."
        raise usage_error(Problem(printable(str(sweeps[0])), what))
    if command.has(flags.SORT):
        raise usage_error(Problem("--sort", "It has a meaning only for a sweep, not between runs."))
    return _compare_runs(command, folders)


def _compare_sweep(command: Command, folder: Path) -> int:
    from dlrun.report.sweeps.importance_table import comparison_state, print_comparison
    from dlrun.runs.sweeps.comparing import compare_sweep

    found = compare_sweep(folder, command.value(flags.SORT))
    if command.has(flags.JSON):
        print_json(comparison_state(found))
    elif not found.parts:
        print(f"No point of {folder} has ended yet.")
    else:
        print_comparison(found)
    return 0


def _compare_runs(command: Command, folders: Sequence[Path]) -> int:
    from dlrun.runs.history import as_trained, differing, read_run

    runs = [read_run(folder) for folder in folders]
    metrics = {name: [run.metrics.get(name) for run in runs] for name in _names(runs)}
    differs = differing([as_trained(run.config) for run in runs])
    if command.has(flags.JSON):
        found = {"runs": list(command.words), "differs": differs, "metrics": metrics}
        print_json(found)
    else:
        _print_runs(runs, differs, metrics)
    return 0


def _names(runs: Sequence[SavedRun]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in run.metrics))


def _print_runs(
    runs: Sequence[SavedRun], differs: dict[str, list[Any]], metrics: dict[str, list[float | None]]
) -> None:
    """Two tables with one column per run: configuration and metrics."""
    from dlrun.report.tables import print_table

    letters = [chr(ord("A") + i) if i < 26 else str(i) for i in range(len(runs))]
    for letter, run in zip(letters, runs, strict=True):
        print(f"{letter}: {run.folder} ({run.result['status']})")
    print()
    rows = [
        [key, *("-" if value is None else json.dumps(value).strip('"') for value in values)]
        for key, values in differs.items()
    ]
    print_table(["configuration", *letters], rows or [["(the same configuration)", *("" for _ in runs)]])
    print()
    rows = [[name, *cells] for name, cells in _with_changes(metrics).items()]
    print_table(["metric", *letters], rows, right=tuple(range(1, len(letters) + 1)))


def _with_changes(metrics: Mapping[str, Sequence[float | None]]) -> dict[str, list[str]]:
    """Format each metric's values, and of all but the first their change from it: 0.9667, 0.9800 (+0.0133)."""
    changes = {name: [_change(value, values[0]) for value in values[1:]] for name, values in metrics.items()}
    texts = numbers_by_metric({name: [*values, *changes[name]] for name, values in metrics.items()})
    found = {}
    for name, values in metrics.items():
        (first, *shown), amounts = texts[name][: len(values)], texts[name][len(values) :]
        found[name] = [first] + [
            text if change is None else f"{text} ({_signed(change, amount)})"
            for text, change, amount in zip(shown, changes[name], amounts, strict=True)
        ]
    return found


def _change(value: float | None, first: float | None) -> float | None:
    return None if value is None or first is None else value - first


def _signed(change: float, text: str) -> str:
    return f"+{text}" if change > 0 else "0" if change == 0 else text
