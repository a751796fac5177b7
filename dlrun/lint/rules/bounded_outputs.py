"""Outputs that cannot reach the targets, whatever the weights."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.bounds import Bounds, bounds
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.tasks.goals import goal_of

_MOST = 1.0 + 1e-3  # of outputs that are bounded as those of a sigmoid or tanh
_OUTSIDE = 0.05  # of the targets that must lie outside


def _describe(found: Bounds) -> str | None:
    """Where all outputs lie; None if they are free."""
    if found.low >= 0:
        return "from 0 up" if found.high > _MOST else "from 0 to 1"
    if found.low >= -_MOST and found.high <= _MOST and min(-found.low, found.high) > 0.5:
        return "from -1 to 1"
    return "up to 0" if found.high <= 0 and not found.log_sums_to_one else None


def _check(subject: Subject) -> Iterator[Problem]:
    found = bounds(subject)
    where = _describe(found) if found is not None else None
    if found is None or where is None or subject.spec.parts:
        return
    what = f"Whatever its weights, the model's outputs lie {where}"
    if not goal_of(subject.spec).predicts_numbers:
        if where != "from 0 to 1":  # a rule of its own
            yield Problem("model", f"{what}, but logits are free: negative for classes that are unlikely.")
        return
    targets = subject.data.train.targets
    outside = float(((targets < found.low - 1e-3) | (targets > found.high + 1e-3)).float().mean())
    if where == "from 0 up":
        outside = float((targets < 0).float().mean())
    if outside > _OUTSIDE:
        yield Problem("model", f"{what}, but {outside:.0%} of the targets, as they are scaled, lie outside.")


RULE = Rule(
    "bounded-outputs",
    "An activation after the last layer keeps the model from its targets, and where it is flat nothing is learned. End the "
    "model in its last linear layer.",
    _check,
)
