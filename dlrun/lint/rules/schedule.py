"""A schedule that does not fit the run's length."""

from __future__ import annotations

import math
from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.length import factors, num_evaluations, steps_per_epoch, total_steps
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.wording import plural

_NOTHING = 1e-3  # of the highest rate: what is left teaches nothing new
_MOST_WASTED = 0.5  # of the run
_LEAST_CHANGE = 0.05  # of the highest rate, over the whole run
_LAST = 0.01  # of the rate, where a fix ends


def _check(subject: Subject) -> Iterator[Problem]:
    name, steps, warmup = (
        subject.config.scheduler.name,
        total_steps(subject),
        subject.config.scheduler_settings.warmup_steps,
    )
    if warmup >= steps:
        fix = f"scheduler.warmup_steps={steps // 10}"
        what = f"The warm-up takes {plural(warmup, 'step')} and the whole run {steps:,}."
        yield Problem("scheduler.warmup_steps", what, fix=fix)
    elif name == "plateau":
        yield from _check_plateau(subject)
    elif name != "none":
        yield from _check_formula(subject, steps, warmup)


def _check_plateau(subject: Subject) -> Iterator[Problem]:
    patience, times = subject.config.scheduler["patience"], num_evaluations(subject)
    if not times:
        what = "The rate falls when the validation metric stalls, and there are no validation rows."
        yield Problem("scheduler", what, fix="dataset.val_fraction=0.1")
    elif patience > times - 2:  # the first evaluation sets the best, and nothing follows the last
        earliest = f"after {plural(patience, 'evaluation')} without gain"
        what = f"The rate falls {earliest} at the earliest, and the run has {times}."
        fix = f"scheduler.patience={times // 4}" if times >= 4 else "scheduler=cosine"
        yield Problem("scheduler.patience", what, fix=fix)


def _check_formula(subject: Subject, steps: int, warmup: int) -> Iterator[Problem]:
    name, found = subject.config.scheduler.name, factors(subject)
    after = found[min(len(found) - 1, warmup * len(found) // steps) :]
    highest = max(after)
    wasted = sum(factor < _NOTHING * highest for factor in after) / len(found)
    epochs = steps / steps_per_epoch(subject)
    whole = f"the run's {plural(epochs, 'epoch')}"
    key = {"step": "scheduler.every_epochs", "exponential": "scheduler.gamma"}.get(name, "scheduler")
    if min(after) > (1 - _LEAST_CHANGE) * highest:
        what = f"Over {whole} this schedule leaves the rate as it is."
    elif wasted > _MOST_WASTED:
        what = f"For {wasted:.0%} of {whole} the rate is below a thousandth of its highest."
    else:
        return
    fix = "scheduler=cosine"
    if name == "step" and epochs >= 3 and 0 < subject.config.scheduler["gamma"] < 1 - _LEAST_CHANGE:
        fix = f"scheduler.every_epochs={math.ceil(epochs / 3)}"
    elif name == "exponential" and epochs >= 3:
        fix = f"scheduler.gamma={_LAST ** (1 / epochs):.3g}"
    yield Problem(key, what, fix=fix)


RULE = Rule(
    "schedule-length",
    "A schedule that ends long before the run wastes the rest of it; one that ends long after it does nothing.",
    _check,
)
