"""How raw rows become a model's inputs: kept in every checkpoint, so that a run alone can predict new rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlrun.data.loading.reader import Reader
from dlrun.data.spec import Goal, Kind
from dlrun.errors import DataError
from dlrun.wording import printable


@dataclass(frozen=True)
class Encoded:
    """New rows, ready for the model: raw inputs as a Source has them, before scaling.

    columns: what each row is called in the predictions (a file's name, an index), by heading; each has one entry a row.
    """

    inputs: Tensor
    lengths: Tensor | None = None
    columns: Mapping[str, list[Any]] = field(default_factory=dict)


def joined(chunks: Iterable[Encoded], path: Path) -> Encoded:
    """Chunks of rows of one shape as one.

    Raises DataError when the file that they are from has none.
    """
    found = list(chunks)
    if not found:
        raise DataError(f"{printable(str(path), limit=500)}: there are no rows.")
    columns = {name: [value for chunk in found for value in chunk.columns[name]] for name in found[0].columns}
    return Encoded(torch.cat([chunk.inputs for chunk in found]), columns=columns)


class Encoder(ABC):
    """What was learnt from the training rows about reading rows of this kind: vocabulary, categories, sizes.

    A dataset whose Source has an encoder offers `encoder(state: Mapping[str, Any]) -> Encoder` in its option file,
    which makes it again from `state()`.
    """

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """Everything it knows, as plain JSON values."""

    @abstractmethod
    def encode(self, path: Path) -> Encoded:
        """Read a file or folder of new rows, in its own order.

        Raises DataError naming file, row and column.
        """

    def chunks(self, path: Path) -> Iterator[Encoded]:
        """The rows of `encode` in pieces, in order; for what is larger than memory, yield it bit by bit."""
        yield self.encode(path)

    def decode(self, outputs: Tensor) -> Mapping[str, list[Any]] | None:
        """The model's outputs for a chunk, (B, K), as columns of the predictions.

        None leaves it to the task: the class and its probability, or the number in the target's own unit.
        """
        return None

    def candidates(self, path: Path) -> Iterator[Encoded] | None:
        """For `--top N`: for each row of the file, a chunk of every answer there is; None where nothing is ranked."""
        return None


class FittedEncoder(Encoder):
    """An encoder that learns from the training rows, once it is known which they are.

    Its Source's inputs are raw rows, NaN where a value is missing; `data.prepare` calls `fit` with the training rows
    and `finish` on those of every split. `encode` gives finished rows.
    """

    categories: tuple[int, ...] = ()  # sizes of the trailing columns that hold codes, as in DataSpec

    @property
    @abstractmethod
    def num_scaled(self) -> int:
        """How many leading features are amounts, to be standardised; the rest is left alone."""

    @abstractmethod
    def fit(self, inputs: Tensor) -> None:
        """Learn from the raw training rows, (N, R) float32."""

    @abstractmethod
    def finish(self, inputs: Tensor) -> Tensor:
        """Raw rows as the model's, (N, R) -> (N, F); may work in place."""


Skipped = Sequence[str] | Mapping[str, Any]
"""Rows left out as asked: each with why, or how many by file and the first of them."""


Rows = tuple[Tensor | Reader, Tensor, Tensor | None]
"""Inputs, targets and lengths, as in Batch."""


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
