"""What explaining a run found, as plain values: nothing here imports torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Look = Literal["columns", "words", "steps", "pixels", "sound"]
"""What a row consists of, and so how its explanation is drawn."""


@dataclass(frozen=True)
class Share:
    """What one part of a row adds to the output. value: the part as the user wrote it; empty if it has none.

    error: the standard error of the amount; 0 if it is exact, NaN if it is not known.
    """

    name: str
    value: str
    amount: float
    error: float = 0.0


@dataclass(frozen=True)
class Attribution:
    """Where an output comes from: the output at a row is that at the baseline plus the amounts of the row's parts.

    value, base: the output at the row and at the baseline. baseline, method: in words. parts: by what they are (column,
    word, step, pixel): each list is all of the row, in its own order. grid: the same in two dimensions, (H, W) of
    pixels, (bands, frames) of a sound, (T, F) of steps. image: the row's pixels, of a sound its spectrogram. series:
    the row's numbers by column, (T,) each.
    """

    look: Look
    value: float
    base: float
    baseline: str
    method: str
    parts: Mapping[str, Sequence[Share]]
    grid: NDArray[np.float64] | None = None
    image: NDArray[np.uint8] | None = None
    series: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def missing(self) -> float:
        """How far the amounts are from the difference that they are to add up to."""
        shares = next(iter(self.parts.values()))
        return self.value - self.base - sum(share.amount for share in shares)


@dataclass(frozen=True)
class Explanation:
    """Why one row has its prediction.

    number: of the row in its file, from 1. place: what identifies it there, a file's name; may be empty. output: what
    is explained, in words. prediction: the run's, by heading.
    """

    number: int
    place: str
    output: str
    prediction: Mapping[str, Any]
    why: Attribution


@dataclass(frozen=True)
class ColumnImportance:
    """How much worse the metric becomes when a column is shuffled: the mean over the repeats, and each of them."""

    name: str
    mean: float
    deviation: float
    each: tuple[float, ...]


@dataclass(frozen=True)
class Importance:
    """The columns of a split by importance, the highest first. value: of the metric on the rows as they are."""

    split: str
    metric: str
    higher_is_better: bool
    value: float
    num_rows: int
    of_rows: int
    columns: Sequence[ColumnImportance] = field(default_factory=list)
