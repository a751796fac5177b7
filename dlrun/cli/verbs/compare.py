"""`dlrun compare`: the differences between runs. Imports no torch."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.cli.verb import Example, Verb, Word
from dlrun.wording import number

if TYPE_CHECKING:
    from dlrun.runs.history import SavedRun

VERB = Verb(
    name="compare",
    usage="RUN_DIR RUN_DIR ...",
    summary="differences between the configurations and the metrics of runs",
    words=(Word("RUN_DIR", "run", "at least two runs' folders", least=2, most=math.inf),),
    own_flags=(flags.JSON,),
    details="The change of a metric is measured from the first run.",
    examples=(
        Example("dlrun compare outputs/run outputs/other", "two runs, side by side"),
        Example("dlrun compare outputs/run outputs/other --json", "as JSON"),
    ),
)


def run(command: Command) -> int:
    """Print what differs; raises ConfigError when a folder contains no run."""
    from dlrun.runs.history import differing, read_run

    runs = [read_run(Path(word).expanduser()) for word in command.words]
    metrics = {name: [run.metrics.get(name) for run in runs] for name in _names(runs)}
    differs = differing([run.config for run in runs])
    if command.has(flags.JSON):
        found = {"runs": list(command.words), "differs": differs, "metrics": metrics}
        print(json.dumps(found, indent=2))  # noqa: T201
    else:
        _print(runs, differs, metrics)
    return 0


def _names(runs: Sequence[SavedRun]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in run.metrics))


def _print(runs: Sequence[SavedRun], differs: dict[str, list[Any]], metrics: dict[str, list[float | None]]) -> None:
    """Two tables with one column per run: configuration and metrics."""
    from dlrun.report.tables import print_table

    letters = [chr(ord("A") + i) if i < 26 else str(i) for i in range(len(runs))]
    for letter, run in zip(letters, runs, strict=True):
        print(f"{letter}: {run.folder} ({run.result['status']})")  # noqa: T201
    print()  # noqa: T201
    rows = [
        [key, *("-" if value is None else json.dumps(value).strip('"') for value in values)]
        for key, values in differs.items()
    ]
    print_table(["configuration", *letters], rows or [["(the same configuration)", *("" for _ in runs)]])
    print()  # noqa: T201
    rows = [
        [name, number(first), *(_change(value, first) for value in rest)] for name, (first, *rest) in metrics.items()
    ]
    print_table(["metric", *letters], rows, right=tuple(range(1, len(letters) + 1)))


def _change(value: float | None, first: float | None) -> str:
    change = f" ({value - first:+.4g})" if value is not None and first is not None else ""
    return number(value) + change
