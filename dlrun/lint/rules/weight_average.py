"""A moving average of the weights that is longer than the run."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.length import total_steps
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.wording import plural

_PARTS = 10  # of the run, over one of which a fix averages


def _check(subject: Subject) -> Iterator[Problem]:
    decay, steps = subject.config.trainer.ema, total_steps(subject)
    if decay is None or 1 / (1 - decay) <= steps:
        return
    fix = f"trainer.ema={1 - _PARTS / steps:.3g}" if steps >= 2 * _PARTS else "trainer.ema=null"
    what = f"The average covers about {plural(round(1 / (1 - decay)), 'step')}, and the run has {steps:,}."
    yield Problem("trainer.ema", what, fix=fix)


RULE = Rule(
    "average-longer-than-run",
    "What is evaluated and saved then holds much of the weights before they had learned.",
    _check,
)
