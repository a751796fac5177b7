"""What the data is, in words that models are built from, and a batch of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from dlrun.data.encoding import Encoder
from dlrun.data.reading import Reader

Kind = Literal["dense", "image", "tokens", "sequence"]
Skipped = Sequence[str] | Mapping[str, Any]
"""Rows left out as asked: each with why, or how many by file and the first of them."""
Goal = Literal["regression", "binary", "multiclass", "language"]
Rows = tuple[Tensor | Reader, Tensor, Tensor | None]
"""Inputs, targets and lengths, as in Batch."""


class Batch(NamedTuple):
    """Rows fetched together, on the device that trains.

    inputs: (B, F) dense, (B, C, H, W) image, (B, T) tokens or (B, T, F) sequence.
    targets: (B,) int64 for classes, (B, K) float32 for regression, (B, T) int64 next tokens for language.
    lengths: (B,) int64, how much of each row is not padding; None where rows have no padding.
    """

    inputs: Tensor
    targets: Tensor
    lengths: Tensor | None = None


@dataclass(frozen=True)
class Scaling:
    """How raw inputs became the model's: (raw - mean) / std, raw values lying between low and high.

    mean and std have one value per channel (images) or per feature.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    low: float
    high: float


@dataclass(frozen=True)
class TargetScaling:
    """How a regression's raw targets became the model's: (raw - mean) / std, one value each or one an output."""

    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0

    def scaled(self, targets: Tensor) -> Tensor:
        """Raw targets, (B, K), as the model learns them, float32."""
        return ((targets.double() - self._tensor(self.mean, targets)) / self._tensor(self.std, targets)).to(
            torch.float32
        )

    def raw(self, outputs: Tensor) -> Tensor:
        """The model's numbers, (B, K), in the targets' own units, float64."""
        return outputs.double() * self._tensor(self.std, outputs) + self._tensor(self.mean, outputs)

    def _tensor(self, value: float | tuple[float, ...], like: Tensor) -> Tensor:
        return torch.tensor(value, dtype=torch.float64, device=like.device)  # () or (K,)


@dataclass(frozen=True)
class DataSpec:
    """What a model must know of the data: shapes without the batch, and what is asked.

    shape: (F,) dense, (C, H, W) image, (T,) tokens, (T, F) sequence.
    num_outputs: classes (2 for binary), numbers to predict, or tokens that may come next.
    class_names: of the classes, or of the numbers to predict where they have names.
    """

    kind: Kind
    shape: tuple[int, ...]
    goal: Goal
    num_outputs: int
    class_names: tuple[str, ...] = ()
    num_train: int = 0
    vocabulary_size: int | None = None  # tokens: how many different ones
    scaling: Scaling | None = None
    target_mean: float | tuple[float, ...] = 0.0  # a regression's target was standardised with these; see TargetScaling
    target_std: float | tuple[float, ...] = 1.0
    class_counts: tuple[int, ...] = ()  # training rows of each class
    has_lengths: bool = False
    categories: tuple[int, ...] = ()  # dense: how many codes (0 is "never seen") each of the last columns holds

    def state(self) -> dict[str, Any]:
        """Plain values, kept in every checkpoint."""
        return dataclasses.asdict(self)

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> DataSpec:
        """From what `state` gave, lists in place of tuples or not."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in state.items()
        }
        scaling = values["scaling"]
        if scaling is not None:
            values["scaling"] = Scaling(tuple(scaling["mean"]), tuple(scaling["std"]), scaling["low"], scaling["high"])
        return cls(**values)

    @property
    def target_scaling(self) -> TargetScaling:
        """How targets were standardised, and how predictions are brought back to their units."""
        return TargetScaling(self.target_mean, self.target_std)

    @property
    def num_features(self) -> int:
        """How many numbers one input holds."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    def describe(self) -> str:
        """One line: "8x8 grey images, 10 classes"."""
        if self.kind == "image":
            channels, height, width = self.shape
            colour = {1: "grey ", 3: "colour "}.get(channels, f"{channels}-channel ")
            inputs = f"{width}x{height} {colour}images"
        elif self.kind == "tokens":
            inputs = f"texts of up to {self.shape[0]} tokens"
        elif self.kind == "sequence":
            inputs = f"sequences of {self.shape[0]} steps x {self.shape[1]} features"
        else:
            inputs = f"{self.shape[0]} feature" + ("s" if self.shape[0] != 1 else "")
        if self.goal == "regression":
            return f"{inputs}, {self.num_outputs} number" + ("s to predict" if self.num_outputs > 1 else " to predict")
        if self.goal == "language":
            return f"windows of {self.shape[0]} tokens, the next out of {self.num_outputs} to guess"
        return f"{inputs}, {self.num_outputs} classes"


@dataclass
class Source:
    """What a dataset's function returns: raw rows, not yet split or scaled.

    inputs: uint8 or float32, as in Batch, or a reader of them where they are read as they are needed; targets: int64
    classes or float32 numbers, (N,) or (N, K).
    test_inputs and test_targets: the published test set, where there is one.
    """

    kind: Kind
    goal: Goal
    inputs: Tensor | Reader
    targets: Tensor
    test_inputs: Tensor | Reader | None = None
    test_targets: Tensor | None = None
    class_names: Sequence[str] = ()
    value_range: tuple[float, float] | None = None  # of raw image values
    vocabulary_size: int | None = None
    lengths: Tensor | None = None
    test_lengths: Tensor | None = None
    val_inputs: Tensor | Reader | None = None  # validation rows of the user's own, instead of a fraction
    val_targets: Tensor | None = None
    val_lengths: Tensor | None = None
    encoder: Encoder | None = None  # how new rows of this kind are read
    fit_on: int | None = None  # scaling is fitted on so many training rows, drawn by seed; None: on all of them
    fit: Callable[[Source, Tensor], Source] | None = None  # finishes it, given which rows are trained on, (N,) int64
    fingerprint: str | None = None  # of the files and settings that the rows are from; else of the rows themselves
    notices: Sequence[str] = ()  # what its user should know before training
    skipped: Skipped = ()  # rows left out because they are bad

    def rows(self, index: Tensor) -> Rows:
        """The rows asked for: inputs, targets, lengths."""
        return self.inputs[index], self.targets[index], None if self.lengths is None else self.lengths[index]

    def test_rows(self, index: Tensor) -> Rows:
        """Rows of the published test set, which must be there."""
        assert self.test_inputs is not None  # noqa: S101 - the caller's promise
        assert self.test_targets is not None  # noqa: S101
        lengths = None if self.test_lengths is None else self.test_lengths[index]
        return self.test_inputs[index], self.test_targets[index], lengths

    def val_rows(self) -> Rows:
        """The validation rows that the user gave, which must be there."""
        assert self.val_inputs is not None  # noqa: S101 - the caller's promise
        assert self.val_targets is not None  # noqa: S101
        return self.val_inputs, self.val_targets, self.val_lengths

    def __post_init__(self) -> None:
        if self.goal == "regression":
            self.targets = _as_columns(self.targets)
            if self.test_targets is not None:
                self.test_targets = _as_columns(self.test_targets)
            if self.val_targets is not None:
                self.val_targets = _as_columns(self.val_targets)


def _as_columns(targets: Tensor) -> Tensor:
    targets = targets.to(torch.float32)
    return targets.unsqueeze(1) if targets.ndim == 1 else targets  # (N,) -> (N, 1)
