"""A model that cannot learn a single batch by heart."""

from __future__ import annotations

import time
from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.cures import override, with_value
from dlrun.lint.length import total_steps
from dlrun.lint.memorise import ROWS, STEPS, Memory, memorise
from dlrun.lint.probe import probe
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.wording import plural

_PARAMETERS = 10  # for each row and output, from which on a model must be able to
_SECONDS = 12.0  # of processor time, for all but the first try
_FACTORS = (10.0, 1e2, 1e3, 1e4, 1e5, 1e6)  # on the rate, tried to tell a slow optimizer from a broken model
_HIGHEST_RATE = 1.0
_STUCK = 0.02  # of the loss: less is no progress at all
_LONG = 30  # times as many steps as were tried: a run that long may learn slowly


def _check(subject: Subject) -> Iterator[Problem]:
    found = probe(subject)
    lr = subject.value("optimizer.lr")
    if found is None or not found.can_train or not isinstance(lr, float | int):
        return
    rows = min(ROWS, subject.config.trainer.batch_size, len(subject.data.train))
    must = subject.components.num_parameters >= _PARAMETERS * rows * subject.spec.num_outputs
    tried = memorise(subject, subject.config)
    if tried.learned or (not must and tried.is_better_than_trivial):
        return
    end = time.process_time() + _SECONDS
    for factor in _FACTORS:
        if lr * factor > _HIGHEST_RATE or time.process_time() > end:
            break
        config = with_value(subject.config, subject.catalog, ("optimizer.lr", lr * factor))
        faster = memorise(subject, config)
        if faster.learned or (not must and faster.is_better_than_trivial):
            if tried.gain < _STUCK and total_steps(subject) < _LONG * tried.steps:
                yield Problem("optimizer.lr", _describe(tried, rows), fix=override("optimizer.lr", lr * factor))
            return
    yield Problem("model", _describe(tried, rows))


def _describe(tried: Memory, rows: int) -> str:
    score = "" if tried.score is None else f", score {tried.score:.2f}"
    return (
        f"Trained on {plural(rows, 'row')} of one batch alone, without dropout, the loss goes from "
        f"{tried.first_loss:.3g} to {tried.last_loss:.3g} in {tried.steps} steps{score}."
    )


RULE = Rule(
    "cannot-overfit-batch",
    f"A network can learn a few rows by heart in {STEPS} steps; one that cannot has frozen or detached layers, outputs "
    "that cannot reach the targets, a loss of the wrong sign, or a rate that is far too small.",
    _check,
    deep=True,
)
