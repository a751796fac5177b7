"""Checks of raw rows before they are split: both inputs and targets, finite numbers, classes in range."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from dlrun.data.files.status_line import long_work
from dlrun.data.goals import has_numbers, mixes_kinds
from dlrun.data.loading.reader import Reader, blocks_of
from dlrun.data.source import Rows, Source
from dlrun.errors import DataError
from dlrun.wording import plural, printable

_SHOWN = {"train": "", "val": ", validation set", "test": ", test set"}


def check_rows(name: str, source: Source) -> None:
    """Raise DataError for rows that a model cannot be trained on, naming the dataset and the row."""
    if not len(source.train):
        raise DataError(f"{name}: there is no row.")
    num_classes = None if has_numbers(source.goal) else source.num_outputs
    is_raw = source.fit is not None or (isinstance(source.train.inputs, Reader) and bool(source.fingerprint))
    for split, rows in source.splits.items():
        shown = name + _SHOWN[split]
        if len(rows.inputs) != len(rows.targets):
            counts = f"{plural(len(rows.inputs), 'input')} and {plural(len(rows.targets), 'target')}"
            raise DataError(f"{shown}: {counts}; each row needs both.")
        if not is_raw:  # raw rows may lack values, and files are read when needed
            _check_finite(shown, "an input", rows.inputs)
        _check_finite(shown, "a target", rows.targets)
        if num_classes is not None:
            _check_classes(shown, rows, num_classes)
        for column, part in enumerate(source.parts if mixes_kinds(source.goal) else ()):
            if part.class_names:
                codes = rows.targets[:, column].to(torch.int64)
                _check_classes(f"{shown}, {printable(part.name)}", Rows(rows.inputs, codes), len(part.class_names))
        if rows.weights is not None:
            _check_each_weight(shown, rows, rows.weights)


def check_weights(name: str, splits: Mapping[str, Rows]) -> None:
    """Raise DataError for a split whose rows all have the weight 0: it has no mean."""
    for split, rows in splits.items():
        if rows.weights is not None and len(rows) and not rows.weights.any():
            raise DataError(f"{name}: all {len(rows)} rows of the {split} split have the weight 0.")


def _check_finite(name: str, what: str, values: Tensor | Reader) -> None:
    if not values.dtype.is_floating_point:
        return
    first = 0
    with long_work("Checking", len(values), unit="rows") as done:
        for block in blocks_of(values):
            bad = ~torch.isfinite(block.reshape(len(block), -1)).all(dim=1)  # (B, ...) -> (B,)
            if bad.any():
                raise DataError(f"{name}: row {first + int(bad.nonzero()[0])} has {what} that is not a finite number.")
            first += len(block)
            done(len(block))


def _check_each_weight(name: str, rows: Rows, weights: Tensor) -> None:
    if len(weights) != len(rows):
        raise DataError(
            f"{name}: {plural(len(weights), 'weight')} and {plural(len(rows), 'target')}; each row needs both."
        )
    bad = ~(torch.isfinite(weights) & (weights >= 0))
    if bad.any():
        row = int(bad.nonzero()[0])
        raise DataError(f"{name}: row {row} has the weight {weights[row]:g}; expected a number from 0 up.")


def _check_classes(name: str, rows: Rows, num_classes: int) -> None:
    bad = (rows.targets < 0) | (rows.targets >= num_classes)
    if bad.any():
        row, wrong = int(bad.nonzero()[0, 0]), int(rows.targets[bad][0])
        raise DataError(f"{name}: row {row} has the class {wrong}; expected 0 to {num_classes - 1}.")
