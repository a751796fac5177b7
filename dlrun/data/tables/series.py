"""Numbers over time: how a file is read, its rows in the order of time, and the encoder of new files."""

from __future__ import annotations

import dataclasses
import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlrun.data.files.bad_rows import BadRows
from dlrun.data.files.cache import Prepared, cached
from dlrun.data.files.paths import digest_of, unchanged
from dlrun.data.files.records import Record, open_records, read_records
from dlrun.data.source import Encoded, Encoder
from dlrun.errors import ConfigError, DataError, Problem, did_you_mean


@dataclass(frozen=True)
class SeriesFormat:
    """How a file of numbers over time is read."""

    columns: list[str]  # inputs
    target: list[str]  # columns to forecast
    time: str | None
    window: int  # rows of an input
    delimiter: str | None
    encoding: str


@dataclass(frozen=True)
class Series:
    """Rows in the order of time; a skipped row is all NaN."""

    inputs: Tensor  # (R, F) float64
    targets: Tensor  # (R, K) float64
    last_time: str  # of the whole file
    notices: tuple[str, ...] = ()

    @property
    def num_rows(self) -> int:
        """How many points in time there are."""
        return len(self.inputs)

    def part(self, rows: slice) -> Series:
        """Return some of the rows."""
        return Series(self.inputs[rows], self.targets[rows], self.last_time)


class SeriesEncoder(Encoder):
    """Reads the last window of a new file, to forecast the rows after it."""

    def __init__(self, form: SeriesFormat) -> None:
        self._form = form

    def state(self) -> dict[str, Any]:
        return dataclasses.asdict(self._form)

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> SeriesEncoder:
        """Return the encoder whose `state` this is."""
        return cls(SeriesFormat(**state))

    def continued_columns(self) -> Sequence[int] | None:
        columns, targets = self._form.columns, self._form.target
        return [columns.index(name) for name in targets] if set(targets) <= set(columns) else None

    def encode(self, path: Path) -> Encoded:
        form = dataclasses.replace(self._form, target=[])
        series = read_series(path, form, skip_bad_rows=False)
        if series.num_rows < form.window:
            raise DataError(
                f"{path}: expected at least {form.window} rows (the window of a forecast), got {series.num_rows}."
            )
        inputs = series.inputs[-form.window :].to(torch.float32).unsqueeze(0)  # (R, F) -> (T, F) -> (1, T, F)
        return Encoded(inputs, columns={"after": [series.last_time]})


def series_format(
    path: Path,
    *,
    columns: Sequence[str] | None,
    target: str | Sequence[str] | None,
    time: str | None,
    window: int,
    delimiter: str | None,
    encoding: str,
) -> tuple[SeriesFormat, tuple[str, ...]]:
    """Return the format with the names of its columns, and notices about the choice.

    columns: inputs; None takes all whose first cell is a number. target: columns to forecast; None takes the inputs.
    Raises DataError for a column that the file does not have.
    """
    file = open_records(path, delimiter=delimiter, encoding=encoding)
    names = file.all_names()
    notices: tuple[str, ...] = ()
    if columns is None:
        first = next(read_records(file, names, bad=BadRows(skip=False, where=f"{path}: ").add))
        numeric = [name for name, cell in zip(names, first.cells, strict=True) if _number(cell) is not None]
        columns = [name for name in numeric if name != time]
        ignored = [name for name in names if name not in columns and name != time]
        if ignored:
            notices = (f"{path}: columns ignored, not numbers: {', '.join(ignored)}.",)
        if not columns:
            raise DataError(f"{path}: no column has numbers; the columns are {', '.join(names)}.")
    targets = [target] if isinstance(target, str) else list(columns if target is None else target)
    for name in targets:
        if name not in names:
            raise DataError(f'{path}: there is no column "{name}" (dataset.target). {did_you_mean(name, names)}')
    if not columns or not targets:
        raise ConfigError(Problem("dataset.columns", "Expected one or more columns of inputs and to forecast."))
    return SeriesFormat(list(columns), targets, time, window, delimiter, encoding), notices


def read_series(path: Path, form: SeriesFormat, *, skip_bad_rows: bool) -> Series:
    """Return all rows of a file, from the cache if reading them takes long.

    Raises DataError, with row and column, for a value that is not a finite number and for times that do not increase.
    """
    decisive = {**dataclasses.asdict(form), "window": 0, "skip_bad_rows": skip_bad_rows}
    with unchanged(path):
        made = cached("series", {"rows": digest_of(path)}, decisive, lambda: _read(path, form, skip_bad_rows))
    listed, count = list(made.values["listed"]), made.values["count"]
    bad = BadRows(skip_bad_rows, f"{path}: ", listed=listed, count=count)
    return Series(made.tensors["inputs"], made.tensors["targets"], made.values["last_time"], tuple(bad.notices()))


def _read(path: Path, form: SeriesFormat, skip_bad_rows: bool) -> Prepared:
    """Inputs and targets of all rows, and the rows that were skipped."""
    wanted = list(dict.fromkeys([*form.columns, *form.target]))
    names = [*wanted, *([form.time] if form.time else [])]
    bad = BadRows(skip_bad_rows, f"{path}: ")
    numbers = array("d")

    def skip(text: str) -> None:
        bad.add(text)
        numbers.extend([math.nan] * len(wanted))  # windows with this row are skipped

    before: tuple[float, str] | None = None
    for record in read_records(open_records(path, delimiter=form.delimiter, encoding=form.encoding), names, bad=skip):
        if form.time is not None:
            now = _time(path, record, form.time)
            if before is not None and now <= before[0]:
                raise DataError(
                    f'{path}: {record.place}, column "{form.time}": {record.cells[-1]} comes after {before[1]}; '
                    "expected times that increase from row to row. Sort the file by time and remove duplicates."
                )
            before = (now, record.cells[-1])
        numbers.extend(_numbers(record, wanted, bad))
    count = len(numbers) // len(wanted)
    table = torch.tensor(numbers, dtype=torch.float64).reshape(count, len(wanted))  # (R * columns,) -> (R, columns)
    inputs, targets = ([wanted.index(name) for name in part] for part in (form.columns, form.target))
    last_time = str(count) if before is None else before[1]
    return Prepared(
        {"inputs": table[:, inputs], "targets": table[:, targets]},
        {"last_time": last_time, "listed": bad.listed, "count": bad.count},
    )


def _numbers(record: Record, names: Sequence[str], bad: BadRows) -> list[float]:
    """A row's numbers; all NaN if the row is skipped."""
    found = []
    for name, cell in zip(names, record.cells, strict=False):
        value = _number(cell)
        if value is None or not math.isfinite(value):
            got = f'"{cell[:40]}"' if cell.strip() else "nothing"
            bad.add(f'{record.place}, column "{name}": expected a finite number, got {got}.')
            return [math.nan] * len(names)
        found.append(value)
    return found


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _time(path: Path, record: Record, column: str) -> float:
    """A time, a number or an ISO date, as a number that increases with it."""
    cell = record.cells[-1].strip()
    value = _number(cell)
    if value is not None and math.isfinite(value):
        return value
    try:
        when = datetime.fromisoformat(cell.replace("Z", "+00:00"))
    except ValueError as error:
        raise DataError(
            f'{path}: {record.place}, column "{column}": expected a number or an ISO date, got "{cell[:40]}".'
        ) from error
    start = datetime(1970, 1, 1, tzinfo=when.tzinfo)
    return (when - start).total_seconds()
