"""What losses share: the weight of each class, and the check that numbers are asked for."""

from __future__ import annotations

from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem


def class_weight_values(spec: DataSpec, wanted: str | list[float]) -> list[float] | None:
    """A weight a class: none, given, or "balanced": rows / (classes x rows of the class), as King and Zeng 2001."""
    if wanted == "none":
        return None
    if spec.goal == "language":
        raise ConfigError(
            Problem("loss.class_weights", "Tokens to guess are not weighed; use loss.class_weights=none.")
        )
    if wanted == "balanced":
        total = sum(spec.class_counts)
        return [total / (spec.num_outputs * max(1, count)) for count in spec.class_counts]
    if len(wanted) != spec.num_outputs or min(map(float, wanted)) < 0:
        raise ConfigError(
            Problem(
                "loss.class_weights",
                f"Expected {spec.num_outputs} weights from 0 up, one a class, got {len(wanted)}: {wanted}.",
            )
        )
    return [float(weight) for weight in wanted]


def need_regression(spec: DataSpec, name: str) -> None:
    """Raise ConfigError when the data has classes and the loss is for numbers."""
    if spec.goal != "regression":
        right = "binary_cross_entropy" if spec.goal == "binary" else "cross_entropy"
        what = "tokens to guess" if spec.goal == "language" else "classes"
        raise ConfigError(
            Problem(
                f"loss={name}",
                f"This dataset has {spec.num_outputs} {what}; use loss={right}. loss=auto chooses by itself.",
            )
        )
