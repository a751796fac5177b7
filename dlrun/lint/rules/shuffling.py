"""Batches that are the same in every epoch."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject


def _check(subject: Subject) -> Iterator[Problem]:
    trainer = subject.config.trainer
    if not trainer.shuffle and trainer.batch_size < len(subject.data.train):
        what = "The rows are not shuffled: every epoch has the same batches in the order of the file."
        yield Problem("trainer.shuffle", what, fix="trainer.shuffle=true")


RULE = Rule(
    "no-shuffling",
    "Files are often sorted by class or time, and the steps of an epoch then pull the weights one way after another.",
    _check,
)
