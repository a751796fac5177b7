"""The metrics that a task declares: checked before training, compared with what evaluations return."""

from __future__ import annotations

from collections.abc import Mapping

from dlrun.errors import ConfigError, Problem, did_you_mean, nearest
from dlrun.tasks.task import Task
from dlrun.wording import show

_EXAMPLE = 'metrics = {"accuracy": "max", "loss": "min"}'


def choose_metric(task: Task, wanted: str) -> str:
    """Return the metric that selects the best checkpoint. wanted: `metric` of the configuration.

    Raises ConfigError if the task does not declare it, or declares its metrics wrongly.
    """
    declared = task.metrics
    if not isinstance(declared, Mapping) or not declared or any(way not in ("max", "min") for way in declared.values()):
        what = (
            f'Expected every metric with its direction, "max" if a higher value is better or "min" if a lower one is, '
            f"for example {_EXAMPLE}; got {show(declared)}."
        )
        raise ConfigError(Problem(f"{type(task).__name__}.metrics", what, id="undeclared-metric"))
    if wanted == "auto":
        return next(iter(declared))
    name = wanted.removeprefix("val/")
    if name not in declared:
        what, near = f"This task has no such metric. {did_you_mean(name, declared)}", nearest(name, declared)
        fix = f"metric={near}" if near is not None else "metric=auto"
        raise ConfigError(Problem(f"metric={wanted}", what, id="unknown-metric", fix=fix))
    return name


def check_returned(task: Task, returned: Mapping[str, float]) -> None:
    """Raise ConfigError if an evaluation returned metrics that the task does not declare."""
    undeclared = [name for name in returned if name not in task.metrics]
    if undeclared:
        name = undeclared[0]
        what = (
            f"An evaluation returned {', '.join(undeclared)}, and the task does not declare whether a higher value is "
            f'better. Add "{name}": "max" or "{name}": "min" to `metrics`.'
        )
        raise ConfigError(Problem(f"{type(task).__name__}.metrics", what, id="undeclared-metric"))


def value_of(task: Task, metric: str, returned: Mapping[str, float]) -> float:
    """Return the metric that selects the best checkpoint; raise ConfigError if the evaluation did not return it."""
    if metric not in returned:
        what = (
            f"{type(task).__name__} declares this metric, but its evaluation returned only "
            f"{', '.join(returned) or 'nothing'}. Return it, or select another one with metric=NAME."
        )
        raise ConfigError(Problem(f"metric={metric}", what, id="undeclared-metric"))
    return returned[metric]
