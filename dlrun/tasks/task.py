"""A task: what a step of training and an evaluation are, for a model on its data.

The trainer knows tasks only. A supervised model becomes one together with a loss; a GAN is one by itself, with two
groups of parameters.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from torch import Tensor, nn

from dlrun.data.spec import Batch, DataSpec
from dlrun.tasks.metric_names import METRICS_OF
from dlrun.tasks.metrics import Classification, NextToken, Regression

if TYPE_CHECKING:
    from dlrun.data.prepare import DataBundle

Update = Callable[[str, Tensor], None]
"""`update(group, loss)`: move the weights of a group down its loss; the only way weights change."""


class Evaluation(Protocol):
    """One pass over a split: batches go in, metrics come out."""

    def add(self, batch: Batch) -> None:
        """Count a batch."""

    def result(self) -> dict[str, float]:
        """Metric names to values."""


class Task(nn.Module, ABC):
    """What is trained. Its parameters and buffers are the model's state."""

    metrics: tuple[str, ...] = ()  # what an evaluation gives
    default_metric: str = "loss"  # what "best" means unless the user says otherwise
    progress_metrics: tuple[str, ...] = ()  # those worth a place on the console

    @abstractmethod
    def param_groups(self) -> Mapping[str, nn.Module]:
        """The parts that are updated apart from each other, by name."""

    @abstractmethod
    def train_step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        """One step on one batch; returns scalars to be logged, detached, still on the device."""

    @abstractmethod
    def evaluation(self) -> Evaluation:
        """A fresh pass over a split. The module is in eval mode and no gradient is recorded meanwhile."""

    def weights(self) -> nn.Module:
        """The module whose state is saved as `model.safetensors`."""
        return self

    def optimizer_overrides(self) -> Mapping[str, Mapping[str, object]]:
        """Fields of the optimizer that a group wants otherwise, by group."""
        return {}

    def prepare(self, data: DataBundle) -> None:
        """Called once before training, with the data on the device."""

    def write_samples(self, path: Path) -> bool:
        """Write a picture of what the model makes, where it makes any; whether it did."""
        return False


class SupervisedTask(Task):
    """A model whose output is held against a target by a loss."""

    def __init__(self, model: nn.Module, loss: nn.Module, spec: DataSpec) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.spec = spec
        self.metrics = METRICS_OF[spec.goal]
        self.default_metric = self.metrics[0]
        self.progress_metrics = self.metrics[:1]

    def param_groups(self) -> Mapping[str, nn.Module]:
        return {"model": self.model}

    def weights(self) -> nn.Module:
        return self.model

    def forward(self, batch: Batch) -> Tensor:
        """The model's output: (B, K) logits or numbers; (B, T, V) logits of each next token."""
        out: Tensor = self.model(batch.inputs) if batch.lengths is None else self.model(batch.inputs, batch.lengths)
        return out

    def train_step(self, batch: Batch, update: Update) -> dict[str, Tensor]:
        loss = self.loss(self(batch), batch.targets)
        update("model", loss)
        return {"loss": loss.detach()}

    def evaluation(self) -> Evaluation:
        return _SupervisedEvaluation(self)


class _SupervisedEvaluation:
    def __init__(self, task: SupervisedTask) -> None:
        self._task = task
        spec = task.spec
        device = next(task.model.parameters()).device
        self._metrics: Classification | Regression | NextToken
        if spec.goal == "regression":
            self._metrics = Regression(spec.num_outputs, device, scaling=spec.target_scaling)
        elif spec.goal == "language":
            self._metrics = NextToken(device)
        else:
            self._metrics = Classification(spec.num_outputs, device)

    def add(self, batch: Batch) -> None:
        out = self._task(batch)
        self._metrics.add(out.float(), batch.targets, self._task.loss(out, batch.targets))

    def result(self) -> dict[str, float]:
        return self._metrics.result()


def count_parameters(module: nn.Module) -> int:
    """How many numbers training may change."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
