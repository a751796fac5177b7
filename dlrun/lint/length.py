"""How long a run is: its steps, its evaluations and its learning rate at each step."""

from __future__ import annotations

from dlrun.lint.subject import Subject
from dlrun.training.build import build_schedule, horizon

_MOST_POINTS = 2000  # steps at which a schedule is evaluated


def total_steps(subject: Subject) -> int:
    """Return the optimizer steps of the whole run."""
    return horizon(len(subject.data.train), subject.config.trainer).total_steps


def steps_per_epoch(subject: Subject) -> int:
    """Return the optimizer steps of an epoch."""
    return horizon(len(subject.data.train), subject.config.trainer).steps_per_epoch


def num_evaluations(subject: Subject) -> int:
    """Return how many times a run that nothing stops is evaluated on validation rows, the last time at its end."""
    if subject.data.val is None:
        return 0
    trainer, steps = subject.config.trainer, total_steps(subject)
    epochs = multiples((trainer.eval_every or 0) * steps_per_epoch(subject), steps)
    return len({*epochs, *multiples(trainer.eval_every_steps, steps), steps})


def multiples(every: int | None, until: int) -> range:
    """Return the steps, up to `until`, at which something happens that is done every so many; none for 0 or None."""
    return range(every, until + 1, every) if every else range(0)


def factors(subject: Subject) -> list[float]:
    """Return the schedule's factors on the learning rate, at steps spread evenly over the run."""
    schedule = build_schedule(subject.config, subject.catalog, len(subject.data.train))
    steps = total_steps(subject)
    stride = max(1, steps // _MOST_POINTS)
    return [schedule.factor(step) for step in range(0, steps, stride)]
