"""The largest learning rate at which descent on linear least squares converges.

Its error obeys e <- (I - lr * H) e with the batch's Hessian H, whatever the targets and the initial weights: with the
whole data as one batch it grows above 2 (1 + momentum) / H's largest eigenvalue, exactly. In mini-batches the product
of the steps decides, which is computed for the run's own batches in their own order.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dlrun.configuration.run_config import RunConfig
from dlrun.data.loading.split import Loader
from dlrun.data.prepare import DataBundle
from dlrun.tasks.task import SupervisedTask

_MOST_FEATURES = 4096
_MOST_VALUES = 4_000_000  # of all batches that are looked at
_STEPS = 200  # of the error, over the batches again and again
_HALVINGS = 10  # of the interval that the limit is searched in
_SAFE = 0.5  # of the limit: the rate that a fix proposes


@dataclass(frozen=True)
class StableLimit:
    """The largest stable rate, and the same if every input were standardised."""

    lr: float
    standardised: float

    @property
    def safe(self) -> float:
        """A rate well below the limit, rounded down to two digits."""
        return rounded_down(_SAFE * self.lr)


def fix_of(limit: StableLimit, config: RunConfig) -> str:
    """Return the override that mends a rate above the limit; standardised inputs converge sooner than a tiny rate."""
    if not config.dataset_settings.standardise and config.optimizer_settings.lr <= _SAFE * limit.standardised:
        return "dataset.standardise=true"
    return f"optimizer.lr={limit.safe:g}"


def rounded_down(value: float) -> float:
    """Return a positive number rounded down to two significant digits: 0.000304 -> 0.0003."""
    digits = 1 - math.floor(math.log10(value))
    return float(f"{math.floor(value * 10**digits * (1 + 1e-5)) / 10**digits:.2g}")


def is_full_batch(data: DataBundle, config: RunConfig) -> bool:
    """Return whether each step sees all rows."""
    return config.trainer.batch_size * config.trainer.accumulate >= len(data.train)


def is_least_squares(task: SupervisedTask, data: DataBundle, config: RunConfig) -> bool:
    """Return whether a run is plain descent of a linear model's squared error, at a rate that stays as it is."""
    linear = [module for module in task.model.modules() if isinstance(module, nn.Linear)]
    spec = data.spec
    return (
        config.model.name == "linear"
        and len(linear) == 1
        and linear[0].in_features <= _MOST_FEATURES
        and config.optimizer.name == "sgd"
        and isinstance(task.loss, nn.MSELoss)
        and not (spec.categories or spec.blocks)
        and data.train.weights is None
        and config.trainer.clip_norm is None
        and config.scheduler.name == "none"
        and not config.scheduler_settings.warmup_steps
    )


def stable_limit(data: DataBundle, config: RunConfig) -> StableLimit:
    """Return the largest stable rate of a run that `is_least_squares`."""
    if is_full_batch(data, config):
        batches = [_with_bias(data.train.fetch(slice(None)).inputs)]
    else:
        batches = _first_batches(data, config)
    momentum, decay = float(config.optimizer["momentum"]), float(config.optimizer["weight_decay"])
    nesterov = bool(config.optimizer["nesterov"])
    outputs = data.spec.num_outputs
    rows = torch.cat(batches)
    factor = 1 + momentum if not nesterov else (1 + momentum) / (1 + 2 * momentum)
    limit = 2 * factor / (_sharpness(rows, outputs) + decay)
    inputs = rows[:, :-1]
    deviation = inputs.std(dim=0, correction=0)
    standardised = _with_bias((inputs - inputs.mean(dim=0)) / torch.where(deviation > 0, deviation, 1.0))
    scaled_limit = 2 * factor / (_sharpness(standardised, outputs) + decay)
    if len(batches) > 1:
        limit = _limit_of_batches(batches, limit, momentum=momentum, nesterov=nesterov, decay=decay, outputs=outputs)
    return StableLimit(limit, scaled_limit)


def _with_bias(inputs: Tensor) -> Tensor:
    inputs = inputs.double().flatten(1)  # (N, ...) -> (N, F)
    return torch.cat([inputs, inputs.new_ones(len(inputs), 1)], dim=1)  # (N, F) -> (N, F + 1)


def _sharpness(rows: Tensor, outputs: int) -> float:
    """The largest eigenvalue of the Hessian of the mean squared error. rows: (N, F + 1)."""
    gram = rows.T @ rows if rows.shape[1] <= len(rows) else rows @ rows.T
    return float(2 * torch.linalg.eigvalsh(gram)[-1] / len(rows) / outputs)


def _first_batches(data: DataBundle, config: RunConfig) -> list[Tensor]:
    """The inputs of the run's first steps, in their order: of at most three epochs, and of so many values."""
    size = config.trainer.batch_size * config.trainer.accumulate
    loader = Loader(data.train, batch_size=size, seed=config.seed, shuffle=config.trainer.shuffle)
    most = min(_STEPS, 3 * len(loader), max(2, _MOST_VALUES // (size * (data.spec.num_features + 1))))
    found: list[Tensor] = []
    epoch = 0
    while len(found) < most:
        for batch in loader.epoch(epoch):
            found.append(_with_bias(batch.inputs))
            if len(found) == most:
                break
        epoch += 1
    return found


def _limit_of_batches(
    batches: Sequence[Tensor], start: float, *, momentum: float, nesterov: bool, decay: float, outputs: int
) -> float:
    """The rate above which the error grows over these batches, found by halving an interval around `start`."""

    def grows(lr: float) -> bool:
        return _growth(batches, lr, momentum=momentum, nesterov=nesterov, decay=decay, outputs=outputs) > 0

    low, high = start / 64, start * 4
    if grows(low):
        return low
    if not grows(high):
        return high
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if grows(middle) else (middle, high)
    return high


def _growth(
    batches: Sequence[Tensor], lr: float, *, momentum: float, nesterov: bool, decay: float, outputs: int
) -> float:
    """The logarithm of the error's growth in the second half of the steps; the first half turns it to where it grows.

    The error begins along the sum of the rows' absolute values, where it meets every feature.
    """
    error = batches[0].abs().sum(dim=0)  # (B, F + 1) -> (F + 1,)
    error = error / error.norm()
    velocity = torch.zeros_like(error)
    total = 0.0
    for number, rows in zip(range(_STEPS), itertools.cycle(batches), strict=False):
        gradient = 2 * rows.T @ (rows @ error) / len(rows) / outputs + decay * error
        velocity = momentum * velocity + gradient
        error = error - lr * (gradient + momentum * velocity if nesterov else velocity)
        size = float(torch.maximum(error.norm(), lr * velocity.norm()))
        error, velocity = error / size, velocity / size
        if number >= _STEPS // 2:
            total += math.log(size)
    return total
