"""Accumulation over more batches than an epoch has."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject


def _check(subject: Subject) -> Iterator[Problem]:
    trainer = subject.config.trainer
    batches = -(-len(subject.data.train) // trainer.batch_size)
    if trainer.accumulate > batches:
        what = f"A step adds up {trainer.accumulate} batches, and an epoch has {batches}."
        yield Problem("trainer.accumulate", what, fix=f"trainer.accumulate={max(1, batches // 4)}")


RULE = Rule(
    "accumulation-beyond-epoch",
    "A step ends with its epoch: each is shorter than asked, and there is one an epoch.",
    _check,
)
