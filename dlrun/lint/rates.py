"""Learning rates that make the loss explode in a run's first steps, measured for few of many similar rates."""

from __future__ import annotations

from dataclasses import dataclass, field

from dlrun.lint.cures import first_cure, override, with_value
from dlrun.lint.probe import probe
from dlrun.lint.subject import Subject
from dlrun.lint.trial import take_trial
from dlrun.training.stability import rounded_down

EXPLODES = 10.0  # times chance and the first loss: docs/decisions/040
_CALM = 3.0  # a rate that a fix proposes stays below this
_SIMILAR = 2.0  # times a rate that was tried: those in between are taken for it
_DIVISOR = 10**0.5  # between the rates that a fix tries
_TRIES = 12


@dataclass
class Rates:
    """What is known of runs that differ in their rate and seed only. explosions: by rate, measured; cure: `cure`."""

    explosions: dict[float, float] = field(default_factory=dict)
    has_cure: bool = False
    cure: str | None = None

    def known(self, lr: float) -> float | None:
        """Return the explosion at a rate, if similar rates tell it."""
        for tested, explosion in self.explosions.items():
            if tested <= lr and explosion == float("inf"):
                return explosion
            if tested >= lr and explosion < EXPLODES:
                return explosion
        below = [tested for tested in self.explosions if tested <= lr <= tested * _SIMILAR]
        return self.explosions[max(below)] if below else None


def rates(subject: Subject) -> Rates:
    """Return what is known of the rates of a supervised run; shared with all points that differ in rate or seed."""
    optimizer = [f"optimizer.{name}" for name in subject.config.tree["optimizer"] if name != "lr"]
    trainer = [f"trainer.{name}" for name in ("batch_size", "accumulate", "clip_norm", "shuffle")]
    return subject.once("rates", ("dataset", "model", "loss", "scheduler", "device", *optimizer, *trainer), Rates)


def explosion(subject: Subject) -> float:
    """Return how the loss explodes in the first steps of a run: infinity if a number is no longer finite.

    1 where there is nothing to judge: tasks that are not supervised, models that no gradient reaches, optimizers
    without a rate.
    """
    lr = subject.value("optimizer.lr")
    found = probe(subject)
    if found is None or not found.can_train or not isinstance(lr, float | int):
        return 1.0
    known = rates(subject)
    measured = known.known(lr)
    if measured is None:
        measured = known.explosions[lr] = take_trial(subject, subject.config).explosion
    return measured


def cure(subject: Subject) -> str | None:
    """Return the override after which the first steps are calm: scaled inputs, or a lower rate; None if none is."""
    known = rates(subject)
    if not known.has_cure:
        standardise = [("dataset.standardise", True)]
        known.cure = first_cure(subject, standardise, _is_calm) or _lower_rate(subject, known)
        known.has_cure = True
    return known.cure


def _is_calm(subject: Subject) -> bool:
    return take_trial(subject, subject.config).explosion < _CALM


def _lower_rate(subject: Subject, known: Rates) -> str | None:
    lr = min(tested for tested, found in known.explosions.items() if found >= EXPLODES)
    for _ in range(_TRIES):
        lr /= _DIVISOR
        config = with_value(subject.config, subject.catalog, ("optimizer.lr", lr))
        known.explosions[lr] = take_trial(subject, config).explosion
        if known.explosions[lr] < _CALM:
            return override("optimizer.lr", rounded_down(lr / _DIVISOR))
    return None
