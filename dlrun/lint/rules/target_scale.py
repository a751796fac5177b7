"""Numbers to predict that are not standardised, and that training cannot reach."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from dlrun.errors import Problem
from dlrun.lint.rule import Rule
from dlrun.lint.rules.input_scale import SCALED_WITHIN
from dlrun.lint.subject import Subject
from dlrun.training.build import horizon
from dlrun.wording import number, plural

_LARGE = 10.0  # from which squared errors of a network drive its first steps too far
_STEPS_ACROSS = 10  # steps that the deviation of the targets should have room for
_BOUNDED_LOSSES = ("mae", "huber")


def _check(subject: Subject) -> Iterator[Problem]:
    config = subject.config
    task = subject.supervised
    if task is None or subject.spec.goal != "regression" or config.dataset_settings.standardise_target:
        return
    if config.model.name in SCALED_WITHIN:
        return
    targets = subject.data.train.targets.double()
    mean, deviation = float(targets.mean().abs()), float(targets.std(correction=0))
    lr, steps = float(subject.value("optimizer.lr") or 0), horizon(len(targets), config.trainer).total_steps
    scale = f"Targets are about {number(mean)} with a deviation of {number(deviation)} and are not standardised. "
    what = ""
    is_linear = config.model.name == "linear"
    if config.optimizer.name == "sgd" and config.loss.name not in _BOUNDED_LOSSES:  # steps grow with the error
        if not is_linear and max(mean, deviation) > _LARGE:
            what = "The gradient grows with them, and the first steps of a network on squared errors go too far."
    else:
        units = 0 if is_linear else _units(task.model)
        reach = lr * steps * (1 + units)
        if mean > reach or deviation > reach + lr * steps * subject.spec.num_features:
            what = f"{plural(steps, 'step')} of {number(lr)} move an output by {number(reach)} at the most."
        elif 0 < deviation < _STEPS_ACROSS * lr:
            what = f"A step of {number(lr)} moves an output across all of them."
    if what:
        yield Problem("dataset.standardise_target", scale + what, fix="dataset.standardise_target=true")


def _units(model: nn.Module) -> int:
    """How many units the last layer adds up."""
    widths = [module.in_features for module in model.modules() if isinstance(module, nn.Linear)]
    return widths[-1] if widths else max(parameter.shape[-1] for parameter in model.parameters())


RULE = Rule(
    "unscaled-target",
    "Weights start for outputs of about one, and most optimizers move them by steps of one size, whatever the error.",
    _check,
)
