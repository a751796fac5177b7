"""Outputs that end in a log-softmax, before a loss that applies one itself."""

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
    if found.high <= 0 and found.log_sums_to_one:
        yield Problem("model", "Whatever its weights, the outputs are logarithms of probabilities, as of a log-softmax.")


RULE = Rule(
    "log-softmax-before-cross-entropy",
    "The loss takes logits and applies the log-softmax itself. Twice changes nothing but time; for two classes, whose one "
    "output is then always 0, nothing is learned. End the model in its last linear layer.",
    _check,
)
