"""The properties of the data that models are built from, and a batch of rows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from dlrun.data.goals import Goal, Part, describe_task
from dlrun.data.loading.moving import moved
from dlrun.data.loading.shard import BatchPart
from dlrun.wording import plural, printable

_SHOWN_PARTS = 6
Kind = Literal["dense", "image", "tokens", "sequence"]


class Batch(NamedTuple):
    """Rows fetched together, on the training device.

    inputs: (B, F) dense, (B, C, H, W) image, (B, T) tokens or (B, T, F) sequence.
    targets: (B,) int64 for classes, (B, K) float32 for regression and several targets (classes as their codes),
    (B, T) int64 next tokens for language.
    lengths: (B,) int64, the part of each row before its padding; None if rows have no padding.
    weights: (B,) float32 from 0 up, of each row in loss and metrics; None if all rows count alike.
    part: which rows of the whole batch these are, where several processes share it; None if they are all.
    """

    inputs: Tensor
    targets: Tensor
    lengths: Tensor | None = None
    weights: Tensor | None = None
    part: BatchPart | None = None

    @property
    def num_rows(self) -> int:
        """How many rows the whole batch has, in all processes together."""
        return len(self.targets) if self.part is None else self.part.rows

    @property
    def num_own(self) -> int:
        """How many of them are here, and not only to fill an empty batch."""
        return len(self.targets) if self.part is None else self.part.last - self.part.first

    @property
    def weights_of_all(self) -> Tensor | None:
        """The weights of all rows of the whole batch; None if they count alike."""
        return self.weights if self.part is None else self.part.weights

    def first(self, count: int) -> Batch:
        """Return the first rows."""
        lengths = None if self.lengths is None else self.lengths[:count]
        weights = None if self.weights is None else self.weights[:count]
        return Batch(self.inputs[:count], self.targets[:count], lengths, weights)

    def repeated(self, times: int) -> Batch:
        """Return the same rows with targets and weights for so many predictions, (B, ...) -> (times * B, ...)."""
        targets = self.targets.repeat(times, *(1,) * (self.targets.ndim - 1))
        return self._replace(targets=targets, weights=None if self.weights is None else self.weights.repeat(times))


@dataclass(frozen=True)
class Scaling:
    """How raw inputs, from low to high, are scaled: (raw - mean) / std.

    mean and std have one value per channel (images) or per feature.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    low: float
    high: float


@dataclass(frozen=True)
class TargetScaling:
    """How raw targets of a regression are scaled: (raw - mean) / std, one value for all outputs or one for each."""

    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0

    def scaled(self, targets: Tensor) -> Tensor:
        """Return raw targets, (B, K), scaled, float32."""
        return ((targets.double() - self._tensor(self.mean, targets)) / self._tensor(self.std, targets)).to(
            torch.float32
        )

    def raw(self, outputs: Tensor) -> Tensor:
        """Return the model's outputs, (B, K), in the targets' own units, float64."""
        return outputs.double() * self._tensor(self.std, outputs) + self._tensor(self.mean, outputs)

    def _tensor(self, value: float | tuple[float, ...], like: Tensor) -> Tensor | float:
        """A number, or (K,) numbers on the device of `like`; nothing waits for the copy."""
        return moved(torch.tensor(value, dtype=torch.float64), like.device) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class Block:
    """Columns of dense rows that are one value together: a text as token ids, or an image as pixels from -1 to 1.

    start: its first column. shape: (T,) of a text, whose ids end at the first 0, or (C, H, W) of an image.
    """

    name: str  # of the column in the table
    kind: Literal["text", "image"]
    start: int
    shape: tuple[int, ...]
    vocabulary_size: int | None = None  # of a text: ids, with padding and unknown

    @property
    def width(self) -> int:
        """How many columns it has."""
        return math.prod(self.shape)

    def describe(self) -> str:
        """Return it in words, as `the text "review" of up to 128 tokens`."""
        if self.kind == "text":
            return f'the text "{printable(self.name)}" of up to {plural(self.shape[0], "token")}'
        _, height, width = self.shape
        return f'the {width}x{height} image "{printable(self.name)}"'


@dataclass(frozen=True)
class DataSpec:
    """What a model needs to know of the data: shapes without the batch, and the goal.

    shape: (F,) dense, (C, H, W) image, (T,) tokens, (T, F) sequence.
    num_outputs: classes (2 for binary), numbers to predict, possible next tokens, or targets of different kinds.
    class_names: of the classes, or of the numbers to predict if they have names.
    continues: for a forecast, the input column that each target column continues, -1 for none; the numbers to predict
    are then all target columns one step ahead, all of them two steps ahead, and so on.
    """

    kind: Kind
    shape: tuple[int, ...]
    goal: Goal
    num_outputs: int
    class_names: tuple[str, ...] = ()
    num_train: int = 0
    vocabulary_size: int | None = None  # of tokens
    scaling: Scaling | None = None
    target_mean: float | tuple[float, ...] = 0.0  # of a standardised regression target; see TargetScaling
    target_std: float | tuple[float, ...] = 1.0
    class_counts: tuple[int, ...] = ()  # training rows of each class
    has_lengths: bool = False
    parts: tuple[Part, ...] = ()  # the targets, if the user asked for several
    categories: tuple[int, ...] = ()  # dense: number of codes of each of the last columns before the blocks;
    # code 0 is "not in training"
    blocks: tuple[Block, ...] = ()  # dense: the last columns, those of texts and images, in order
    numbers: int | None = None  # dense: how many leading features are numbers; flags and others follow
    continues: tuple[int, ...] = ()
    season: int = 1  # steps after which a sequence repeats; 1: none

    def state(self) -> dict[str, Any]:
        """Return plain values, stored in every checkpoint."""
        values = dataclasses.asdict(self)
        if self.blocks and self.scaling is not None:  # thousands of columns that are not scaled
            for name in ("mean", "std"):
                values["scaling"][name] = values["scaling"][name][: self.num_plain]
        return values

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> DataSpec:
        """Return the spec whose `state` this is; tuples may be lists."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in state.items()
        }
        scaling = values["scaling"]
        values["blocks"] = tuple(
            Block(**{**block, "shape": tuple(block["shape"])}) for block in values.get("blocks", ())
        )
        if scaling is not None:
            rest = sum(block.width for block in values["blocks"])
            mean, std = (tuple(map(float, scaling[name])) for name in ("mean", "std"))
            mean, std = (*mean, *(0.0,) * rest), (*std, *(1.0,) * rest)
            values["scaling"] = Scaling(mean, std, float(scaling["low"]), float(scaling["high"]))
        values["parts"] = tuple(
            Part(part["name"], part["goal"], tuple(part["class_names"])) for part in values.get("parts", ())
        )
        return cls(**values)

    @property
    def target_scaling(self) -> TargetScaling:
        """How targets were standardised, and how predictions return to their units."""
        return TargetScaling(self.target_mean, self.target_std)

    @property
    def num_numbers(self) -> int:
        """How many leading features of a row are numbers with a scale of their own."""
        return self.num_features - len(self.categories) if self.numbers is None else self.numbers

    @property
    def num_plain(self) -> int:
        """Dense: how many columns are before the blocks: numbers, flags, and categories."""
        return self.shape[0] - sum(block.width for block in self.blocks)

    @property
    def num_features(self) -> int:
        """How many numbers one input has."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    def describe(self) -> str:
        """Return one line, as "8x8 grey images, 10 classes"."""
        if self.kind == "image":
            channels, height, width = self.shape
            colour = {1: "grey ", 3: "colour "}.get(channels, f"{channels}-channel ")
            inputs = f"{width}x{height} {colour}images"
        elif self.kind == "tokens":
            inputs = f"texts of up to {plural(self.shape[0], 'token')}"
        elif self.kind == "sequence":
            inputs = f"sequences of {plural(self.shape[0], 'step')} x {plural(self.shape[1], 'feature')}"
        else:
            plain = [plural(self.num_plain, "feature")] if self.num_plain or not self.blocks else []
            inputs = ", ".join([*plain, *(block.describe() for block in self.blocks)])
        if self.parts:
            shown = ", ".join(part.describe() for part in self.parts[:_SHOWN_PARTS])
            more = ", ..." if len(self.parts) > _SHOWN_PARTS else ""
            return f"{inputs}, {plural(len(self.parts), 'target')}: {shown}{more}"
        return describe_task(self.goal, inputs, num_outputs=self.num_outputs, window=self.shape[0])
