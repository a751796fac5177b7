"""Checkpoints that are never due, or a long run without any."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.length import num_evaluations, steps_per_epoch, total_steps
from dlrun.lint.probe import probe
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.lint.trial import seconds_per_step
from dlrun.wording import duration, plural

_LONG_S = 600.0  # a run whose loss would matter
_FEWEST_STEPS = 100  # shorter runs are trials
_PARTS = 20  # of the run, after each of which a fix saves
_STEPS, _EPOCHS = "checkpoint.every_steps", "checkpoint.every_epochs"


def _check(subject: Subject) -> Iterator[Problem]:
    checkpoint, steps = subject.config.checkpoint, total_steps(subject)
    per_epoch = steps_per_epoch(subject)
    asked = {_STEPS: checkpoint.every_steps or 0, _EPOCHS: checkpoint.every_epochs * per_epoch}
    if steps < _FEWEST_STEPS or any(0 < between < steps for between in asked.values()):
        return
    fix = f"{_STEPS}={max(1, steps // _PARTS)}"
    for key, between in asked.items():
        if subject.is_set(key) and between > steps:  # one at the very end may be meant
            what = f"A checkpoint is due every {plural(between, 'step')}, and the run has {steps:,}."
            if key == _EPOCHS:
                fix = f"{_EPOCHS}={max(1, steps // per_epoch // _PARTS)}"
            yield Problem(key, what, fix=fix)
            return
    found = probe(subject)
    if num_evaluations(subject) > 1 or found is None or not found.can_train:  # each new best is saved
        return
    seconds = steps * seconds_per_step(subject)
    if seconds > _LONG_S:
        what = f"Nothing is saved before the end of a run of about {duration(seconds)}, {plural(steps, 'step')}."
        yield Problem(_EPOCHS, what, fix=fix)


RULE = Rule("nothing-saved", "If the run is killed, or the power fails, what is not saved is lost.", _check)
