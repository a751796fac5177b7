"""What an examination of a run found, as plain numbers and texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from dlrun.data.originals import Original
from dlrun.tasks.per_class import ByClass

NUM_BINS = 15
"""Of the confidence, as Guo et al. 2017 have them."""
SAMPLE_TEMPERATURE = 0.8
"""Of a language model's samples."""

Vertices = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Window:
    """Numbers over time: what was known, and of a forecast what came and what was predicted. Times are in steps."""

    name: str
    past: Sequence[float]
    truth: Sequence[float] = ()
    predicted: Sequence[float] = ()


@dataclass
class Mistake:
    """A row that the model is far off at.

    row: its number in the split, from 0. note: how far. pixels: what the model sees, (H, W) or (H, W, 3) bytes.
    windows: of a sequence.
    """

    row: int
    truth: str
    predicted: str
    note: str
    original: Original | None = None
    pixels: NDArray[np.uint8] | None = None
    windows: Sequence[Window] = ()


@dataclass(frozen=True)
class ClassCurves:
    """One class against the rest. roc: false and true positive rates. recall: recalls and precisions."""

    name: str
    auroc: float
    average_precision: float
    roc: Vertices
    recall: Vertices


@dataclass(frozen=True)
class Bin:
    """Rows whose predicted class has a probability within a bin. share: of all rows."""

    confidence: float
    accuracy: float
    share: float


@dataclass(frozen=True)
class ClassReport:
    """How well the classes of a target are told apart.

    name: of the target; empty for the only one. confusion: (K, K), true by predicted. calibration_error: the expected
    one, ECE. num_scored: rows that the curves are made of.
    """

    name: str
    class_names: Sequence[str]
    confusion: NDArray[np.float64]
    figures: ByClass
    curves: Sequence[ClassCurves]
    bins: Sequence[Bin]
    calibration_error: float
    num_rows: int
    num_scored: int
    num_wrong: int
    is_weighted: bool
    mistakes: Sequence[Mistake]


@dataclass(frozen=True)
class NumberReport:
    """How far predictions of one number are off, in its own unit.

    truth, predicted: (N, S), of S steps ahead for a forecast, else S = 1; N is at most `num_rows`, in their order.
    """

    name: str
    truth: NDArray[np.float64]
    predicted: NDArray[np.float64]
    num_rows: int
    is_forecast: bool

    @property
    def residuals(self) -> NDArray[np.float64]:
        """Predicted minus true, (N, S); not finite where a prediction is not."""
        with np.errstate(invalid="ignore", over="ignore"):
            return self.predicted - self.truth


@dataclass(frozen=True)
class Token:
    """A token as text, and its loss: -log of the probability that the model gave it."""

    text: str
    loss: float


@dataclass(frozen=True)
class TokenReport:
    """How well the next token is predicted. by_position: the mean loss at each place of a window."""

    by_position: Sequence[float]
    windows: Sequence[tuple[float, Sequence[Token]]]  # the worst ones, with their mean loss
    separator: str


@dataclass(frozen=True)
class Sample:
    """A text that a language model wrote."""

    prompt: str
    text: str


@dataclass
class Examined:
    """What was found, and what could not be.

    split: the one that was examined. describes: the data, in words. columns: of a table, with their kinds.
    mistakes: those of numbers, of all targets together. with_rows: whether rows of the data may be shown.
    missing: what is not there, and why.
    """

    split: str = ""
    num_rows: int = 0
    describes: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    class_counts: Mapping[str, int] = field(default_factory=dict)
    classes: list[ClassReport] = field(default_factory=list)
    numbers: list[NumberReport] = field(default_factory=list)
    mistakes: Sequence[Mistake] = ()
    tokens: TokenReport | None = None
    samples: Sequence[Sample] = ()
    is_generator: bool = False
    with_rows: bool = True
    notices: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
