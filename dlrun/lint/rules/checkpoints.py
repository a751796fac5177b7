"""A long run that saves nothing before its end."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.length import num_evaluations, steps_per_epoch, total_steps
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.lint.trial import seconds_per_step
from dlrun.wording import duration

_LONG_S = 600.0  # a run whose loss would matter
_PARTS = 20  # of the run, after each of which a fix saves


def _check(subject: Subject) -> Iterator[Problem]:
    checkpoint, steps, per_epoch = subject.config.checkpoint, total_steps(subject), steps_per_epoch(subject)
    every = [checkpoint.every_epochs * per_epoch if checkpoint.every_epochs else 0, checkpoint.every_steps or 0]
    if any(0 < steps_between < steps for steps_between in every) or num_evaluations(subject) > 1:  # a best one is saved
        return
    if subject.supervised is None:
        return
    seconds = steps * seconds_per_step(subject)
    if seconds > _LONG_S:
        what = f"Nothing is saved before the end of a run of about {duration(seconds)}, {steps:,} steps."
        key = "checkpoint.every_steps" if subject.is_set("checkpoint.every_steps") else "checkpoint.every_epochs"
        yield Problem(key, what, fix=f"checkpoint.every_steps={max(1, steps // _PARTS)}")


RULE = Rule("nothing-saved", "If the run is killed, or the power fails, all of it is lost.", _check)
