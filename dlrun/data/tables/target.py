"""The column to predict: numbers, or the classes that its values are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlrun.data.files.bad_rows import HOW_TO_SKIP
from dlrun.data.files.table_file import TableFile
from dlrun.data.goals import Goal, goal_of_classes
from dlrun.data.tables.columns import Column
from dlrun.data.tables.rows import RowProblem, TableRows
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.wording import printable

_FEW = 10  # distinct integers up to which they are classes
_MOST_CLASSES = 1000
_RARE = 0.05  # a class with a smaller share is reported as rare


@dataclass(frozen=True)
class Target:
    """The targets of every split.

    values: by split, (N,) float32 numbers or int64 classes. kept: by split, the rows that they are of.
    """

    goal: Goal
    class_names: Sequence[str]
    values: Mapping[str, NDArray[Any]]
    kept: Mapping[str, NDArray[np.bool_] | slice]
    notices: Sequence[str]


def target_of(
    files: Mapping[str, TableFile], rows: Mapping[str, TableRows], column: Column, *, task: str, skip_bad_rows: bool
) -> Target:
    """Return the target of every split; it is the last raw column.

    Raises DataError for a target that a model cannot learn, naming the line if there is one.
    """
    file, raw = files["train"], rows["train"].raw[:, -1]
    values: NDArray[Any]
    if column.kind == "category":
        names = rows["train"].words[column.name]
    else:
        values = np.unique(raw)
        if len(values) == 1:
            raise DataError(_same(file, column.name, f"{values[0]:g}"))
        are_classes = task == "auto" and len(values) <= _FEW and bool((values == np.round(values)).all())
        if not are_classes:
            numbers = {split: part.raw[:, -1].copy() for split, part in rows.items()}
            return Target("regression", (), numbers, {split: slice(None) for split in rows}, ())
        names = [f"{value:g}" for value in values]
    class_names = _in_order(names)
    _check_classes(file, column.name, class_names, task)
    codes = {split: _codes(files[split], part, column, class_names) for split, part in rows.items()}  # each (N,) int64
    counts = np.bincount(codes["train"], minlength=len(class_names))
    kept: dict[str, Any] = {split: slice(None) for split in rows}
    single = np.flatnonzero(counts == 1)
    if len(single) and "test" not in rows:
        alone = np.isin(codes["train"], single)
        _skip_single(file, rows["train"], column.name, class_names, codes["train"], alone, skip_bad_rows=skip_bad_rows)
        kept["train"] = ~alone
        fewer = [name for number, name in enumerate(class_names) if number not in single]
        _check_classes(file, column.name, fewer, task)
        renumber = np.cumsum(~np.isin(np.arange(len(class_names)), single)) - 1
        codes = {split: renumber[part[kept[split]]] for split, part in codes.items()}
        class_names, counts = fewer, np.delete(counts, single)
    notice = _balance(column, class_names, counts, was_number=column.kind == "number")
    goal: Goal = "multiclass" if task == "multiclass" else goal_of_classes(len(class_names))
    return Target(goal, class_names, codes, kept, [notice])


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
    if len(class_names) > _MOST_CLASSES:
        what = f"has {len(class_names):,} distinct values; expected numbers or at most {_MOST_CLASSES:,} classes."
        raise DataError(f'{file.shown}: the target "{printable(name)}" {what}')
    if task == "binary" and len(class_names) != 2:
        what = f'The target "{printable(name)}" has {len(class_names)} classes; use dataset.task=multiclass.'
        raise ConfigError(Problem("dataset.task=binary", what))


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
        line = f"line {file.lines_of([row])[0]}: " if not (rows.num_skipped or rows.num_dropped) else ""
        raise DataError(
            f'{file.shown}: {line}no training row has the class "{printable(value)}" of "{printable(column.name)}".'
        )
    return codes


def _skip_single(
    file: TableFile,
    rows: TableRows,
    name: str,
    class_names: Sequence[str],
    codes: NDArray[np.int64],
    alone: NDArray[np.bool_],
    *,
    skip_bad_rows: bool,
) -> None:
    """Skip the rows of classes that have no other row, or raise DataError for the first."""
    records = [int(row) for row in np.flatnonzero(alone)]
    exact = not (rows.num_skipped or rows.num_dropped)
    lines = file.lines_of(records) if exact else [record + 1 for record in records]
    found = [
        RowProblem(line, name, f'the class "{printable(class_names[codes[record]])}" has no other row')
        for line, record in zip(lines, records, strict=True)
    ]
    if not skip_bad_rows:
        raise DataError(f"{file.shown}: {found[0]}; a class needs rows to train on and rows to test on. {HOW_TO_SKIP}")
    rows.num_skipped += len(found)
    rows.skipped.extend(found[:20])


def _balance(column: Column, class_names: Sequence[str], counts: NDArray[np.int64], *, was_number: bool) -> str:
    shares = counts / counts.sum()
    shown = [f"{printable(name)} {share:.1%}" for name, share in zip(class_names, shares, strict=True)]
    text = f"target: {printable(column.name)}: {', '.join(shown[:10])}" + (", ..." if len(shown) > 10 else "")
    if was_number:
        text += "; these few integers are classes; to predict them as numbers: dataset.task=regression"
    if shares.min() < _RARE:
        rarest = printable(class_names[int(shares.argmin())])
        loss = "binary_cross_entropy" if len(class_names) == 2 else "cross_entropy"
        text += f"; {rarest} is rare: compare macro_f1, and try loss={loss} loss.class_weights=balanced"
    return text
