"""Batches too small for batch normalisation."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from dlrun.errors import Problem
from dlrun.lint.cures import has_field
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.wording import plural

_FEWEST_ROWS = 8  # Wu and He 2018: the error rises by 1 % of images at 8 rows, by 4 % at 4 and 11 % at 2
_ENOUGH = 32


def _check(subject: Subject) -> Iterator[Problem]:
    rows, num_train = subject.config.trainer.batch_size, len(subject.data.train)
    normalises = any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in subject.task.modules())
    if subject.supervised is None or not normalises or min(rows, num_train) >= _FEWEST_ROWS:
        return
    fix = None
    if num_train >= _ENOUGH:
        fix = f"trainer.batch_size={next(size for size in range(_ENOUGH, 1, -1) if num_train % size != 1)}"
    elif has_field(subject, "model.norm"):
        fix = "model.norm=layer"
    key = "trainer.batch_size" if rows < _FEWEST_ROWS else "model.norm"
    what = f"Batch normalisation estimates means and deviations from {plural(min(rows, num_train), 'row')}."
    yield Problem(key, what, fix=fix)


RULE = Rule(
    "small-batch-norm",
    "Estimates from so few rows are mostly noise, and evaluation uses others.",
    _check,
)
