"""Early stopping that can never stop the run."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.length import num_evaluations
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject

_KEY = "trainer.early_stop.patience"


def _check(subject: Subject) -> Iterator[Problem]:
    patience = subject.config.trainer.early_stop.patience
    if patience is None or not subject.is_set(_KEY):
        return
    times = num_evaluations(subject)
    if patience > times - 2:  # the first evaluation sets the best, and stopping at the last saves nothing
        what = f"Stopping takes {patience} evaluations without gain after the best, and the run has {times} in all."
        yield Problem(_KEY, what, fix=f"{_KEY}={times // 4}" if times >= 4 else _more_evaluations(subject, patience))


def _more_evaluations(subject: Subject, patience: int) -> str:
    """The override that evaluates often enough, or else none that stops."""
    epochs = subject.config.trainer.epochs or 0
    return "trainer.eval_every=1" if epochs >= patience + 2 else f"{_KEY}=null"


RULE = Rule("early-stopping-never", "The run goes on to its end whatever the metric does.", _check)
