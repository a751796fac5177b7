"""Outputs of each step that end in a softmax, before a loss that applies one itself."""

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
    if found.low >= 0 and found.sums_to_one:
        yield Problem("model", "Whatever its weights, the outputs of each row sum to 1, as those of a softmax do.")


RULE = Rule(
    "softmax-before-cross-entropy",  # of several classes it is an error, which dlrun.training.preflight finds
    "The loss takes logits and applies the softmax or sigmoid itself. End the model in its last linear layer.",
    _check,
    severity="error",
)
