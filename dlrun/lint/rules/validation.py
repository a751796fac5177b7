"""A run without validation rows."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.rule import Rule
from dlrun.lint.rules.capacity import GENERATED, holding_out, is_held_back
from dlrun.lint.subject import Subject

_FALLING = ("cosine", "linear", "one_cycle")


def _check(subject: Subject) -> Iterator[Problem]:
    data, settings = subject.data, subject.config.dataset_settings
    if data.val is not None or subject.supervised is None or data.name in GENERATED or _is_last_training(subject):
        return
    metric = subject.components.metric
    what = f"No rows are held out for validation: the last epoch is kept, not the best one by {metric}, "
    if data.test is None:
        what += f"and the {metric} reported is that of the training rows."
    else:
        what += f"and choosing settings by the {metric} of the test rows makes it better than it will be."
    if settings.val_fraction:
        what = f"{settings.val_fraction:g} of so few rows are none. {what}"
    yield Problem("dataset.val_fraction", what, fix=holding_out(subject))


def _is_last_training(subject: Subject) -> bool:
    """Whether a run can be the last one, on all rows, after validation has chosen everything.

    It has a test file of its own, its rate falls to the end, so that the last epoch is the one to keep, and something
    keeps it from learning its rows by heart.
    """
    falls = subject.config.scheduler.name in _FALLING
    return falls and subject.value("dataset.test") is not None and is_held_back(subject)


RULE = Rule(
    "no-validation",
    "Without rows that are neither trained on nor tested, nothing tells the best epoch, or overfitting.",
    _check,
)
