"""Columns of a table that say which rows belong together: read beside the features, and set aside from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables.columns import Column
from dlrun.data.tables.settings import TableSettings
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable

_NO_FEATURES = ("ignore", "text")  # kinds of columns that are no features


@dataclass(frozen=True)
class RowColumns:
    """The column `dataset.group`, if any.

    why: by name, why columns are no features. group_feature: the column of the groups if it is a feature as well.
    """

    group: Column | None = None
    group_feature: str | None = None
    why: dict[str, str] = field(default_factory=dict)

    def ignored_in(self, settings: TableSettings) -> TableSettings:
        """Return the settings with these columns ignored as features."""
        return dataclasses.replace(settings, columns={**settings.columns, **dict.fromkeys(self.why, "ignore")})

    def of_split(self, split: str) -> list[Column]:
        """Return the columns to read of a split's file after its features: groups only where rows are held out."""
        return [self.group] if self.group is not None and split == "train" else []

    def notices(self, groups: Tensor | None) -> list[str]:
        """Return what the user should know of the groups of the training rows."""
        if groups is None:
            return []
        name, count = self.group_feature or (self.group.name if self.group else ""), len(torch.unique(groups))
        if count == len(groups):
            return [f"groups: {printable(name)} is different in every row, so that dataset.group has no effect"]
        what = "rows of one group are never in two splits"
        return [f"groups: {printable(name)} has {count:,} values in {len(groups):,} rows; {what}"]

    def groups(self, features: Sequence[Column], raw: NDArray[np.float32]) -> Tensor | None:
        """Return the group of each training row, (N,) int64, or None. raw: (N, R), as the file was read."""
        start = 0
        for column in features:
            if column.name == self.group_feature:
                values = raw[:, start : start + column.width]
                _, numbers = np.unique(values, axis=0, return_inverse=True)
                return torch.from_numpy(numbers.reshape(-1).astype(np.int64))
            start += column.width
        return None if self.group is None else torch.from_numpy(raw[:, start].astype(np.int64))


def row_columns(file: ArrowTable, settings: TableSettings) -> RowColumns:
    """Return the columns that settings name for rows.

    Raises DataError for one that the file does not have, and ConfigError for one that is the target.
    """
    name = settings.group
    if name is None:
        return RowColumns()
    if name not in file.names:
        raise file.missing_column(name, file.names, "for dataset.group")
    if name == settings.target:
        what = f'The column "{printable(name)}" is the target, and rows are grouped by another one.'
        raise ConfigError(Problem(f"dataset.group={printable(name)}", what))
    if settings.columns.get(name, "ignore") not in _NO_FEATURES:
        return RowColumns(group_feature=name)
    hint = f"dataset.group; to use it as a feature too: dataset.columns={{{printable(name)}: category}}"
    return RowColumns(group=Column(name, "category"), why={name: hint})
