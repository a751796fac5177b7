"""Runs that differ only in what is repeated, such as the seed, as one group with a mean and a spread. No torch."""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from dlrun.configuration.safe_yaml import parse_scalar
from dlrun.configuration.schema.groups import GROUPS
from dlrun.configuration.sweeps.repeated import REPEATED
from dlrun.runs.history import SavedRun, flatten, read_result
from dlrun.runs.sweeps.rows import SweepRow, folder_of, whole_overrides
from dlrun.tasks.metric_names import is_higher_better

_MOST = 1e150
_OF_DATA = ("recipe", "dataset")
"""Settings that may change what a metric is measured on: these keys and those below them."""


@dataclass(frozen=True)
class Trial:
    """A run as tables see it.

    name: the number of a point, or a run's folder. settings: by key. data: what the metrics were measured on; only runs
    with the same are comparable. chosen: the metric that chose its best checkpoint. result: what says which direction
    of a metric is better, as in `result.json`. seconds: of the whole run.
    """

    name: str
    settings: Mapping[str, Any]
    status: str
    metrics: Mapping[str, float]
    data: str = ""
    chosen: str | None = None
    result: Mapping[str, Any] | None = None
    seconds: float | None = None
    reused: bool = False
    device: str = ""

    @property
    def is_completed(self) -> bool:
        """Whether it was trained to its end; no other value is averaged."""
        return self.status == "completed"

    def is_higher_better(self, metric: str) -> bool | None:
        """Return whether a higher value of a metric is better; None if that is unknown."""
        return is_higher_better(metric, self.result or {})


@dataclass(frozen=True)
class Group:
    """Runs that differ only in the keys `repeats`; settings: all others."""

    settings: Mapping[str, Any]
    trials: tuple[Trial, ...]
    repeats: tuple[str, ...] = REPEATED

    @property
    def data(self) -> str:
        """What its metrics were measured on; empty where no run of it says."""
        return next((trial.data for trial in self.trials if trial.data), "")

    @property
    def chosen(self) -> str | None:
        """The metric that chose the best checkpoints."""
        return next((trial.chosen for trial in self.trials if trial.chosen is not None), None)

    @property
    def num_repeats(self) -> int:
        """How many different repetitions were begun; the same seed twice is the same run."""
        return len({self._repeat(trial) for trial in self.trials})

    @property
    def statuses(self) -> Counter[str]:
        """How many of its runs ended in which way."""
        return Counter(trial.status for trial in self.trials)

    def values(self, metric: str) -> dict[tuple[str, ...], float]:
        """Return the metric of each repetition that completed with a finite value, by what was repeated."""
        found = {}
        for trial in self.trials:
            value = trial.metrics.get(metric)
            if trial.is_completed and is_usable(value):
                found[self._repeat(trial)] = float(value)
        return found

    def mean(self, metric: str) -> float | None:
        """Return the mean of a metric over its completed repetitions.

        Of a single run that was not completed it is the value it reached.
        """
        values = self.values(metric)
        if values:
            return statistics.fmean(values.values())
        return self.trials[0].metrics.get(metric) if len(self.trials) == 1 else None

    def spread(self, metric: str) -> float | None:
        """Return the standard deviation (n - 1) of a metric; None of fewer than two values."""
        values = self.values(metric)
        return statistics.stdev(values.values()) if len(values) > 1 else None

    def is_higher_better(self, metric: str) -> bool | None:
        """Return whether a higher value of a metric is better; None if no run says so."""
        known = (trial.is_higher_better(metric) for trial in self.trials)
        return next((each for each in known if each is not None), None)

    def _repeat(self, trial: Trial) -> tuple[str, ...]:
        return tuple(_text(value) for key, value in trial.settings.items() if is_repeat(key, self.repeats))


def group(trials: Sequence[Trial], repeats: Sequence[str] = REPEATED) -> list[Group]:
    """Return groups of the runs that differ only in `repeats`, in the order of their first runs.

    Runs without a second repetition stay alone, each in a group of its own.
    """
    together: dict[tuple[str, ...], list[Trial]] = {}
    for trial in trials:
        others = (
            f"{key}={_text(value)}" for key, value in sorted(trial.settings.items()) if not is_repeat(key, repeats)
        )
        together.setdefault(tuple(others), []).append(trial)
    found = []
    for members in together.values():
        settings = {key: value for key, value in members[0].settings.items() if not is_repeat(key, repeats)}
        whole = Group(settings, tuple(members), tuple(repeats))
        one_data = len({trial.data for trial in members if trial.data}) < 2  # the file may have changed in between
        if whole.num_repeats > 1 and one_data:
            found.append(whole)
        else:
            found += [Group(trial.settings, (trial,), tuple(repeats)) for trial in members]
    return found


def is_usable(value: float | None) -> TypeGuard[float]:
    """Whether a mean and a spread can be worked out with a value: it is finite, and its square too."""
    return value is not None and math.isfinite(value) and abs(value) < _MOST


def is_repeat(key: str, repeats: Sequence[str]) -> bool:
    """Whether a setting is one of those repeated, or a field of an option that is: model.hidden of model."""
    return key in repeats or (key.partition(".")[0] in repeats)


def settings_of(overrides: Sequence[str]) -> dict[str, Any]:
    """Return the settings of a point by key, numbers as numbers."""
    return {key: parse_scalar(text) for key, _, text in (word.partition("=") for word in whole_overrides(overrides))}


def trials_of_rows(rows: Sequence[SweepRow], folder: Path | None = None) -> list[Trial]:
    """Return the points of a sweep. folder: the sweep's, if it may have been moved since."""
    found = []
    for row in rows:
        settings = settings_of(row.overrides)
        metrics = dict(row.metrics)
        if row.best is not None:
            metrics[str(row.best["metric"])] = row.best["value"]
        varies = any(key.partition(".")[0] in _OF_DATA for key in settings)
        found.append(
            Trial(
                name=str(row.point),
                settings=settings,
                status=row.status,
                metrics=metrics,
                data=_data(read_result(Path(row.run_dir) if folder is None else folder_of(folder, row)))
                if varies
                else "",
                chosen=None if row.best is None else str(row.best["metric"]),
                result={"best": row.best},
                seconds=row.seconds or None,
                reused=row.reused is not None,
                device=row.device,
            )
        )
    return found


def trials_of_runs(runs: Sequence[SavedRun]) -> list[Trial]:
    """Return runs read from their folders; their settings are all of their configuration but its `recipe:` block."""
    found = []
    for run in runs:
        best = run.result.get("best")
        found.append(
            Trial(
                name=str(run.folder),
                settings={as_typed(key): value for key, value in flatten(run.config) if not is_about(key)},
                status=str(run.result["status"]),
                metrics={**run.metrics, **({str(best["metric"]): best["value"]} if best else {})},
                data=_data(run.result) or str(run.config["dataset"]["name"]),
                chosen=str(best["metric"]) if best else None,
                result=run.result,
                seconds=(run.result.get("seconds") or {}).get("total"),
            )
        )
    return found


def as_typed(key: str) -> str:
    """The key as a user types it: model, not model.name."""
    group_name, _, rest = key.partition(".")
    return group_name if rest == "name" and group_name in GROUPS else key


def is_about(key: str) -> bool:
    """Whether a key of `config.yaml` is about the run, and decides nothing of its result."""
    return key == "resume" or key.partition(".")[0] == "recipe"


def _data(result: Mapping[str, Any]) -> str:
    """The name and the fingerprint of the data of a result, and how its rows were divided; empty if it says nothing."""
    data = result.get("dataset")
    if not isinstance(data, Mapping):
        return ""
    return " ".join(_text(data.get(name)) for name in ("name", "fingerprint", "sizes"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
