"""What can be told of a model on its data before training: a trial of a few rows, and mistakes known from tutorials."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from dlrun.configuration.run_config import RunConfig
from dlrun.data.prepare import DataBundle
from dlrun.errors import ConfigError, Problem
from dlrun.options.models._layers import num_logits
from dlrun.tasks.task import SupervisedTask, Task


def check_task(task: Task, data: DataBundle, config: RunConfig) -> None:
    """Try the task on a few rows, leaving it and all random states as they were.

    Raises ConfigError with every problem found.
    """
    if not isinstance(task, SupervisedTask):
        return
    problems = _check_output(task, data, config)
    if not problems:
        problems = _check_lonely_row(task, data, config) + _check_stability(task, data, config)
    if problems:
        raise ConfigError(problems)


def _trial(task: SupervisedTask, data: DataBundle, rows: int, *, train: bool) -> Tensor:
    """The output of a copy of the model on the first rows."""
    trial = copy.deepcopy(task)
    trial.train(train)
    with torch.random.fork_rng(), torch.no_grad():
        out: Tensor = trial(data.train.fetch(slice(0, rows)))
        return out


def _check_output(task: SupervisedTask, data: DataBundle, config: RunConfig) -> list[Problem]:
    name = f"model={config.model.name}"
    rows = min(8, len(data.train))
    try:
        out = _trial(task, data, rows, train=False)
    except (RuntimeError, ValueError, TypeError, IndexError) as error:
        return [Problem(name, f"The model fails on {data.spec.describe()}: {type(error).__name__}: {error}")]
    expected: tuple[int, ...] = (rows, num_logits(data.spec.goal, data.spec.num_outputs))
    if data.spec.goal == "language":
        expected = (rows, *data.spec.shape, data.spec.num_outputs)
    if not isinstance(out, Tensor) or tuple(out.shape) != expected:
        got = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
        return [
            Problem(
                name,
                f"Expected an output of shape {expected} for {rows} rows, got {got}. "
                "`dlrun.options.models._layers.num_logits` says how many outputs a task takes.",
            )
        ]
    if data.spec.goal == "multiclass" and rows > 1 and _are_probabilities(out):
        return [
            Problem(
                name,
                "The model ends in a softmax, and the cross entropy that follows takes logits: "
                "remove the softmax, or it trains far too slowly.",
            )
        ]
    return []


def _are_probabilities(out: Tensor) -> bool:
    return bool((out >= 0).all()) and bool(
        torch.allclose(out.sum(dim=1), torch.ones(len(out), dtype=out.dtype, device=out.device), atol=1e-4)
    )


def _check_lonely_row(task: SupervisedTask, data: DataBundle, config: RunConfig) -> list[Problem]:
    """A batch of one row has no deviation to normalise by."""
    batch_size, rows = config.trainer.batch_size, len(data.train)
    has_batch_norm = any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in task.modules())
    if not has_batch_norm or (batch_size != 1 and rows % batch_size != 1):
        return []
    try:
        _trial(task, data, 1, train=True)
    except ValueError:
        which = "Every batch holds" if batch_size == 1 or rows == 1 else "The last batch of each epoch holds"
        return [
            Problem(
                f"trainer.batch_size={batch_size}",
                f"{which} a single row ({rows} rows to train on), and batch normalisation needs at least two. "
                "Use another trainer.batch_size, or model.norm=layer.",
            )
        ]
    return []


def _check_stability(task: SupervisedTask, data: DataBundle, config: RunConfig) -> list[Problem]:
    """Full-batch gradient descent on squared error diverges above 2 / the Hessian's largest eigenvalue, for certain."""
    linear = [module for module in task.model.modules() if isinstance(module, nn.Linear)]
    is_plain = config.model.name == "linear" and config.optimizer.name == "sgd" and not config.optimizer["momentum"]
    is_squared = isinstance(task.loss, nn.MSELoss) and not data.spec.categories
    is_full = config.trainer.batch_size * config.trainer.accumulate >= len(data.train)
    if (
        not (is_plain and is_squared and is_full)
        or len(linear) != 1
        or linear[0].in_features > 4096
        or data.spec.categories
    ):
        return []
    inputs = data.train.fetch(slice(None)).inputs.double().flatten(1)  # (N, ...) -> (N, F)
    inputs = torch.cat([inputs, inputs.new_ones(len(inputs), 1)], dim=1)  # (N, F) -> (N, F + 1), the bias
    hessian = 2 * inputs.T @ inputs / len(inputs) / data.spec.num_outputs  # (F + 1, F + 1)
    largest = 2 / torch.linalg.eigvalsh(hessian)[-1].item()
    if config.optimizer_settings.lr <= largest or config.scheduler.name != "none":
        return []
    return [
        Problem(
            f"optimizer.lr={config.optimizer_settings.lr:g}",
            f"Gradient descent diverges on this data above a rate of {largest:.2g}. "
            "Use a smaller optimizer.lr, or dataset.standardise=true.",
        )
    ]
