"""A task defines one step of training and one evaluation of a model.

The trainer works with tasks only. A model and a loss together are a supervised task; a GAN is a task of its own, with
two groups of parameters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from dlrun.data.spec import Batch, DataSpec
from dlrun.tasks.goals import goal_of
from dlrun.tasks.merging import Others
from dlrun.tasks.metric_names import Direction
from dlrun.tasks.weighted import Counts, counts_of, weighted_loss

if TYPE_CHECKING:
    from dlrun.data.loading.split import Split
    from dlrun.data.prepare import DataBundle

Update = Callable[[str, Tensor], None]
"""`update(group, loss)`: update a group's weights by the gradient of its loss; the only way weights change."""


class Evaluation(Protocol):
    """One pass over a split."""

    def add(self, batch: Batch) -> None:
        """Add a batch to the metrics."""

    def result(self) -> dict[str, float]:
        """Return the metrics by name; each must be declared in the task's `metrics`."""


class Task(nn.Module, ABC):
    """What is trained: a module whose parameters and buffers are the model's state.

    metrics: every metric that an evaluation returns, with its direction: {"iou": "max", "loss": "min"}. The first one
    selects the best checkpoint, unless `metric=NAME` selects another.
    """

    metrics: Mapping[str, Direction] = {}
    progress_metrics: tuple[str, ...] = ()  # the metrics that the console shows
    uses_weights: bool = False  # whether step and evaluation weight rows by `batch.weights`

    @abstractmethod
    def param_groups(self) -> Mapping[str, nn.Module]:
        """Return the modules that are updated separately, by group name."""

    @abstractmethod
    def train_step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        """Train on one batch; return scalars to log, detached and on the device."""

    @abstractmethod
    def evaluation(self) -> Evaluation:
        """Begin a pass over a split; the module is in eval mode and gradients are disabled until it ends."""

    def weights(self) -> nn.Module:
        """Return the module whose state is saved as `model.safetensors`."""
        return self

    def optimizer_overrides(self) -> Mapping[str, Mapping[str, object]]:
        """Return optimizer fields that replace the configured ones, by group."""
        return {}

    def prepare(self, data: DataBundle) -> None:
        """Prepare for training; called once, with the data on the device."""

    def counts(self, targets: Tensor) -> Counts | None:
        """Return how much each row counts in the mean that a loss is; None if all count alike, or as their weights say.

        targets: of all training rows. Several processes, of which each has the mean of its own rows, need it.
        """
        return None

    def write_samples(self, path: Path) -> bool:
        """Write an image of generated samples; return False if the model generates none."""
        return False


@runtime_checkable
class FitsData(Protocol):
    """A model that begins with something measured on the training rows, such as a linear model in closed form."""

    def fit_to(self, train: Split) -> None:
        """Measure it and keep it in buffers; called once before training, never before predicting."""


class SupervisedTask(Task):
    """A model and a loss that compares its output with a target.

    A model with an attribute `members` is an ensemble: in training it returns (members * B, K), member after member.
    """

    def __init__(self, model: nn.Module, loss: nn.Module, spec: DataSpec) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.spec = spec
        self._weighted_loss = weighted_loss(loss)
        self.uses_weights = self._weighted_loss is not None and goal_of(spec).has_row_weights
        self.metrics = goal_of(spec).metrics_of(spec)
        self.progress_metrics = goal_of(spec).progress_of(spec)
        self.num_members = int(getattr(model, "members", 1))

    def prepare(self, data: DataBundle) -> None:
        if isinstance(self.model, FitsData):
            with torch.no_grad():
                self.model.fit_to(data.train)

    def counts(self, targets: Tensor) -> Counts | None:
        return counts_of(self.loss, targets)

    def param_groups(self) -> Mapping[str, nn.Module]:
        return {"model": self.model}

    def weights(self) -> nn.Module:
        return self.model

    def forward(self, batch: Batch) -> Tensor:
        """Return the model's output: (B, K) logits or numbers; (B, T, V) logits of each next token."""
        out: Tensor = self.model(batch.inputs) if batch.lengths is None else self.model(batch.inputs, batch.lengths)
        return out

    def loss_of(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return the loss of the model's outputs for a batch, a scalar; weighted if the batch has weights."""
        loss: Tensor
        if batch.weights is None or self._weighted_loss is None:
            loss = self.loss(outputs, batch.targets)
        else:
            loss = self._weighted_loss(outputs, batch.targets, batch.weights)
        return loss

    def training_loss(self, batch: Batch) -> Tensor:
        """Return the loss of a batch in training, a scalar: a function of the parameters and the batch alone."""
        return self.loss_of(self(batch), batch if self.num_members == 1 else batch.repeated(self.num_members))

    def train_step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        loss = self.training_loss(batch)
        update("model", loss)
        return {"loss": loss.detach()}

    def evaluation(self) -> Evaluation:
        return SupervisedEvaluation(self)


class SupervisedEvaluation:
    """One pass of a supervised task over a split, measured by the meter of its goal."""

    def __init__(self, task: SupervisedTask) -> None:
        self._task = task
        self.meter = goal_of(task.spec).meter(task.spec, next(task.model.parameters()).device)

    def add(self, batch: Batch) -> None:
        outputs = self._task(batch)
        self.meter.add(outputs.float(), batch.targets, self._task.loss_of(outputs, batch), batch.weights)

    def merge(self, others: Others) -> None:
        self.meter.merge(others)

    def result(self) -> dict[str, float]:
        return self.meter.result()


def count_parameters(module: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
