"""The settings that the core reads: fields that the options of a group share, typed and ranged.

Their defaults are in `conf/`; those here are for options without a file there (plugins). A test compares both. A field
whose type begins with Auto may be "auto" until `dlrun.configuration.auto` has worked it out from the data; the code
that builds and trains reads values only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from dlrun.configuration.schema.fields import (
    AUTO,
    Accumulate,
    Augment,
    AutoBatchSize,
    AutoBool,
    AutoCount,
    AutoCountOrZero,
    AutoLearningRate,
    AutoNonNegative,
    AutoThreads,
    AverageDecay,
    BatchSize,
    Checkpoints,
    Count,
    CountOrZero,
    Duration,
    Fold,
    Folds,
    Fraction,
    NonNegative,
    Pixels,
    Positive,
    Processes,
    Seed,
    Workers,
    seconds_of,
)


@dataclass(frozen=True)
class SplitSettings:
    """How any dataset is split and standardised."""

    val_fraction: Fraction = 0.1  # share of the training rows held out for validation
    test_fraction: Fraction = 0.2  # share of all rows held out for testing, if the dataset has no test set
    folds: Folds | None = None  # cross-validation: one run for each of so many parts of the rows, its test rows
    fold: Fold | None = None  # the part that is tested, below `folds`; null: one run for each
    limit: Count | None = None  # use at most this many rows of each file or published split; null uses all
    split_seed: Seed = 0  # seed of the split; separate from `seed`, so that runs with different seeds are comparable
    standardise: bool = True  # standardise inputs to mean 0 and deviation 1, fitted on the training rows
    standardise_target: AutoBool = AUTO  # the same for a regression target; metrics stay in its original unit
    baselines: bool = True  # measure the trivial answer and a simple model on the same split


@dataclass(frozen=True)
class ImageSettings:
    """What datasets of images have besides."""

    pad: Pixels = 0  # pixels of background added to each side of every image
    augment: Augment = field(default_factory=Augment)  # random augmentation of training images


@dataclass(frozen=True)
class DatasetSettings(ImageSettings, SplitSettings):
    """The settings of a dataset as the core reads them; the image settings are neutral where an option has none."""


@dataclass(frozen=True)
class OptimizerSettings:
    """Settings of every optimizer."""

    lr: AutoLearningRate = 1e-3  # learning rate
    weight_decay: AutoNonNegative = 0.0  # strength of weight decay
    decay_matrices_only: bool = False  # exclude biases and normalisation from weight decay


@dataclass(frozen=True)
class SchedulerSettings:
    """Settings of every scheduler."""

    warmup_steps: CountOrZero = 0  # steps of linear warm-up from 0 to the full learning rate


@dataclass(frozen=True)
class DeviceSettings:
    """Where and how tensors are computed."""

    precision: Literal["fp32", "bf16", "fp16"] = "fp32"  # number format of forward and backward passes
    compile: bool = False  # compile the model with torch.compile
    graphs: Literal["auto", "on", "off"] = "auto"  # run the training step of a small model as one CUDA graph
    threads: AutoThreads | None = AUTO  # CPU threads; auto: by the work of a step; null keeps torch's default
    deterministic: bool = False  # use only algorithms with bitwise repeatable results, where torch has them
    processes: Processes = 1  # that train one model together, on equal parts of each batch
    strategy: Literal["auto", "ddp", "fsdp"] = "auto"  # what each process has: all of the model (ddp) or a part (fsdp)


@dataclass(frozen=True)
class EarlyStop:
    """Stop when the metric no longer improves."""

    patience: AutoCount | None = AUTO  # evaluations without improvement before stopping; null never stops
    min_delta: NonNegative = 0.0  # smallest change of the metric that counts as an improvement


@dataclass(frozen=True)
class TrainerSettings:
    """How a model is trained, and for how long."""

    epochs: AutoCount | None = AUTO  # passes over the training rows
    max_steps: Count | None = None  # stop after this many steps, even within an epoch
    max_time: Duration | None = None  # save and stop between two steps after this time; `dlrun resume` continues
    batch_size: AutoBatchSize = AUTO
    eval_batch_size: BatchSize = 256
    accumulate: Accumulate = 1  # batches whose gradients are averaged into one optimizer step
    clip_norm: Positive | None = None  # largest norm of the gradient; larger ones are scaled down to it
    ema: AverageDecay | None = None  # decay of the moving average of the weights to evaluate and save; null: no average
    shuffle: bool = True  # a new order each epoch, drawn from (seed, epoch)
    eval_every: AutoCountOrZero = AUTO  # epochs between evaluations; 0 evaluates only at the end
    eval_every_steps: Count | None = None  # steps between evaluations within an epoch
    workers: Workers = 0  # processes that load streamed data; 0 loads it in the training process
    log_every: CountOrZero = 50  # steps between rows of metrics.jsonl; 0 logs only evaluations
    early_stop: EarlyStop = field(default_factory=EarlyStop)

    @property
    def max_time_s(self) -> int | None:
        """`max_time` in seconds."""
        return None if self.max_time is None else seconds_of(self.max_time)


@dataclass(frozen=True)
class CheckpointSettings:
    """When checkpoints are saved, and how many are kept."""

    every_epochs: AutoCountOrZero = AUTO  # epochs between checkpoints; 0 saves by steps or only at the end
    every_steps: Count | None = None  # steps between checkpoints
    keep: Checkpoints = 2  # newest checkpoints to keep, besides the best
