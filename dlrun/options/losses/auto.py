"""The loss that fits the dataset: cross entropy for classes, squared error for numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import nn

from dlrun.configuration.schema.fields import AutoFraction
from dlrun.data.spec import DataSpec
from dlrun.options.losses._several import SumOfLosses
from dlrun.options.losses.binary_cross_entropy import binary_cross_entropy
from dlrun.options.losses.cross_entropy import cross_entropy
from dlrun.options.losses.mse import mse
from dlrun.tasks.goals import SeveralGoal, goal_of
from dlrun.tasks.parts import part_specs

Loss = nn.Module

_OF_CLASSES: Mapping[str, Callable[..., Loss]] = {
    "binary_cross_entropy": binary_cross_entropy,
    "cross_entropy": cross_entropy,
}


def auto(spec: DataSpec, *, label_smoothing: AutoFraction = 0.0) -> Loss:
    """Return the default loss of the dataset's goal; of several targets the sum of theirs.

    Numbers to predict have no labels to smooth.
    """
    goal = goal_of(spec)
    if isinstance(goal, SeveralGoal):
        parts = [auto(part, label_smoothing=label_smoothing) for part in part_specs(spec)]
        return SumOfLosses(parts, spec, goal.slices(spec))
    if goal.predicts_numbers:
        return mse(spec)
    return _OF_CLASSES[goal.losses[0]](spec, label_smoothing=label_smoothing, class_weights="none")
