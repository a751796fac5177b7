"""What a tracker does in its own process with a run's events, and what all of them need. Imports no torch."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CAPACITY = 10_000  # rows that wait for a tracker; more are left out
NOT_METRICS = ("step", "epoch", "seconds", "event")  # keys of a row


@dataclass(frozen=True)
class Run:
    """The run that is tracked. resumed_from: the step of the checkpoint that it goes on from."""

    folder: Path
    config: Mapping[str, Any]
    config_text: str
    resumed_from: int | None

    @property
    def sweep(self) -> str | None:
        """The name of the sweep that the run is a point of; None for a run by itself."""
        parent = self.folder.parent
        return f"{parent.parent.name}/{parent.name}" if (parent / "sweep.json").is_file() else None

    @property
    def name(self) -> str:
        """The name under which a tracker lists the run."""
        return self.folder.name if self.sweep is None else f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def parameters(self) -> dict[str, Any]:
        """What determines the run, by dotted key."""
        return dict(_flat(self.decisive))

    @property
    def decisive(self) -> dict[str, Any]:
        """The configuration without what does not determine the run; a logger may name a server and its password."""
        return {key: value for key, value in self.config.items() if key not in ("recipe", "resume", "logger")}

    def pictures_of(self, row: Mapping[str, Any]) -> list[Path]:
        """Return the pictures that the run wrote with a row."""
        path = self.folder / "samples" / f"epoch-{int(row['epoch']):04d}.png"
        return [path] if row["event"] == "on_epoch" and path.is_file() else []


class Sink:
    """Receives one run, in a process of its own. Any method may raise anything; it is then called again."""

    def __init__(self, run: Run, settings: Mapping[str, Any]) -> None:
        self.run, self.settings = run, settings

    def start(self) -> None:
        """Begin the tracked run, or go on with the one that the run's folder names."""
        raise NotImplementedError

    def log(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take rows of metrics.jsonl; the key "event" says whether one is of a step or an evaluation."""
        raise NotImplementedError

    def finish(self, result: Mapping[str, Any]) -> None:
        """Take result.json; only a status, "killed", where the run ended without one."""
        raise NotImplementedError


class State:
    """What a tracker remembers of a run in the run's folder: trackers/NAME.json."""

    def __init__(self, run: Run, tracker: str) -> None:
        self._path = run.folder / "trackers" / f"{tracker}.json"

    def read(self) -> dict[str, Any]:
        """Return it; empty if there is none."""
        try:
            found = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # a new run, or a file that a kill cut off
            return {}
        return found if isinstance(found, dict) else {}

    def write(self, values: Mapping[str, Any]) -> None:
        """Replace it."""
        self._path.parent.mkdir(exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(dict(values)) + "\n", encoding="utf-8")
        os.replace(temporary, self._path)


def metrics_of(row: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics of a row by name."""
    return {name: value for name, value in row.items() if name not in NOT_METRICS}


def final_metrics(result: Mapping[str, Any]) -> dict[str, float]:
    """Return the metrics of a result as `final/test/accuracy`, apart from those of the evaluations."""
    return {f"final/{name}": value for name, value in result.get("metrics", {}).items()}


def now_ms() -> int:
    """Return the time in milliseconds since 1970."""
    return int(time.time() * 1000)


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
