"""The direction of each metric: whether a higher or a lower value is better. Tables use it without importing torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Direction = Literal["max", "min"]
""""max" if a higher value is better, "min" if a lower one is."""

DIRECTIONS: Mapping[str, Direction] = {
    "loss": "min",
    "perplexity": "min",
    "accuracy": "max",
    "macro_f1": "max",
    "auroc": "max",
    "rmse": "min",
    "mae": "min",
    "r2": "max",
    "frechet_distance": "min",
    "confidence": "max",
    "real_confidence": "max",
    "classes": "max",
    "generator_loss": "min",
    "discriminator_loss": "min",
}
"""The metrics that dlrun computes itself. Results that contain no direction are read with this table."""


def is_higher_better(metric: str, result: Mapping[str, Any]) -> bool | None:
    """Return whether a higher value of `metric` ("val/iou" or "iou") is better; None if it is unknown.

    result: a run's `result.json`, or only its `best`. What it contains decides; older ones are read with `DIRECTIONS`.
    """
    name = metric.rsplit("/", 1)[-1]
    declared = result.get("metric_directions") or {}
    best = result.get("best") or {}
    if name in declared:
        return bool(declared[name] == "max")
    if "higher_is_better" in best and str(best["metric"]).rsplit("/", 1)[-1] == name:
        return bool(best["higher_is_better"])
    return DIRECTIONS[name] == "max" if name in DIRECTIONS else None
