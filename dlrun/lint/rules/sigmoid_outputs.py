"""Outputs that end in a sigmoid, before a loss that applies one itself."""

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
    if found.low >= 0 and found.high <= 1 and not found.sums_to_one:
        yield Problem("model", "Whatever its weights, the outputs lie between 0 and 1, as those of a sigmoid do.")


RULE = Rule(
    "sigmoid-before-cross-entropy",
    "The loss takes logits and applies the sigmoid or softmax itself; after two, no probability gets near 0 or 1. End "
    "the model in its last linear layer.",
    _check,
)
