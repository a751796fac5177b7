"""Outputs that end in a log-softmax, before a loss that applies one itself."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.bounds import bounds, takes_logits
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject


def _check(subject: Subject) -> Iterator[Problem]:
    found = bounds(subject)
    if found is None or not takes_logits(subject):
        return
    if found.high <= 0 and found.log_sums_to_one:
        yield Problem("model", "Whatever its weights, the outputs are logarithms of probabilities.")


RULE = Rule(
    "log-softmax-before-cross-entropy",
    "The loss takes logits and applies the log-softmax itself. Twice costs time; for two classes, whose one output is "
    "then always 0, nothing is learned. End the model in its last linear layer.",
    _check,
)
