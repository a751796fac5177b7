"""A learning rate at which the run must diverge."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.rates import cure, explosion
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.training.stability import StableLimit, fix_of, is_full_batch, is_least_squares, stable_limit

_MARGIN = 1.1  # of a limit in mini-batches, which is measured on some of them


def _limit(subject: Subject) -> StableLimit | None:
    """The exact limit of linear least squares; None for other runs, and for one batch, which training refuses."""
    task, data, config = subject.supervised, subject.data, subject.config
    if task is None or not is_least_squares(task, data, config) or is_full_batch(data, config):
        return None
    optimizer = [f"optimizer.{name}" for name in ("momentum", "nesterov", "weight_decay")]
    keys = ("dataset", "model", "loss", *optimizer, "trainer.batch_size", "trainer.accumulate", "trainer.shuffle")
    return subject.once("stable limit", keys, lambda: stable_limit(data, config))


def _check(subject: Subject) -> Iterator[Problem]:
    limit, lr = _limit(subject), subject.config.optimizer_settings.lr
    if limit is not None and lr > _MARGIN * limit.lr:
        what = f"The error of a linear model grows without bound here at rates above {limit.lr:.2g}; this is {lr:g}."
        yield Problem("optimizer.lr", what, fix=fix_of(limit, subject.config))
    elif limit is None and explosion(subject) == float("inf"):
        fix = cure(subject)
        what = f"In its first steps, tried on a copy, the loss is no longer a finite number (optimizer.lr is {lr:g})."
        yield Problem("optimizer.lr", what, fix=fix)


RULE = Rule(
    "learning-rate-diverges",
    "A step that is longer than twice the way to the minimum ends higher than it began, and each one after it higher.",
    _check,
    severity="error",
)
