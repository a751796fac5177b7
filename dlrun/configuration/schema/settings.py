"""Settings that the core itself reads: the fields common to all options of a group, typed and ranged.

The defaults stand in `conf/`; those here serve an option that has no file there (a plugin). A test holds the two
against each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from dlrun.configuration.schema.fields import (
    Augment,
    AverageDecay,
    Count,
    CountOrZero,
    Duration,
    Fraction,
    LearningRate,
    NonNegative,
    Pixels,
    Positive,
    Seed,
    Workers,
    seconds_of,
)


@dataclass(frozen=True)
class DatasetSettings:
    """How any dataset is split and prepared."""

    val_fraction: Fraction = 0.1  # share of the training rows held out for validation
    test_fraction: Fraction = 0.2  # share of all rows held out, where the dataset has no test set of its own
    limit: Count | None = None  # use at most this many rows of each published split
    split_seed: Seed = 0  # decides which rows are held out; apart from `seed`, so that runs stay comparable
    standardise: bool = True  # inputs to mean 0 and deviation 1, fitted on the training rows only
    standardise_target: bool = False  # the same for a regression's target; metrics stay in original units
    pad: Pixels = 0  # background added on each side of every image
    augment: Augment = field(default_factory=Augment)


@dataclass(frozen=True)
class OptimizerSettings:
    """What every optimizer has."""

    lr: LearningRate = 1e-3  # learning rate
    weight_decay: NonNegative = 0.0  # strength of the pull of weights towards zero
    decay_matrices_only: bool = False  # leave biases and normalisation out of weight decay


@dataclass(frozen=True)
class SchedulerSettings:
    """What every schedule has."""

    warmup_steps: CountOrZero = 0  # the rate rises linearly over this many steps first


@dataclass(frozen=True)
class DeviceSettings:
    """Where and how numbers are computed."""

    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    compile: bool = False  # torch.compile
    threads: Count | None = None  # CPU threads; null leaves torch's own choice
    deterministic: bool = False  # only algorithms that give the same bits each time, where torch has them


@dataclass(frozen=True)
class EarlyStop:
    """Stop when the metric no longer improves."""

    patience: Count | None = None  # evaluations without improvement before stopping; null never stops
    min_delta: NonNegative = 0.0  # an improvement smaller than this does not count


@dataclass(frozen=True)
class TrainerSettings:
    """How long and how a model is trained."""

    epochs: Count | None = 10
    max_steps: Count | None = None  # stop after this many steps, even within an epoch
    max_time: Duration | None = None  # save and leave between two steps after this time; `dlrun resume` goes on
    batch_size: Count = 32
    eval_batch_size: Count = 256
    accumulate: Count = 1  # batches whose gradients are averaged into one step of the optimizer
    clip_norm: Positive | None = None  # the gradient's norm is cut to this
    ema: AverageDecay | None = (
        None  # decay of the average of the weights that is evaluated and kept; null keeps the last
    )
    shuffle: bool = True  # a new order each epoch, drawn from (seed, epoch)
    eval_every: CountOrZero = 1  # epochs between evaluations; 0 evaluates at the end only
    eval_every_steps: Count | None = None  # steps between evaluations within an epoch
    workers: Workers = 0  # processes that read ahead, for data that is read as it is needed; 0: the one that trains
    log_every: CountOrZero = 50  # steps between rows of metrics.jsonl; 0 logs evaluations only
    early_stop: EarlyStop = field(default_factory=EarlyStop)

    @property
    def max_time_s(self) -> int | None:
        """`max_time` in seconds."""
        return None if self.max_time is None else seconds_of(self.max_time)


@dataclass(frozen=True)
class CheckpointSettings:
    """When the state of training is saved, and how much of it is kept."""

    every_epochs: CountOrZero = 1  # 0 saves by steps or at the end only
    every_steps: Count | None = None
    keep: Count = 2  # newest checkpoints kept, besides the best
