"""Outputs that cannot reach the targets, whatever the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.bounds import Bounds, bounds, takes_logits
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.tasks.goals import goal_of

_MOST = 1.0 + 1e-3  # of outputs that are bounded as those of a sigmoid or tanh
_OUTSIDE = 0.05  # of the targets that must lie outside


def _limits(found: Bounds) -> tuple[str, float, float] | None:
    """Where all outputs lie, in words and as limits; None if they are free."""
    if found.low >= 0:
        return ("from 0 up", 0.0, math.inf) if found.high > _MOST else ("from 0 to 1", 0.0, 1.0)
    if found.low >= -_MOST and found.high <= _MOST and min(-found.low, found.high) > 0.5:
        return "from -1 to 1", -1.0, 1.0
    return ("up to 0", -math.inf, 0.0) if found.high <= 0 and not found.log_sums_to_one else None


def _check(subject: Subject) -> Iterator[Problem]:
    found = bounds(subject)
    limits = _limits(found) if found is not None else None
    if limits is None or not (takes_logits(subject) or goal_of(subject.spec).predicts_numbers):
        return
    where, low, high = limits
    what = f"Whatever its weights, the model's outputs lie {where}"
    if takes_logits(subject):
        if where != "from 0 to 1":  # which other rules find
            yield Problem(
                "model",
                f"{what}, but logits are below 0 for unlikely classes and far above it for likely ones.",
            )
        return
    targets = subject.data.train.targets
    outside = float(((targets < low) | (targets > high)).float().mean())
    if outside > _OUTSIDE:
        yield Problem("model", f"{what}, but {outside:.0%} of the targets, as they are scaled, lie outside.")


RULE = Rule(
    "bounded-outputs",
    "An activation after the last layer keeps the model from its targets, and where it is flat nothing is learned. End "
    "the model in its last linear layer.",
    _check,
)
