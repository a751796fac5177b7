"""The loss that fits the dataset: cross entropy for classes, squared error for numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from dlrun.data.spec import DataSpec
from dlrun.options.losses._several import SumOfLosses
from dlrun.options.losses.binary_cross_entropy import binary_cross_entropy
from dlrun.options.losses.cross_entropy import cross_entropy
from dlrun.options.losses.mse import mse
from dlrun.tasks.goals import SeveralGoal, goal_of
from dlrun.tasks.parts import part_specs

Loss = nn.Module

_DEFAULTS: Mapping[str, Callable[[DataSpec], Loss]] = {
    "mse": mse,
    "binary_cross_entropy": lambda spec: binary_cross_entropy(spec, label_smoothing=0.0, class_weights="none"),
    "cross_entropy": lambda spec: cross_entropy(spec, label_smoothing=0.0, class_weights="none"),
}


def auto(spec: DataSpec) -> Loss:
    """Return the default loss of the dataset's goal, with its default fields; of several targets the sum of theirs."""
    goal = goal_of(spec)
    if isinstance(goal, SeveralGoal):
        return SumOfLosses([auto(part) for part in part_specs(spec)], spec, goal.slices(spec))
    return _DEFAULTS[goal.losses[0]](spec)
