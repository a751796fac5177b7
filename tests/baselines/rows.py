"""Small prepared datasets, and a check that never stops: what the tests of baselines share."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.goals import Goal
from dlrun.data.prepare import DataBundle, prepare
from dlrun.data.source import Rows, Source
from dlrun.data.spec import Kind


def nothing() -> None:
    """A check that never stops."""


def prepared(
    kind: Kind, goal: Goal, inputs: Tensor, targets: Tensor, *, val: int = 0, test: int = 0, **settings: Any
) -> DataBundle:
    """Return rows as a dataset: the last `test` rows are the test split, the `val` rows before them validation."""
    ends = (len(inputs) - val - test, len(inputs) - test, len(inputs))
    train, validation, tested = (
        Rows(inputs[first:end], targets[first:end]) for first, end in zip((0, *ends[:2]), ends, strict=True)
    )
    source = Source(kind, goal, train, validation if val else None, tested if test else None)
    return prepare("made", source, DatasetSettings(**{"val_fraction": 0.0, "test_fraction": 0.0, **settings}))
