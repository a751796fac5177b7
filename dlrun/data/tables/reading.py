"""A table's files as columns and rows, from the cache if reading them takes long; no constants and identifiers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.files.cache import Prepared, cached
from dlrun.data.files.optional import import_optional
from dlrun.data.tables.columns import Column, kind_of, present_counts
from dlrun.data.tables.features import check_target, feature_columns, target_column
from dlrun.data.tables.image_files import NO_IMAGES, ImageFiles
from dlrun.data.tables.judging import read_judged, read_table
from dlrun.data.tables.row_columns import RowColumns, as_last, row_columns, taken_out
from dlrun.data.tables.rows import RowProblem, TableRows
from dlrun.data.tables.set_aside import set_aside
from dlrun.data.tables.settings import TableSettings
from dlrun.errors import DataError
from dlrun.wording import plural, printable


@dataclass(frozen=True)
class TrainTable:
    """The training file.

    columns: those that become features, and last the target. rows: their raw numbers. ignored: why each of the other
    columns becomes no feature. judged: what the first 10,000 rows would not have said, as JSON values. more_targets:
    those besides the last of `columns`, whose values are in `rows.beside`.
    """

    columns: Sequence[Column]
    rows: TableRows
    ignored: Mapping[str, str]
    judged: Mapping[str, Any]
    more_targets: Sequence[Column] = ()


def read_train(file: ArrowTable, settings: TableSettings, images: ImageFiles = NO_IMAGES) -> TrainTable:
    """Read the training file and judge its columns.

    Raises DataError naming file, line and column, and ConfigError for settings that do not fit the columns.
    """
    beside = row_columns(file, settings)
    features, ignored = feature_columns(file, beside.ignored_in(settings))
    *more, target = [target_column(file, one) for one in [*_each(settings)[1:], settings]]
    taken = [*more, *beside.of_split("train")]
    guesses = [*taken, *features, target]
    columns, rows = _cached(
        file, guesses, settings, images, lambda: read_judged(file, guesses, settings, images.refused)
    )
    more_targets = columns[: len(more)]
    columns, rows = taken_out(columns, rows, taken)
    _check_not_empty(file, rows, settings)
    check_target(file, target, columns, rows)
    for guess, column in zip(more, more_targets, strict=True):
        check_target(file, guess, [column], as_last(rows, column.name))
    aside = set_aside(file, columns, rows, settings)
    aside_or_ignored = {**ignored, **aside, **beside.why}
    ignored = {name: aside_or_ignored[name] for name in file.names if name in aside_or_ignored}
    kept = [column for column in columns if column.name not in aside]
    if len(kept) == 1:
        reasons = "; ".join(f"{printable(name)}: {why}" for name, why in list(ignored.items())[:5])
        shown = f" ({reasons})" if reasons else ""
        raise DataError(
            f"{file.shown}: no column is left for features{shown}; set the kinds of columns: dataset.columns."
        )
    if aside:
        places = np.repeat([column.name not in aside for column in columns], [column.width for column in columns])
        rows = dataclasses.replace(rows, raw=rows.raw[:, places])
    return TrainTable(kept, rows, ignored, _news(file, kept, settings), more_targets)


def _each(settings: TableSettings) -> list[TableSettings]:
    """The settings with each target as the only one."""
    return [dataclasses.replace(settings, target=name, more_targets=()) for name in settings.targets]


def read_other(
    file: ArrowTable,
    columns: Sequence[Column],
    settings: TableSettings,
    images: ImageFiles = NO_IMAGES,
    *,
    more_targets: Sequence[Column] = (),
) -> TableRows:
    """Read the same columns of another file, and its weights.

    Raises DataError naming file, line and column.
    """
    beside = [*more_targets, *RowColumns(weight=settings.weight).of_split("other")]
    wanted = [*beside, *columns]
    file.check_columns([column.name for column in wanted], file.names)
    _, rows = _cached(
        file, wanted, settings, images, lambda: (wanted, read_table(file, wanted, settings, images.refused))
    )
    _check_not_empty(file, rows, settings)
    return taken_out(wanted, rows, beside)[1]


def _check_not_empty(file: ArrowTable, rows: TableRows, settings: TableSettings) -> None:
    if len(rows.raw):
        return
    if not (rows.num_skipped or rows.num_dropped):
        if settings.more_targets:
            raise DataError(f"{file.shown}: no row has a value of each target.")
        raise DataError(f'{file.shown}: the target "{printable(settings.target)}" has no value in any row.')
    count = rows.num_skipped + rows.num_dropped + rows.num_left_out
    raise DataError(f"{file.shown}: no row is left ({plural(count, 'row')} skipped, dropped or left out).")


def _news(file: ArrowTable, kept: Sequence[Column], settings: TableSettings) -> dict[str, Any]:
    """What all rows say and the first alone would not: in the fingerprint, where that of older runs has nothing."""
    if settings.only is not None:
        return {}
    kinds = {column.name: column.kind for column in kept[:-1]}
    numbers = {column.name for column in kept[:-1] if column.kind == "number" and not column.lenient}
    other = {}
    for name, values in file.sample().items():
        if name in settings.columns or name in settings.targets:
            continue
        if name in numbers and any(value is not None for value in values):
            continue  # the first rows said so too
        first = kind_of(present_counts(values), max_categories=settings.max_categories)
        first = "category" if first == "missing" else first
        if kinds.get(name, "text") != first:
            other[name] = kinds.get(name)
    lenient = [column.name for column in kept if column.lenient]
    return {key: value for key, value in (("kinds", other), ("lenient", lenient)) if value}


def _cached(
    file: ArrowTable,
    columns: Sequence[Column],
    settings: TableSettings,
    images: ImageFiles,
    read: Callable[[], tuple[list[Column], TableRows]],
) -> tuple[list[Column], TableRows]:
    decisive = {
        **settings.decisive(),
        "missing_target": settings.missing_target,
        "kinds": [list(dataclasses.astuple(column)) for column in columns],
        "reader": import_optional("pyarrow", extra="table", needed_by=file.shown).__version__,
        **({"refused": images.refused} if images.refused else {}),
    }
    made = cached(settings.name, {"rows": file.digest}, decisive, lambda: _as_prepared(*read()))
    values = dict(made.values)
    listed = [RowProblem(*problem) for problem in values.pop("skipped")]
    found = [Column(*fields) for fields in values.pop("columns")]
    values["words"] = images.located(values["words"])
    return found, TableRows(made.tensors["raw"].numpy(), skipped=listed, **values)


def _as_prepared(columns: Sequence[Column], rows: TableRows) -> Prepared:
    values = {
        field.name: getattr(rows, field.name)
        for field in dataclasses.fields(rows)
        if field.name not in ("raw", "beside")
    }
    values["skipped"] = [list(dataclasses.astuple(problem)) for problem in rows.skipped]
    values["columns"] = [list(dataclasses.astuple(column)) for column in columns]
    return Prepared({"raw": torch.from_numpy(rows.raw)}, values)
