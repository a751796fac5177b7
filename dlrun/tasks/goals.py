"""Training goals: one class for each goal of a dataset contains everything that differs between goals.

Losses, models, checks, evaluation and predictions ask `goal_of(spec)` instead of comparing the goal's name.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.data.spec import DataSpec
from dlrun.tasks.metric_names import Direction
from dlrun.tasks.metrics import PER_OUTPUT, ClassificationMetrics, NextTokenMetrics, RegressionMetrics
from dlrun.tasks.parts import Meter, PartMetrics, labels_of, part_specs
from dlrun.wording import plural

_SHOWN_PARTS = 3  # targets whose metrics the console shows


class TrainingGoal(ABC):
    """What a model learns to predict, and everything that follows from it."""

    metrics: ClassVar[Mapping[str, Direction]]  # the first selects the best checkpoint, unless `metric` is set
    losses: ClassVar[tuple[str, ...]]  # the options of `loss` that fit; loss=auto is the first
    predicts_numbers: ClassVar[bool] = False  # whether outputs are numbers, which have no probabilities
    has_class_weights: ClassVar[bool] = False  # whether the losses accept a weight for each class
    has_row_weights: ClassVar[bool] = True  # whether the metrics weight rows
    predicts_each_step: ClassVar[bool] = False  # whether the model returns (B, T, K), an output for each step
    rejects_softmax: ClassVar[bool] = False  # whether outputs that sum to 1 show that the model ends in a softmax

    @abstractmethod
    def describe_targets(self, spec: DataSpec) -> str:
        """Return what the dataset asks to predict, in words: "10 classes"."""

    @abstractmethod
    def meter(self, spec: DataSpec, device: torch.device) -> Meter:
        """Return an empty meter of `metrics`."""

    @abstractmethod
    def columns(self, spec: DataSpec, outputs: Tensor, *, probabilities: bool) -> dict[str, list[Any]]:
        """Return predictions as {heading: column}. outputs: (N, K) float32 on the CPU."""

    @abstractmethod
    def average(self, spec: DataSpec, outputs: Tensor) -> Tensor:
        """Return the output of an ensemble from those of its members, (M, B, K) -> (B, K)."""

    def metrics_of(self, spec: DataSpec) -> Mapping[str, Direction]:
        """Return the metrics of a dataset with their directions; the first selects the best checkpoint."""
        return self.metrics

    def progress_of(self, spec: DataSpec) -> tuple[str, ...]:
        """Return the metrics that the console shows."""
        return (next(iter(self.metrics)),)

    def num_logits(self, spec: DataSpec) -> int:
        """Return the size of the model's last layer."""
        return spec.num_outputs

    def output_shape(self, spec: DataSpec, num_rows: int) -> tuple[int, ...]:
        """Return the shape that the model's output must have for `num_rows` rows."""
        return (num_rows, self.num_logits(spec))


class RegressionGoal(TrainingGoal):
    """Numbers to predict."""

    metrics: ClassVar[Mapping[str, Direction]] = {"rmse": "min", "mae": "min", "r2": "max", "loss": "min"}
    losses = ("mse", "mae", "huber")
    predicts_numbers = True

    def describe_targets(self, spec: DataSpec) -> str:
        return "numbers to predict"

    def meter(self, spec: DataSpec, device: torch.device) -> Meter:
        return RegressionMetrics(spec.num_outputs, device, scaling=spec.target_scaling, labels=labels_of(spec.parts))

    def metrics_of(self, spec: DataSpec) -> Mapping[str, Direction]:
        """Return the metrics of all numbers and, for several targets, of each; these have units of their own."""
        if not spec.parts:
            return self.metrics
        each = {f"{name}_{label}": self.metrics[name] for label in labels_of(spec.parts) for name in PER_OUTPUT}
        return {"loss": "min", **self.metrics, **each}

    def progress_of(self, spec: DataSpec) -> tuple[str, ...]:
        return tuple(f"r2_{label}" for label in labels_of(spec.parts)[:_SHOWN_PARTS]) or super().progress_of(spec)

    def average(self, spec: DataSpec, outputs: Tensor) -> Tensor:
        """The mean number."""
        return outputs.mean(dim=0)

    def columns(self, spec: DataSpec, outputs: Tensor, *, probabilities: bool) -> dict[str, list[Any]]:
        """Return the numbers in the target's own units."""
        numbers = spec.target_scaling.raw(outputs)
        if numbers.shape[1] == 1:
            return {"prediction": numbers[:, 0].tolist()}
        names = spec.class_names or tuple(f"prediction_{i + 1}" for i in range(numbers.shape[1]))
        return {name: numbers[:, i].tolist() for i, name in enumerate(names)}


class MulticlassGoal(TrainingGoal):
    """One of three or more classes for each sample."""

    metrics: ClassVar[Mapping[str, Direction]] = {"accuracy": "max", "macro_f1": "max", "loss": "min"}
    losses = ("cross_entropy",)
    has_class_weights = True
    rejects_softmax = True

    def describe_targets(self, spec: DataSpec) -> str:
        return plural(spec.num_outputs, "class")

    def meter(self, spec: DataSpec, device: torch.device) -> Meter:
        return ClassificationMetrics(spec.num_outputs, device)

    def columns(self, spec: DataSpec, outputs: Tensor, *, probabilities: bool) -> dict[str, list[Any]]:
        """Return the most likely class, and the probability of each."""
        shares, chosen = self.probabilities(outputs)
        columns: dict[str, list[Any]] = {"prediction": [spec.class_names[i] for i in chosen.tolist()]}
        if probabilities:
            columns |= {f"probability_{name}": shares[:, i].tolist() for i, name in enumerate(spec.class_names)}
        return columns

    def average(self, spec: DataSpec, outputs: Tensor) -> Tensor:
        """The logits of the mean probabilities."""
        return outputs.log_softmax(dim=-1).logsumexp(dim=0) - math.log(len(outputs))

    def probabilities(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return each class's probability and the likeliest class, (N, K) -> (N, K) float64, (N,) int64."""
        return logits.double().softmax(dim=1), logits.argmax(dim=1)  # (N, K) -> (N, K), (N,)


class BinaryGoal(MulticlassGoal):
    """One of two classes for each sample: one logit decides."""

    metrics: ClassVar[Mapping[str, Direction]] = {"accuracy": "max", "auroc": "max", "macro_f1": "max", "loss": "min"}
    losses = ("binary_cross_entropy",)

    def num_logits(self, spec: DataSpec) -> int:
        return 1

    def average(self, spec: DataSpec, outputs: Tensor) -> Tensor:
        """The logit of the mean probability."""
        return F.logsigmoid(outputs).logsumexp(dim=0) - F.logsigmoid(-outputs).logsumexp(dim=0)

    def probabilities(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Return each class's probability and the likelier class, (N, 1) -> (N, 2) float64, (N,) int64."""
        second = logits[:, 0].double().sigmoid()
        return torch.stack([1 - second, second], dim=1), (logits[:, 0] > 0).to(torch.int64)  # (N,) -> (N, 2), (N,)


class LanguageGoal(MulticlassGoal):
    """The next token, at every step of a text."""

    metrics: ClassVar[Mapping[str, Direction]] = {"perplexity": "min", "accuracy": "max", "loss": "min"}
    has_class_weights = False
    has_row_weights = False
    predicts_each_step = True

    def describe_targets(self, spec: DataSpec) -> str:
        return "tokens to predict"

    def meter(self, spec: DataSpec, device: torch.device) -> Meter:
        return NextTokenMetrics(device)

    def output_shape(self, spec: DataSpec, num_rows: int) -> tuple[int, ...]:
        return (num_rows, *spec.shape, spec.num_outputs)


class SeveralGoal(TrainingGoal):
    """Targets of different kinds: the outputs are those of each, one after the other."""

    metrics: ClassVar[Mapping[str, Direction]] = {"loss": "min"}
    losses = ("auto",)

    def describe_targets(self, spec: DataSpec) -> str:
        return f"targets of different kinds, {', '.join(part.describe() for part in spec.parts)}"

    def metrics_of(self, spec: DataSpec) -> Mapping[str, Direction]:
        """Return the sum of the losses, and the metrics of each target."""
        each = {
            f"{name}_{label}": direction
            for label, part in zip(labels_of(spec.parts), part_specs(spec), strict=True)
            for name, direction in goal_of(part).metrics.items()
            if name != "loss"
        }
        return {**self.metrics, **each}

    def progress_of(self, spec: DataSpec) -> tuple[str, ...]:
        first = [next(iter(goal_of(part).metrics)) for part in part_specs(spec)]
        return tuple(f"{name}_{label}" for name, label in zip(first, labels_of(spec.parts), strict=True))[:_SHOWN_PARTS]

    def meter(self, spec: DataSpec, device: torch.device) -> Meter:
        specs = part_specs(spec)
        return PartMetrics([goal_of(part).meter(part, device) for part in specs], spec, self.slices(spec), device)

    def columns(self, spec: DataSpec, outputs: Tensor, *, probabilities: bool) -> dict[str, list[Any]]:
        """Return a column for each target, and the probability of each class of those that have classes."""
        columns: dict[str, list[Any]] = {}
        for part, of_part, place in zip(spec.parts, part_specs(spec), self.slices(spec), strict=True):
            found = goal_of(of_part).columns(of_part, outputs[:, place], probabilities=probabilities)
            columns[part.name] = found.pop("prediction")
            columns |= {name.replace("probability_", f"probability_{part.name}_", 1): found[name] for name in found}
        return columns

    def average(self, spec: DataSpec, outputs: Tensor) -> Tensor:
        """What each target's own goal averages."""
        found = zip(part_specs(spec), self.slices(spec), strict=True)
        return torch.cat([goal_of(part).average(part, outputs[..., place]) for part, place in found], dim=1)

    def num_logits(self, spec: DataSpec) -> int:
        return sum(goal_of(part).num_logits(part) for part in part_specs(spec))

    def slices(self, spec: DataSpec) -> list[slice]:
        """Return which of the outputs are those of each target."""
        found, start = [], 0
        for part in part_specs(spec):
            found.append(slice(start, start + goal_of(part).num_logits(part)))
            start = found[-1].stop
        return found


_GOALS: Mapping[str, TrainingGoal] = {
    "regression": RegressionGoal(),
    "binary": BinaryGoal(),
    "multiclass": MulticlassGoal(),
    "language": LanguageGoal(),
    "several": SeveralGoal(),
}


def goal_of(spec: DataSpec) -> TrainingGoal:
    """Return the training goal of a dataset."""
    return _GOALS[spec.goal]


def num_logits(spec: DataSpec) -> int:
    """Return how many outputs a model for this dataset has: one for two classes, else one for each class or number."""
    return goal_of(spec).num_logits(spec)
