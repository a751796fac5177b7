"""The column to predict: numbers, or the classes that its values are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlrun.data.files.table_file import TableFile
from dlrun.data.goals import Goal, goal_of_classes
from dlrun.data.tables.columns import NONE, Column
from dlrun.data.tables.judging import MOST_CLASSES
from dlrun.data.tables.rows import TableRows
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.wording import plural, printable

_MOST_CODES = 10  # distinct whole numbers up to which they may be classes
_LEAST_SHARE = 0.03  # of the rows that have the largest code; counts and amounts thin out, classes do not
_FEW = 20  # distinct whole numbers up to which a regression is told
_SHOWN = 10  # classes named in a notice
_RARE = 0.05  # a class with a smaller share is reported as rare
_ALONE = 2  # rows of a class up to which they are never held out, as in data.holdout


@dataclass(frozen=True)
class Target:
    """The targets of every split.

    values: by split, (N,) float32 numbers or int64 classes. judged: what older versions would have found otherwise, as
    JSON values.
    """

    goal: Goal
    class_names: Sequence[str]
    values: Mapping[str, NDArray[Any]]
    notices: Sequence[str]
    judged: Mapping[str, Any]


def target_of(files: Mapping[str, TableFile], rows: Mapping[str, TableRows], column: Column, *, task: str) -> Target:
    """Return the target of every split; it is the last raw column.

    Raises DataError for a target that a model cannot learn, naming the line if there is one.
    """
    file, raw = files["train"], rows["train"].raw[:, -1]
    judged: dict[str, Any] = {}
    if column.kind == "category":
        codes, found = np.unique(raw, return_counts=True)
        names = [rows["train"].words[column.name][int(code)] for code in codes]
    else:
        numbers, found = np.unique(raw, return_counts=True)
        if len(numbers) == 1:
            raise DataError(_same(file, column.name, f"{numbers[0]:g}"))
        are_whole = bool((numbers == np.round(numbers)).all())
        is_regression = task == "regression" or (task == "auto" and not are_codes(numbers, found))
        if task == "auto" and is_regression == (are_whole and len(numbers) <= _MOST_CODES):
            judged = {"target": "regression" if is_regression else "classes"}
        if is_regression:
            values = {split: part.raw[:, -1].copy() for split, part in rows.items()}
            is_told = task == "auto" and are_whole and len(numbers) <= _FEW
            return Target("regression", (), values, [_amounts(column, numbers)] if is_told else [], judged)
        names = [f"{value:g}" for value in numbers]
    class_names = _in_order(names)
    _check_classes(file, column.name, class_names, task)
    classes = {
        split: _codes(files[split], part, column, class_names) for split, part in rows.items()
    }  # each (N,) int64
    counts = np.bincount(classes["train"], minlength=len(class_names))
    notices = [_balance(column, class_names, counts, was_number=column.kind == "number")]
    if counts.min() <= _ALONE and not {"val", "test"} <= set(rows):
        notices.append(_never_held_out(column, class_names, counts))
    if NONE in class_names:
        judged = {**judged, "none": True}
    if counts.min() == 1 and "test" not in rows:
        judged = {**judged, "alone": True}
    goal: Goal = "multiclass" if task == "multiclass" else goal_of_classes(len(class_names))
    return Target(goal, class_names, classes, notices, judged)


def are_codes(numbers: NDArray[Any], counts: NDArray[np.int64]) -> bool:
    """Whether the numbers of a target are classes rather than amounts.

    Two distinct numbers are. Three to ten are if they are whole, without a gap from -1, 0 or 1 on, there are two rows
    or more for each, and the largest has 3 % of the rows or more.
    numbers: the distinct ones, ascending. counts: the rows of each.
    """
    if len(numbers) <= 2:
        return True
    has_no_gap = bool((np.diff(numbers) == 1).all()) and numbers[0] in (-1, 0, 1)
    is_even = counts[-1] >= _LEAST_SHARE * counts.sum() and 2 * len(numbers) <= counts.sum()
    return len(numbers) <= _MOST_CODES and has_no_gap and bool(is_even)


def _amounts(column: Column, numbers: NDArray[Any]) -> str:
    text = f"{len(numbers)} different whole numbers from {numbers[0]:g} to {numbers[-1]:g} are predicted as numbers"
    return f"target: {printable(column.name)}: {text}; to predict them as classes: dataset.task=multiclass"


def _same(file: TableFile, name: str, value: str) -> str:
    return (
        f'{file.shown}: the target "{printable(name)}" is {printable(value)} in every row; there is nothing to learn.'
    )


def _in_order(names: Sequence[str]) -> list[str]:
    """Sort by value if all are numbers, else by name."""
    try:
        return sorted(names, key=float)
    except ValueError:
        return sorted(names)


def _check_classes(file: TableFile, name: str, class_names: Sequence[str], task: str) -> None:
    if len(class_names) < 2:
        raise DataError(_same(file, name, class_names[0] if class_names else "missing"))
    if len(class_names) > MOST_CLASSES:
        what = f"has {len(class_names):,} distinct values; expected numbers or at most {MOST_CLASSES:,} classes."
        raise DataError(f'{file.shown}: the target "{printable(name)}" {what}')
    if task == "binary" and len(class_names) != 2:
        what = f'The target "{printable(name)}" has {len(class_names)} classes; use dataset.task=multiclass.'
        raise ConfigError(Problem("dataset.task=binary", what, id="contradiction", fix="dataset.task=multiclass"))


def _codes(file: TableFile, rows: TableRows, column: Column, class_names: Sequence[str]) -> NDArray[np.int64]:
    """The class of each row, (N,) int64."""
    numbers = {name: number for number, name in enumerate(class_names)}
    raw = rows.raw[:, -1]
    if column.kind == "category":
        words = rows.words[column.name]
        table = np.array([numbers.get(word, -1) for word in words], dtype=np.int64)
        codes = table[raw.astype(np.int64)]
    else:
        known = np.array([float(name) for name in class_names], dtype=np.float32)
        codes = np.searchsorted(known, raw).clip(0, len(known) - 1)
        codes[known[codes] != raw] = -1
    if (codes < 0).any():
        row = int(np.flatnonzero(codes < 0)[0])
        value = rows.words[column.name][int(raw[row])] if column.kind == "category" else f"{raw[row]:g}"
        is_exact = not (rows.num_skipped or rows.num_dropped or rows.num_left_out)
        line = f"line {file.lines_of([row])[0]}: " if is_exact else ""
        raise DataError(
            f'{file.shown}: {line}no training row has the class "{printable(value)}" of "{printable(column.name)}".'
        )
    return codes


def _never_held_out(column: Column, class_names: Sequence[str], counts: NDArray[np.int64]) -> str:
    alone = [
        f"{printable(class_names[int(i)])} ({plural(int(counts[i]), 'row')})" for i in np.flatnonzero(counts <= _ALONE)
    ]
    listed = ", ".join(alone[:_SHOWN]) + (", ..." if len(alone) > _SHOWN else "")
    return f"target: {printable(column.name)}: too few rows to hold any out, all are trained on: {listed}"


def _balance(column: Column, class_names: Sequence[str], counts: NDArray[np.int64], *, was_number: bool) -> str:
    shares = counts / counts.sum()
    shown = [f"{printable(name)} {share:.1%}" for name, share in zip(class_names, shares, strict=True)]
    text = f"target: {printable(column.name)}: {', '.join(shown[:_SHOWN])}" + (", ..." if len(shown) > _SHOWN else "")
    if was_number:
        text += "; these numbers are predicted as classes; to predict them as numbers: dataset.task=regression"
    if shares.min() < _RARE:
        rarest = printable(class_names[int(shares.argmin())])
        loss = "binary_cross_entropy" if len(class_names) == 2 else "cross_entropy"
        text += f"; {rarest} is rare: compare macro_f1, and try loss={loss} loss.class_weights=balanced"
    return text
