"""Columns of a table that say something about its rows, their group or weight: read beside the features."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables.columns import Column, starts_of
from dlrun.data.tables.rows import TableRows
from dlrun.data.tables.set_aside import GROUP, WEIGHT
from dlrun.data.tables.settings import TableSettings
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.wording import plural, printable

_NO_FEATURES = ("ignore", "text")  # kinds of columns that are no features


@dataclass(frozen=True)
class RowColumns:
    """The columns `dataset.group`, if it is no feature as well, and `dataset.weight`."""

    group: str | None = None
    weight: str | None = None

    @property
    def why(self) -> dict[str, str]:
        """By name, why these columns are no features."""
        return {name: why for name, why in ((self.group, GROUP), (self.weight, WEIGHT)) if name is not None}

    def ignored_in(self, settings: TableSettings) -> TableSettings:
        """Return the settings with these columns ignored as features."""
        return dataclasses.replace(settings, columns={**settings.columns, **dict.fromkeys(self.why, "ignore")})

    def of_split(self, split: str) -> list[Column]:
        """Return the columns to read of a split's file: groups only where rows are held out, in the training file."""
        weight = [] if self.weight is None else [Column(self.weight, "number", is_weight=True)]
        group = [] if self.group is None or split != "train" else [Column(self.group, "category")]
        return [*weight, *group]


def row_columns(file: ArrowTable, settings: TableSettings) -> RowColumns:
    """Return the columns that settings name for rows.

    Raises DataError for one that the file does not have, and ConfigError for one that cannot be what it is named for.
    """
    problems = []
    for key, name in (("group", settings.group), ("weight", settings.weight)):
        if name is None:
            continue
        if name not in file.names:
            raise file.missing_column(name, file.names, f"for dataset.{key}")
        where = f"dataset.{key}={printable(name)}"
        if name in settings.targets:
            problems.append(Problem(where, "This column is a target; name another one.", id="contradiction"))
        elif key == "weight" and name == settings.group:
            problems.append(
                Problem(where, "This column has the groups (dataset.group); name another one.", id="contradiction")
            )
        elif key == "weight" and settings.columns.get(name, "ignore") not in _NO_FEATURES:
            what = f"A weight is no feature; leave it out of dataset.columns, or copy the column {printable(name)}."
            problems.append(Problem(where, what, id="contradiction"))
    if problems:
        raise ConfigError(problems)
    return RowColumns(None if _is_feature(settings) else settings.group, settings.weight)


def _is_feature(settings: TableSettings) -> bool:
    """Whether the column of the groups is a feature as well."""
    return settings.group is not None and settings.columns.get(settings.group, "ignore") not in _NO_FEATURES


def taken_out(columns: Sequence[Column], rows: TableRows, beside: Sequence[Column]) -> tuple[list[Column], TableRows]:
    """Return columns and rows without the first ones, `beside`, whose values go to `rows.beside`."""
    values = {column.name: rows.raw[:, place] for place, column in enumerate(beside)}
    return list(columns[len(beside) :]), dataclasses.replace(rows, raw=rows.raw[:, len(beside) :], beside=values)


def as_last(rows: TableRows, name: str) -> TableRows:
    """Return the rows with a column that was taken out as their only, and so last, one."""
    return dataclasses.replace(rows, raw=rows.beside[name][:, None])  # (N,) -> (N, 1)


def weights_of(rows: Mapping[str, TableRows], settings: TableSettings) -> dict[str, Tensor]:
    """Return by split the weight of each row, (N,) float32, with the mean 1 in the training file; or nothing.

    Raises DataError if all training rows have the weight 0.
    """
    name = settings.weight
    if name is None:
        return {}
    mean = rows["train"].beside[name].mean(dtype=np.float64)
    if mean == 0:
        raise DataError(f'The weight "{printable(name)}" is 0 in every row; there is nothing to learn.')
    return {split: torch.from_numpy((part.beside[name] / mean).astype(np.float32)) for split, part in rows.items()}


def groups_of(rows: TableRows, features: Sequence[Column], settings: TableSettings) -> Tensor | None:
    """Return the group of each training row, (N,) int64, or None."""
    if settings.group is None:
        return None
    if not _is_feature(settings):
        return torch.from_numpy(rows.beside[settings.group].astype(np.int64))
    (column,) = [column for column in features if column.name == settings.group]
    start = starts_of(features)[column.name]
    values = rows.raw[:, start : start + column.width]
    _, numbers = np.unique(values, axis=0, return_inverse=True)
    return torch.from_numpy(numbers.reshape(-1).astype(np.int64))


def group_notices(groups: Tensor | None, settings: TableSettings) -> list[str]:
    """Return what the user should know of the groups of the training rows."""
    if groups is None or settings.group is None:
        return []
    name, count = printable(settings.group), len(torch.unique(groups))
    if count == len(groups):
        return [f"groups: {name} is different in every row, so that dataset.group has no effect"]
    what = "rows of one group are never in two splits"
    return [f"groups: {name} has {plural(count, 'value')} in {plural(len(groups), 'row')}; {what}"]
