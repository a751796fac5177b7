"""A loss from which no gradient reaches the model."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.probe import probe
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject


def _check(subject: Subject) -> Iterator[Problem]:
    found = probe(subject)
    if found is not None and not found.can_train:
        yield Problem("model", "No gradient of the loss reaches a parameter of the model.")


RULE = Rule(
    "detached-loss",
    "`detach()`, `no_grad`, `item()`, NumPy or argmax between the weights and the loss cut the graph; remove it.",
    _check,
    severity="error",
)
