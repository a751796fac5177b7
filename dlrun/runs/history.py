"""Runs read back from their folders: configuration, result and metrics. Imports no torch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.configuration import safe_yaml
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.fields import AUTO
from dlrun.errors import ConfigError, Problem
from dlrun.storage.reading import read_regular
from dlrun.tasks.metric_names import is_higher_better
from dlrun.wording import printable

_MAX_DEPTH = 6


@dataclass(frozen=True)
class SavedRun:
    """What a run's folder contains: `config.yaml` and `result.json`."""

    folder: Path
    config: Mapping[str, Any]
    result: Mapping[str, Any]

    @property
    def metrics(self) -> dict[str, float]:
        """Final metrics, and the metric of the best evaluation."""
        best = self.result.get("best") or {}
        found = dict(self.result.get("metrics") or {})
        if best:
            found.setdefault(str(best["metric"]), best["value"])
        return found


def require_run(folder: Path) -> None:
    """Raise ConfigError when a folder contains no run."""
    if not (folder / "config.yaml").is_file():
        what = "There is no run in this folder: it has no config.yaml. `dlrun runs` lists runs."
        raise ConfigError(Problem(printable(str(folder)), what))


def read_run(folder: Path) -> SavedRun:
    """Read a run. Without a readable result its status is "unfinished": it is running, or was killed.

    A result that is none, in somebody else's folder, counts as "damaged".
    Raises ConfigError when the folder contains no run.
    """
    require_run(folder)
    return SavedRun(folder, safe_yaml.read_yaml(folder / "config.yaml"), read_result(folder))


def read_result(folder: Path) -> Mapping[str, Any]:
    """Return the result of a run; its status is "unfinished" without a readable one, and "damaged" if it is none."""
    try:
        result = json.loads(read_regular(folder / "result.json"))
    except (OSError, ValueError, RecursionError):
        result = {"status": "unfinished"}
    return result if is_result(result) else {"status": "damaged"}


def check_configuration(run: SavedRun) -> None:
    """Raise ConfigError for a `config.yaml` that does not name what is listed of a run."""
    config = run.config
    nodes = [config.get(group) for group in ("dataset", "model", "optimizer")]
    named = all(isinstance(node, dict) and isinstance(node.get("name"), str) for node in nodes)
    if not named or config["optimizer"].get("lr") is None or not _is_number_or_none(config["optimizer"]["lr"]):
        what = "Its config.yaml is not that of a run: it does not name a dataset, a model and an optimizer with lr."
        raise ConfigError(Problem(printable(str(run.folder)), what))


def is_result(result: Any) -> bool:
    """Whether a `result.json` has what is read from it, as what it is."""
    if not isinstance(result, dict) or not isinstance(result.get("status"), str):
        return False
    best, seconds = result.get("best"), result.get("seconds")
    metrics, directions = result.get("metrics"), result.get("metric_directions")
    return (
        (best is None or (isinstance(best, dict) and isinstance(best.get("metric"), str) and "/" in best["metric"]))
        and (best is None or _is_number_or_none(best.get("value")))
        and (seconds is None or (isinstance(seconds, dict) and is_number(seconds.get("total", 0.0))))
        and (metrics is None or (isinstance(metrics, dict) and all(map(_is_number_or_none, metrics.values()))))
        and (directions is None or isinstance(directions, dict))
    )


def _is_number_or_none(value: Any) -> bool:
    return value is None or isinstance(value, float) or is_number(value)


def is_number(value: Any) -> bool:
    """Whether a value of a JSON file is a finite number that can be drawn."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300  # not so for NaN


@dataclass(frozen=True)
class Begun:
    """With how many CPU threads a run was begun, which decide its rounding; None is torch's own number."""

    threads: int | None


def threads_of(folder: Path) -> Begun | None:
    """Return the threads that the run in a folder was begun with; None if there is none, or it does not say."""
    if not (folder / "config.yaml").is_file():
        return None
    device = read_run(folder).config.get("device")
    threads = device.get("threads", AUTO) if isinstance(device, Mapping) else AUTO
    return Begun(threads) if threads is None or isinstance(threads, int) else None


def finished_result(folder: Path, config: RunConfig) -> Mapping[str, Any] | None:
    """Return the result of the run in a folder, if it completed with exactly this configuration."""
    result = read_run(folder).result if (folder / "config.yaml").is_file() else {}
    return (
        result
        if result.get("status") == "completed"
        and config.sha256 in (result.get("requested_sha256"), result.get("config_sha256"))
        else None
    )


def find_runs(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Yield every folder with a run, down to six levels below `folder`, in the order of their names."""
    if (folder / "config.yaml").is_file() and (folder / ".lock").exists():
        yield folder
        return
    if depth < _MAX_DEPTH:
        for child in sorted(folder.iterdir()):
            if child.is_dir() and not child.is_symlink() and not child.name.startswith("."):
                yield from find_runs(child, depth + 1)


def metric_without_direction(run: SavedRun, metric: str | None = None) -> str | None:
    """The metric to sort a run by, if its result has the metric but does not say whether a higher value is better."""
    name = str(metric or (run.result.get("best") or {}).get("metric"))
    return name if name in run.metrics and is_higher_better(name, run.result) is None else None


def differing(trees: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """The dotted keys whose values differ between configurations, each with a value per configuration; None if missing.

    The `recipe:` block is not compared.
    """
    flat = [dict(flatten(tree)) for tree in trees]
    keys = dict.fromkeys(key for config in flat for key in config if not key.startswith("recipe."))
    values = {key: [config.get(key) for config in flat] for key in keys}
    return {key: each for key, each in values.items() if any(value != each[0] for value in each)}


def as_trained(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a run's configuration with `device.strategy` as it was: a process alone has all of the model (ddp)."""
    device = config.get("device", {})
    if device.get("processes") != 1:
        return config
    return {**config, "device": {**device, "strategy": "ddp"}}


def flatten(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value of nested mappings with its dotted key."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from flatten(value, f"{prefix}{key}.")
    else:
        yield prefix.rstrip("."), node
