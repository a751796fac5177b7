"""Checks of a model on its data before training: a forward pass on a few rows, and common mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from dlrun.configuration.run_config import RunConfig
from dlrun.data.prepare import DataBundle
from dlrun.errors import ConfigError, Problem
from dlrun.optim.out_of_memory import is_out_of_memory
from dlrun.tasks.copies import copy_of
from dlrun.tasks.draws import own_draws
from dlrun.tasks.goals import goal_of
from dlrun.tasks.task import SupervisedTask, Task
from dlrun.training.shapes import Trace
from dlrun.training.stability import fix_of, is_full_batch, is_least_squares, stable_limit
from dlrun.wording import plural


def check_task(task: Task, data: DataBundle, config: RunConfig, *, files: Sequence[Path] = ()) -> None:
    """Check a supervised task on a few rows; the task and all random states stay unchanged.

    files: the user's own, so that an error names their lines.
    Raises ConfigError with every problem found.
    """
    problems = [] if data.train.weights is None else _check_weights(task, config)
    if not isinstance(task, SupervisedTask):
        if problems:
            raise ConfigError(problems)
        return
    problems += _check_output(task, data, config, files)
    if not problems:
        problems = _check_single_row(task, data, config) + _check_stability(task, data, config)
    if problems:
        raise ConfigError(problems)


def _check_weights(task: Task, config: RunConfig) -> list[Problem]:
    """Find what cannot weight rows: a task or a loss that does not say that it can."""
    if task.uses_weights:
        return []
    if not isinstance(task, SupervisedTask):
        what = f"The model {config.model.name} has its own losses, which do not weight rows (Task.uses_weights)."
    elif not goal_of(task.spec).has_row_weights:
        what = "Language models do not support weights of rows."
    else:
        what = (
            f"The loss {config.loss.name} returns one number for a batch and cannot weight its rows. Give it a method "
            "`weighted(outputs, targets, weights)` that returns the weighted mean, or choose another loss."
        )
    return [Problem("dataset.weight", what, id="unweighted-loss")]


def _try(task: SupervisedTask, data: DataBundle, rows: int, *, train: bool, trace: Trace | None = None) -> Any:
    """Return the output of a copy of the model for the first rows; `trace` records its layers."""
    copied = copy_of(task)
    copied.train(train)
    with own_draws(), torch.no_grad(), (trace or Trace()).of(copied.model):
        return copied(data.train.fetch(slice(0, rows)))


def _check_output(task: SupervisedTask, data: DataBundle, config: RunConfig, files: Sequence[Path]) -> list[Problem]:
    name = f"model={config.model.name}"
    rows = min(8, len(data.train))
    trace = Trace()
    try:
        out = _try(task, data, rows, train=False, trace=trace)
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError, NameError, AssertionError) as error:
        if is_out_of_memory(error):
            raise
        what = f"The model fails on {data.spec.describe()}. {trace.explain(error, files)}"
        return [Problem(name, what, id="shapes")]
    goal = goal_of(data.spec)
    expected = goal.output_shape(data.spec, rows)
    if not isinstance(out, Tensor) or tuple(out.shape) != expected:
        return [Problem(name, _unexpected(out, expected, trace), id="output-shape")]
    takes_logits = config.loss.name in ("auto", *goal.losses)  # the user's own loss may take probabilities
    if goal.rejects_softmax and takes_logits and rows > 1 and _are_probabilities(out):
        return [
            Problem(
                name,
                "The model ends in a softmax, but the cross entropy loss expects logits: remove the softmax, "
                "or training is far too slow.",
                id="softmax-before-cross-entropy",
            )
        ]
    return []


def _unexpected(out: Any, expected: tuple[int, ...], trace: Trace) -> str:
    """What is wrong with a model's output, and the likely cause."""
    rows = expected[0]
    got = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
    text = f"Expected an output of shape {expected} for {plural(rows, 'row')}, got {got}. "
    if isinstance(out, Tensor) and out.ndim == len(expected) and len(out) != rows and out.shape[1:] == expected[1:]:
        return (
            f"{text}The number of rows has changed: a view(-1, N) or reshape(-1, N) with another N than a row has "
            "mixes rows. Use flatten(1) or nn.Flatten()."
        )
    last = trace.last_layer()
    where = f"The last layer is {last.describe()}. " if last is not None and last.name else ""
    return f"{text}{where}`dlrun.num_logits(spec)` returns the size of the last layer."


def _are_probabilities(out: Tensor) -> bool:
    """Whether the outputs of each row, or each step of a row, sum to 1: (B, K) or (B, T, K)."""
    return bool((out >= 0).all()) and bool(((out.sum(dim=-1) - 1).abs() < 1e-4).all())


def _check_single_row(task: SupervisedTask, data: DataBundle, config: RunConfig) -> list[Problem]:
    """Find a batch of one row, whose standard deviation batch normalisation cannot compute."""
    batch_size, rows = config.trainer.batch_size, len(data.train)
    has_batch_norm = any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in task.modules())
    if not has_batch_norm or (batch_size != 1 and rows % batch_size != 1):
        return []
    try:
        _try(task, data, 1, train=True)
    except ValueError:
        which = "Every batch has" if batch_size == 1 or rows == 1 else "The last batch of each epoch has"
        return [
            Problem(
                f"trainer.batch_size={batch_size}",
                f"{which} a single row ({plural(rows, 'training row')}), and batch normalisation needs at least two. "
                "Use another trainer.batch_size, or model.norm=layer.",
                id="single-row-batch",
                fix=_fix_of_batch(config, rows),
            )
        ]
    return []


def _fix_of_batch(config: RunConfig, rows: int) -> str:
    """Return the override that leaves no batch of one row: another normalisation, or the next larger batch size."""
    if "norm" in config.model.arguments:
        return "model.norm=layer"
    larger = range(max(2, config.trainer.batch_size + 1), rows + 2)
    return f"trainer.batch_size={next(size for size in larger if rows % size != 1)}"


def _check_stability(task: SupervisedTask, data: DataBundle, config: RunConfig) -> list[Problem]:
    """Find a rate at which full-batch descent on squared error must diverge; mini-batches are judged by the linter."""
    if not (is_least_squares(task, data, config) and is_full_batch(data, config)):
        return []
    limit, lr = stable_limit(data, config), config.optimizer_settings.lr
    if lr <= limit.lr:
        return []
    return [
        Problem(
            f"optimizer.lr={lr:g}",
            f"Gradient descent diverges on this data above a learning rate of {limit.lr:.2g}. "
            "Use a smaller optimizer.lr, or dataset.standardise=true.",
            id="learning-rate-diverges",
            fix=fix_of(limit, config),
        )
    ]
