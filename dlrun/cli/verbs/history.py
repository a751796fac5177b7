"""The verbs that look back: runs and compare. Neither imports torch."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun import wording as figures
from dlrun.cli.command import Command
from dlrun.configuration import safe_yaml
from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.report.tables import print_table
from dlrun.tasks.metric_names import is_higher_better
from dlrun.wording import printable

_MAX_DEPTH = 6


@dataclass(frozen=True)
class Run:
    """A run's folder, read back."""

    folder: Path
    config: Mapping[str, Any]
    result: Mapping[str, Any]

    @property
    def metrics(self) -> dict[str, float]:
        """Final metrics and the best evaluation's."""
        best = self.result.get("best") or {}
        found = dict(self.result.get("metrics") or {})
        if best:
            found.setdefault(str(best["metric"]), best["value"])
        return found


def read_run(folder: Path) -> Run:
    """Read a run's configuration and result; a run that has none yet counts as running or killed.

    Raises ConfigError when the folder holds no run.
    """
    if not (folder / "config.yaml").is_file():
        raise ConfigError(
            Problem(
                printable(str(folder)),
                "There is no run in this folder: it holds no config.yaml. `dlrun runs` lists runs.",
            )
        )
    try:
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        result = {"status": "unfinished"}
    return Run(folder, safe_yaml.read(folder / "config.yaml"), result)


def find_runs(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Every folder below that holds a run."""
    if (folder / "config.yaml").is_file() and (folder / ".lock").exists():
        yield folder
        return
    if depth < _MAX_DEPTH:
        for child in sorted(folder.iterdir()):
            if child.is_dir() and not child.is_symlink() and not child.name.startswith("."):
                yield from find_runs(child, depth + 1)


def runs(command: Command) -> int:
    """`dlrun runs [DIR] [--sort METRIC] [--json]`."""
    folder = Path(command.words[0] if command.words else "outputs").expanduser()
    if not folder.is_dir():
        raise ConfigError(Problem(printable(str(folder)), "There is no such folder."))
    found = [read_run(path) for path in find_runs(folder)]
    known = sorted({name for run in found for name in run.metrics})
    metric = command.last("sort")
    if metric is not None and metric not in known:
        raise ConfigError(
            Problem(f"--sort {printable(metric)}", f"No run here has this metric. {did_you_mean(metric, known)}")
        )
    unknown = sorted({name for run in found if (name := _unsortable(run, metric)) is not None})
    for name in unknown:
        print(  # noqa: T201
            f'notice: there are results that do not say whether a higher "{printable(name)}" is better. '
            "These runs are not sorted, and listed after the others.",
            file=sys.stderr,
        )
    found = _sorted(found, metric)
    if command.has("json"):
        print(json.dumps([{"run_dir": str(run.folder), **run.result} for run in found], indent=2))  # noqa: T201
        return 0
    if not found:
        print(f"There are no runs in {folder}.")  # noqa: T201
        return 0
    heads = ["run", "dataset", "model", "optimizer", "lr", "status", "best", metric or "test", "time"]
    rows = []
    for run in found:
        best = run.result.get("best")
        main = str(best["metric"]).split("/", 1)[1] if best else ""
        seconds = (run.result.get("seconds") or {}).get("total")
        rows.append(
            [
                str(run.folder),
                *(run.config[group]["name"] for group in ("dataset", "model", "optimizer")),
                f"{run.config['optimizer']['lr']:g}",
                str(run.result["status"]),
                f"{best['metric']} {figures.number(best['value'])}" if best else "-",
                figures.number(run.metrics.get(metric or f"test/{main}")),
                figures.duration(seconds) if seconds is not None else "-",
            ]
        )
    print_table(heads, rows, right=(4, 7, 8), mark_first=_unsortable(found[0], metric) is None)
    return 0


def _unsortable(run: Run, metric: str | None) -> str | None:
    """Return the metric to sort a run by if its result has it, but not its direction."""
    name = str(metric or (run.result.get("best") or {}).get("metric"))
    return name if name in run.metrics and is_higher_better(name, run.result) is None else None


def _sorted(found: Sequence[Run], metric: str | None) -> list[Run]:
    """Best first by `metric`, or within each task by the metric that "best" meant there."""

    def key(run: Run) -> tuple[Any, ...]:
        name = metric or (run.result.get("best") or {}).get("metric")
        value, higher = run.metrics.get(str(name)), is_higher_better(str(name), run.result)
        if value is None or value != value:
            return (2, "", "", 0.0)
        if higher is None:
            return (1, "", "", 0.0)
        return (0, "" if metric else run.config["dataset"]["name"], str(name), -value if higher else value)

    return sorted(found, key=key)


def compare(command: Command) -> int:
    """`dlrun compare RUN RUN ...`."""
    if len(command.words) < 2:
        raise ConfigError(Problem("compare", "Expected at least two runs' folders. `dlrun runs` lists runs."))
    compared = [read_run(Path(word).expanduser()) for word in command.words]
    flat = [dict(_flatten(run.config)) for run in compared]
    keys = dict.fromkeys(key for config in flat for key in config if not key.startswith("recipe."))
    differing = {key: [config.get(key) for config in flat] for key in keys}
    differing = {key: values for key, values in differing.items() if any(value != values[0] for value in values)}
    metrics = dict.fromkeys(name for run in compared for name in run.metrics)
    if command.has("json"):
        measured = {name: [run.metrics.get(name) for run in compared] for name in metrics}
        print(json.dumps({"runs": command.words, "differs": differing, "metrics": measured}, indent=2))  # noqa: T201
        return 0
    letters = [chr(ord("A") + i) if i < 26 else str(i) for i in range(len(compared))]
    for letter, run in zip(letters, compared, strict=True):
        print(f"{letter}: {run.folder} ({run.result['status']})")  # noqa: T201
    print()  # noqa: T201
    rows = [
        [key, *("-" if value is None else json.dumps(value).strip('"') for value in values)]
        for key, values in differing.items()
    ]
    rows = rows or [["(the same configuration)", *("" for _ in compared)]]
    print_table(["configuration", *letters], rows)
    print()  # noqa: T201
    rows = []
    for name in metrics:
        values = [run.metrics.get(name) for run in compared]
        first = values[0]
        cells = [figures.number(first)]
        for value in values[1:]:
            change = f" ({value - first:+.4g})" if value is not None and first is not None else ""
            cells.append(figures.number(value) + change)
        rows.append([name, *cells])
    print_table(["metric", *letters], rows, right=tuple(range(1, len(letters) + 1)))
    return 0


def _flatten(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _flatten(value, f"{prefix}{key}.")
    else:
        yield prefix.rstrip("."), node
