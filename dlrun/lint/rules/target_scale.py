"""Numbers to predict that are not standardised and far from unit scale."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.data.goals import has_numbers, mixes_kinds
from dlrun.errors import Problem
from dlrun.lint.length import total_steps
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.wording import plural

_LARGE = 10.0  # mean or deviation
_STEPS_ACROSS = 10  # steps that the deviation of the targets should have room for
_BOUNDED_LOSSES = ("mae", "huber")
_WITHIN_WINDOWS = "forecast"  # a model that works in units of each window


def _check(subject: Subject) -> Iterator[Problem]:
    config = subject.config
    if (
        subject.supervised is None
        or not has_numbers(subject.spec.goal)
        or mixes_kinds(subject.spec.goal)
        or config.model.name == _WITHIN_WINDOWS
    ):
        return
    if config.dataset_settings.standardise_target:
        return
    targets = subject.data.train.targets.double()
    mean, deviation = float(targets.mean().abs()), float(targets.std(correction=0))
    follows_error = config.optimizer.name == "sgd" and config.loss.name not in _BOUNDED_LOSSES
    lr = float(subject.value("optimizer.lr") or 0)
    what = ""
    if config.model.name == "linear":
        if not follows_error:
            what = _out_of_reach(subject, mean, deviation, lr)
    elif max(mean, deviation) > _LARGE:
        what = "Networks start with outputs of about one: many steps are lost on the way, or the first go too far."
    if not what and not follows_error and 0 < deviation < _STEPS_ACROSS * lr:
        what = f"A step of {lr:.3g} moves outputs across all of them."
    if what:
        scale = f"Targets are not standardised: their mean is {mean:.3g} from 0, with a deviation of {deviation:.3g}. "
        yield Problem("dataset.standardise_target", scale + what, fix="dataset.standardise_target=true")


def _out_of_reach(subject: Subject, mean: float, deviation: float, lr: float) -> str:
    """Why the bias and the weights of a linear model, moved by steps of one size, do not get there; or nothing."""
    steps = total_steps(subject)
    if mean <= lr * steps and deviation <= lr * steps * subject.spec.num_features:
        return ""
    return f"{plural(steps, 'step')} of {lr:.3g} move a weight by {lr * steps:.3g} at the most."


RULE = Rule(
    "unscaled-target",
    "Weights start for outputs of about one, and most optimizers move them by steps of one size, whatever the error.",
    _check,
)
