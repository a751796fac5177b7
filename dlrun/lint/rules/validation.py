"""A run without validation rows."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject

GENERATED = ("line", "random_images")
"""Datasets without validation rows that are no mistake: more can be drawn, or nothing but memory is trained."""

_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)


def _check(subject: Subject) -> Iterator[Problem]:
    data, settings = subject.data, subject.config.dataset_settings
    if data.val is not None or subject.supervised is None or data.name in GENERATED:
        return
    metric = subject.components.metric
    what = f"No rows are held out for validation: the last epoch is kept, not the best one by {metric}, "
    if data.test is None:
        what += f"and the {metric} reported is that of the training rows."
    else:
        what += f"and choosing settings by the {metric} of the test rows makes it better than it will be."
    rows = max(subject.spec.class_counts or (len(data.train),))  # each class is split on its own
    share = next((share for share in _SHARES if share > settings.val_fraction and round(rows * share)), None)
    if settings.val_fraction:
        what = f"{settings.val_fraction:g} of so few rows are none. {what}"
    yield Problem("dataset.val_fraction", what, fix=None if share is None else f"dataset.val_fraction={share:g}")


RULE = Rule(
    "no-validation",
    "Without rows that are neither trained on nor tested, nothing tells the best epoch, or overfitting.",
    _check,
)
