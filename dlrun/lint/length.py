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
    trainer, steps, per_epoch = subject.config.trainer, total_steps(subject), steps_per_epoch(subject)
    at: set[int] = {steps}
    if trainer.eval_every:
        at |= set(range(per_epoch * trainer.eval_every, steps + 1, per_epoch * trainer.eval_every))
    if trainer.eval_every_steps:
        at |= set(range(trainer.eval_every_steps, steps + 1, trainer.eval_every_steps))
    return len(at)


def factors(subject: Subject) -> list[float]:
    """Return the schedule's factors on the learning rate, at steps spread evenly over the run."""
    schedule = build_schedule(subject.config, subject.catalog, len(subject.data.train))
    steps = total_steps(subject)
    stride = max(1, steps // _MOST_POINTS)
    return [schedule.factor(step) for step in range(0, steps, stride)]
