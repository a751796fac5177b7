"""The targets of a table: one, or several of the same or different kinds as the columns of one matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from dlrun.data.files.table_file import TableFile
from dlrun.data.goals import Part, has_classes
from dlrun.data.tables.reading import TrainTable
from dlrun.data.tables.row_columns import as_last
from dlrun.data.tables.rows import TableRows
from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.target import Target, target_of
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable


def check_targets(target: str | Sequence[str]) -> list[str]:
    """Return the names of the targets.

    Raises ConfigError if there is none, or one of them twice.
    """
    names = [target] if isinstance(target, str) else list(target)
    if not names:
        raise ConfigError(Problem("dataset.target=[]", "Expected the name of at least one column.", id="required"))
    twice = [name for number, name in enumerate(names) if name in names[:number]]
    if twice:
        raise ConfigError(
            Problem("dataset.target", f'The target "{printable(twice[0])}" is there twice.', id="wrong-value")
        )
    return names


def targets_of(
    files: Mapping[str, TableFile], rows: Mapping[str, TableRows], table: TrainTable, settings: TableSettings
) -> tuple[Target, tuple[Part, ...]]:
    """Return the target of every split, and for several targets what each of them is.

    Numbers alone are a regression with a column for each; together with classes they are (N, K) float32, a class as
    its code.
    Raises DataError for a target that a model cannot learn, naming the line if there is one.
    """
    if not settings.more_targets:
        return target_of(files, rows, table.columns[-1], task=settings.task), ()
    found = [target_of(files, rows, table.columns[-1], task=_task(settings, settings.target))]
    for column in table.more_targets:
        alone = {split: as_last(part, column.name) for split, part in rows.items()}
        found.append(target_of(files, alone, column, task=_task(settings, column.name)))
    parts = tuple(
        Part(name, target.goal, tuple(target.class_names)) for name, target in zip(settings.targets, found, strict=True)
    )
    are_numbers = not any(has_classes(part.goal) for part in parts)
    joined = Target(
        "regression" if are_numbers else "several",
        settings.targets if are_numbers else (),
        {split: np.stack([target.values[split].astype(np.float32) for target in found], axis=1) for split in rows},
        [notice for target in found for notice in target.notices],
        {part.name: target.judged for part, target in zip(parts, found, strict=True) if target.judged},
    )
    return joined, parts


def _task(settings: TableSettings, name: str) -> str:
    """dataset.task, or for one of several targets what its kind in dataset.columns says."""
    return "regression" if settings.task == "auto" and settings.columns.get(name) == "number" else settings.task
