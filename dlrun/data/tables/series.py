"""Numbers over time: how a file is read, its rows in the order of time, and the encoder of new files."""

from __future__ import annotations

import dataclasses
import math
from array import array
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlrun.data.files.bad_rows import BadRows
from dlrun.data.files.cache import Prepared, cached
from dlrun.data.files.cell_form import with_point
from dlrun.data.files.paths import digest_of, unchanged
from dlrun.data.files.records import Record, open_records, read_records
from dlrun.data.files.table_file import TableFile
from dlrun.data.source import Encoded, Encoder
from dlrun.data.tables.order import order_notices
from dlrun.data.tables.times import as_number, parse_time
from dlrun.errors import ConfigError, DataError, Problem, did_you_mean
from dlrun.wording import plural

_KEPT_TIMES = 400  # the latest ones, which decide whether times are regular


@dataclass(frozen=True)
class SeriesFormat:
    """How a file of numbers over time is read."""

    columns: list[str]  # inputs
    target: list[str]  # columns to forecast
    time: str | None
    window: int  # rows of an input; 0 until they are known
    delimiter: str | None
    encoding: str


@dataclass(frozen=True)
class Series:
    """Rows in the order of time; a skipped row is all NaN."""

    inputs: Tensor  # (R, F) float64
    targets: Tensor  # (R, K) float64
    last_time: str  # of the whole file
    notices: tuple[str, ...] = ()
    times: tuple[str, ...] = ()  # the latest of the whole file, if it has a column of times

    @property
    def num_rows(self) -> int:
        """How many points in time there are."""
        return len(self.inputs)

    def part(self, rows: slice) -> Series:
        """Return some of the rows."""
        return Series(self.inputs[rows], self.targets[rows], self.last_time)


@dataclass(frozen=True)
class LastWindow:
    """The rows that a forecast starts from."""

    inputs: Tensor  # (1, T, F) float32
    last_time: str
    times: tuple[str, ...]  # the latest of the file, as in Series


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

    @property
    def targets(self) -> Sequence[str]:
        """The columns that are forecast."""
        return self._form.target

    @property
    def has_times(self) -> bool:
        """Whether files have a column of times."""
        return self._form.time is not None

    def encode(self, path: Path) -> Encoded:
        last = self.last_window(path, skip_bad_rows=False)
        return Encoded(last.inputs, columns={"after": [last.last_time]})

    def last_window(self, path: Path, *, skip_bad_rows: bool) -> LastWindow:
        """Return the last window of a file.

        Raises DataError if the file is shorter, or one of these rows is bad and skipped.
        """
        form = dataclasses.replace(self._form, target=[])
        series = read_series(path, form, skip_bad_rows=skip_bad_rows)
        if series.num_rows < form.window:
            raise DataError(
                f"{path}: expected at least {plural(form.window, 'row')} (the window of a forecast), "
                f"got {series.num_rows}."
            )
        inputs = series.inputs[-form.window :].to(torch.float32).unsqueeze(0)  # (R, F) -> (T, F) -> (1, T, F)
        if not bool(torch.isfinite(inputs).all()):
            raise DataError(
                f"{path}: the forecast starts from the last {plural(form.window, 'row')}, of which one is bad and "
                "cannot be skipped. Fix the row."
            )
        return LastWindow(inputs, series.last_time, series.times)


def series_format(
    path: Path,
    *,
    columns: Sequence[str] | None,
    target: str | Sequence[str] | None,
    time: str | None,
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
        cells = dict(zip(names, _plain(file, first.cells), strict=True))
        numeric = [name for name, cell in cells.items() if as_number(cell) is not None]
        columns = [name for name in numeric if name != time]
        ignored = [name for name in names if name not in columns and name != time]
        if ignored:
            notices = (f"{path}: columns ignored, not numbers: {', '.join(ignored)}.",)
        if time is None:
            notices += tuple(order_notices(file, cells))
        if not columns:
            raise DataError(f"{path}: no column has numbers; the columns are {', '.join(names)}.")
    targets = [target] if isinstance(target, str) else list(columns if target is None else target)
    for name in targets:
        if name not in names:
            raise DataError(f'{path}: there is no column "{name}" (dataset.target). {did_you_mean(name, names)}')
    if not columns or not targets:
        raise ConfigError(
            Problem("dataset.columns", "Expected one or more columns of inputs and to forecast.", id="required")
        )
    return SeriesFormat(list(columns), targets, time, 0, delimiter, encoding), notices


def read_series(path: Path, form: SeriesFormat, *, skip_bad_rows: bool) -> Series:
    """Return all rows of a file, from the cache if reading them takes long.

    Raises DataError, with row and column, for a value that is not a finite number and for times that do not increase.
    """
    decisive = {**dataclasses.asdict(form), "window": 0, "skip_bad_rows": skip_bad_rows, "times": _KEPT_TIMES}
    with unchanged(path):
        made = cached(
            "series", {"rows": digest_of(path)}, decisive, lambda: _read(path, form, skip_bad_rows=skip_bad_rows)
        )
    listed, count = list(made.values["listed"]), made.values["count"]
    bad = BadRows(skip=skip_bad_rows, where=f"{path}: ", listed=listed, count=count)
    times = tuple(made.values["times"])
    return Series(
        made.tensors["inputs"], made.tensors["targets"], made.values["last_time"], tuple(bad.notices()), times
    )


def _read(path: Path, form: SeriesFormat, *, skip_bad_rows: bool) -> Prepared:
    """Inputs and targets of all rows, and the rows that were skipped."""
    wanted = list(dict.fromkeys([*form.columns, *form.target]))
    names = [*wanted, *([form.time] if form.time else [])]
    bad = BadRows(skip=skip_bad_rows, where=f"{path}: ")
    numbers = array("d")

    def skip(text: str) -> None:
        bad.add(text)
        numbers.extend([math.nan] * len(wanted))  # windows with this row are skipped

    before: tuple[float, str] | None = None
    times: deque[str] = deque(maxlen=_KEPT_TIMES)
    file = open_records(path, delimiter=form.delimiter, encoding=form.encoding)
    for record in read_records(file, names, bad=skip):
        if form.time is not None:
            now = _time(path, record, form.time)
            if before is not None and now <= before[0]:
                raise DataError(
                    f'{path}: {record.place}, column "{form.time}": {record.cells[-1]} comes after {before[1]}; '
                    "expected times that increase from row to row. Sort the file by time and remove duplicates; of a "
                    "file of several series, keep the rows of one."
                )
            before = (now, record.cells[-1])
            times.append(record.cells[-1])
        numbers.extend(_numbers(record, _plain(file, record.cells), wanted, bad))
    count = len(numbers) // len(wanted)
    table = torch.tensor(numbers, dtype=torch.float64).reshape(count, len(wanted))  # (R * columns,) -> (R, columns)
    inputs, targets = ([wanted.index(name) for name in part] for part in (form.columns, form.target))
    last_time = str(count) if before is None else before[1]
    return Prepared(
        {"inputs": table[:, inputs], "targets": table[:, targets]},
        {"last_time": last_time, "listed": bad.listed, "count": bad.count, "times": list(times)},
    )


def _plain(file: TableFile, cells: Sequence[str]) -> Sequence[str]:
    """A row's cells with a point in numbers that have a decimal comma, as they may have between semicolons."""
    return [with_point(cell) for cell in cells] if file.format == "csv" and file.delimiter == ";" else cells


def _numbers(record: Record, cells: Sequence[str], names: Sequence[str], bad: BadRows) -> list[float]:
    """A row's numbers; all NaN if the row is skipped."""
    found = []
    for name, cell in zip(names, cells, strict=False):
        value = as_number(cell)
        if value is None or not math.isfinite(value):
            got = f'"{cell[:40]}"' if cell.strip() else "nothing"
            bad.add(f'{record.place}, column "{name}": expected a finite number, got {got}.')
            return [math.nan] * len(names)
        found.append(value)
    return found


def _time(path: Path, record: Record, column: str) -> float:
    """A time, a number or a date, as a number that increases with it."""
    cell = record.cells[-1].strip()
    value = parse_time(cell)
    if value is None:
        expected = "expected a number or a date such as 2026-01-31 or 2026-01-31 12:30"
        raise DataError(f'{path}: {record.place}, column "{column}": {expected}, got "{cell[:40]}".')
    return value
