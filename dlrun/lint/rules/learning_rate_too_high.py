"""A learning rate that throws the weights away in the first steps."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.rates import EXPLODES, cure, explosion
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.training.stability import is_least_squares


def _check(subject: Subject) -> Iterator[Problem]:
    task = subject.supervised
    if task is None or is_least_squares(task, subject.data, subject.config):  # whose limit is exact
        return
    found = explosion(subject)
    if EXPLODES <= found < float("inf"):
        what = f"The loss of the first steps, tried on a copy, rises to {found:.2g} times that of constant outputs."
        yield Problem("optimizer.lr", what, fix=cure(subject))


RULE = Rule(
    "learning-rate-too-high",
    "The first steps destroy the initial weights, and activations saturate or die before anything is learned.",
    _check,
)
