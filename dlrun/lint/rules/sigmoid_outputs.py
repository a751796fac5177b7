"""Outputs that end in a sigmoid, before a loss that applies one itself."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.bounds import bounds
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.tasks.goals import goal_of


def _check(subject: Subject) -> Iterator[Problem]:
    found = bounds(subject)
    if found is None or goal_of(subject.spec).predicts_numbers or subject.spec.parts:
        return
    if found.low >= 0 and found.high <= 1 and not found.sums_to_one:
        yield Problem("model", "Whatever its weights, the model's outputs lie between 0 and 1, as those of a sigmoid do.")


RULE = Rule(
    "sigmoid-before-cross-entropy",
    "The loss takes logits and applies the sigmoid or softmax itself; applied twice, no class gets above about 0.73 and "
    "gradients fade. End the model in its last linear layer.",
    _check,
)
