"""The weight of each class in a loss."""

from __future__ import annotations

from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem
from dlrun.tasks.goals import goal_of


def class_weight_values(spec: DataSpec, wanted: str | list[float]) -> list[float] | None:
    """Return a weight for each class, or None for "none"; raise ConfigError if the weights do not fit the classes.

    "balanced" is rows / (classes x rows of the class), as King and Zeng 2001.
    """
    if wanted == "none":
        return None
    if not goal_of(spec).has_class_weights:
        raise ConfigError(
            Problem(
                "loss.class_weights",
                "Language models do not support class weights; use loss.class_weights=none.",
                id="loss-mismatch",
                fix="loss.class_weights=none",
            )
        )
    if wanted == "balanced":
        total = sum(spec.class_counts)
        return [total / (spec.num_outputs * max(1, count)) for count in spec.class_counts]
    if len(wanted) != spec.num_outputs or min(map(float, wanted)) < 0:
        raise ConfigError(
            Problem(
                "loss.class_weights",
                f"Expected {spec.num_outputs} weights from 0 up, one for each class, got {len(wanted)}: {wanted}.",
                id="wrong-value",
                fix="loss.class_weights=balanced",
            )
        )
    return [float(weight) for weight in wanted]
