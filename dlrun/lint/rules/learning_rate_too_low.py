"""A learning rate, or a clipped gradient, so small that the whole run hardly moves the weights."""

from __future__ import annotations

import math
from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.cures import override
from dlrun.lint.length import factors, total_steps
from dlrun.lint.probe import Probe, probe
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.training.stability import rounded_down
from dlrun.wording import plural

_FEWEST_STEPS = 100  # shorter runs are trials that are not meant to learn
_HARDLY = 0.01  # of the weights' size
_ADAPTIVE = ("adam", "adamw", "nadam", "rmsprop", "adagrad")  # each weight moves by about the rate in a step


def _check(subject: Subject) -> Iterator[Problem]:
    lr, steps = subject.value("optimizer.lr"), total_steps(subject)
    found = probe(subject) if isinstance(lr, float | int) and steps >= _FEWEST_STEPS else None
    name = subject.config.optimizer.name
    if found is None or name not in (*_ADAPTIVE, "sgd") or not found.gradient_norm:
        return
    schedule = factors(subject)
    rate = lr * steps * sum(schedule) / len(schedule)  # summed over the run
    clip = subject.config.trainer.clip_norm
    if name in _ADAPTIVE:
        share = rate / max(_size(found), 1e-12)
    else:
        rate /= 1 - float(subject.config.optimizer["momentum"])
        share = rate * min(found.gradient_norm, clip or math.inf) / max(found.weight_norm, 1e-12)
        if share < _HARDLY and rate * found.gradient_norm / max(found.weight_norm, 1e-12) >= _HARDLY:
            what = f"The gradient's norm is {found.gradient_norm:.2g} and clipped to {clip:g}: "
            clipped = override("trainer.clip_norm", rounded_down(found.gradient_norm))
            yield Problem("trainer.clip_norm", what + _moves(steps, share), fix=clipped)
            return
    if share < _HARDLY:
        default = subject.catalog.option("optimizer", name).fields["lr"].default
        fix = None if default == lr or not subject.is_set("optimizer.lr") else override("optimizer.lr", default)
        yield Problem("optimizer.lr", f"At a rate of {lr:g}, " + _moves(steps, share), fix=fix)


def _moves(steps: int, share: float) -> str:
    return f"{plural(steps, 'step')} together move the weights by about {100 * share:.1g} % of their size."


def _size(found: Probe) -> float:
    """The root mean square of all weights."""
    return found.weight_norm / math.sqrt(max(1, found.num_weights))


RULE = Rule(
    "learning-rate-too-low",
    "The model ends almost where it began, and its metrics are those of random weights.",
    _check,
)
