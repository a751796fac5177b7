"""How raw rows become a model's inputs: kept in every checkpoint, so that a run alone can predict new rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlrun.errors import DataError
from dlrun.fields import printable


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
