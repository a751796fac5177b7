"""Columns of a table that say something about its rows, their group or weight: set aside from the features."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables.columns import Column
from dlrun.data.tables.settings import TableSettings
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.wording import printable

_NO_FEATURES = ("ignore", "text")  # kinds of columns that are no features
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class RowColumns:
    """The columns `dataset.group` and `dataset.weight`, if any.

    grouped_by_feature: whether the column of the groups is one of the features as well.
    """

    group: str | None = None
    weight: str | None = None
    grouped_by_feature: bool = False

    @property
    def why(self) -> dict[str, str]:
        """By name, why these columns are no features."""
        why = {}
        if self.group is not None and not self.grouped_by_feature:
            hint = f"dataset.columns={{{printable(self.group)}: category}}"
            why[self.group] = f"dataset.group; to use it as a feature too: {hint}"
        if self.weight is not None:
            why[self.weight] = "dataset.weight"
        return why

    def ignored_in(self, settings: TableSettings) -> TableSettings:
        """Return the settings with these columns ignored as features."""
        return dataclasses.replace(settings, columns={**settings.columns, **dict.fromkeys(self.why, "ignore")})

    def of_split(self, split: str) -> list[Column]:
        """Return the columns to read of a split's file after its features: groups only where rows are held out."""
        weight = [] if self.weight is None else [Column(self.weight, "number", is_weight=True)]
        if split != "train" or self.group is None or self.grouped_by_feature:
            return weight
        return [*weight, Column(self.group, "category")]

    def weights(self, features: Sequence[Column], raw: Mapping[str, Floats]) -> dict[str, Tensor]:
        """Return by split the weight of each row, (N,) float32, with the mean 1 in training rows; or nothing.

        raw: by split, (N, R), features and then what `of_split` reads.
        Raises DataError if all training rows have the weight 0.
        """
        if self.weight is None:
            return {}
        place = sum(column.width for column in features)
        mean = raw["train"][:, place].mean(dtype=np.float64)
        if mean == 0:
            raise DataError(f'The weight "{printable(self.weight)}" is 0 in every row; there is nothing to learn.')
        scaled = {split: (values[:, place] / mean).astype(np.float32) for split, values in raw.items()}
        return {split: torch.from_numpy(values) for split, values in scaled.items()}

    def groups(self, features: Sequence[Column], raw: Floats) -> Tensor | None:
        """Return the group of each training row, (N,) int64, or None. raw: (N, R), as in `weights`."""
        if self.group is None:
            return None
        if not self.grouped_by_feature:
            place = sum(column.width for column in (*features, *self.of_split("train"))) - 1
            return torch.from_numpy(raw[:, place].astype(np.int64))
        names = [column.name for column in features]
        first = sum(column.width for column in features[: names.index(self.group)])
        values = raw[:, first : first + features[names.index(self.group)].width]
        _, numbers = np.unique(values, axis=0, return_inverse=True)
        return torch.from_numpy(numbers.reshape(-1).astype(np.int64))

    def notices(self, groups: Tensor | None) -> list[str]:
        """Return what the user should know of the groups of the training rows."""
        if self.group is None or groups is None:
            return []
        name, count = printable(self.group), len(torch.unique(groups))
        if count == len(groups):
            return [f"groups: {name} is different in every row, so that dataset.group has no effect"]
        what = "rows of one group are never in two splits"
        return [f"groups: {name} has {count:,} values in {len(groups):,} rows; {what}"]


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
        if name == settings.target:
            problems.append(Problem(where, "This column is the target; name another one."))
        elif key == "weight" and name == settings.group:
            problems.append(Problem(where, "This column has the groups (dataset.group); name another one."))
        elif key == "weight" and settings.columns.get(name, "ignore") not in _NO_FEATURES:
            what = f"A weight is no feature; leave it out of dataset.columns, or copy the column {printable(name)}."
            problems.append(Problem(where, what))
    if problems:
        raise ConfigError(problems)
    by_feature = settings.group is not None and settings.columns.get(settings.group, "ignore") not in _NO_FEATURES
    return RowColumns(settings.group, settings.weight, grouped_by_feature=by_feature)
