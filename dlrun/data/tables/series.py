"""Numbers over time: read, split in the order of time, and cut into windows that look back and targets that follow."""

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
from dlrun.data.files.paths import digest_of, locate, unchanged
from dlrun.data.files.records import Record, open_records, read_records
from dlrun.data.source import Encoded, Encoder, Rows, Source
from dlrun.errors import ConfigError, DataError, Problem, did_you_mean


@dataclass(frozen=True)
class SeriesFormat:
    """How a file of numbers over time is read."""

    columns: list[str]  # looked back on
    target: list[str]  # forecast
    time: str | None
    window: int  # rows looked back on
    delimiter: str | None
    encoding: str


@dataclass(frozen=True)
class Series:
    """Rows in the order of time; a row left out is all NaN."""

    inputs: Tensor  # (R, F) float64
    targets: Tensor  # (R, K) float64
    last_time: str  # of the file that they are from
    notices: tuple[str, ...] = ()

    @property
    def num_rows(self) -> int:
        """How many points in time."""
        return len(self.inputs)

    def part(self, rows: slice) -> Series:
        """Some of the rows."""
        return Series(self.inputs[rows], self.targets[rows], self.last_time)


class SeriesEncoder(Encoder):
    """Reads the last window of a new file: what comes after it is asked for."""

    def __init__(self, form: SeriesFormat) -> None:
        self._form = form

    def state(self) -> dict[str, Any]:
        return dataclasses.asdict(self._form)

    def encode(self, path: Path) -> Encoded:
        form = dataclasses.replace(self._form, target=[])
        series = read_series(path, form, skip_bad_rows=False)
        if series.num_rows < form.window:
            raise DataError(f"{path}: {series.num_rows} rows; a forecast looks back on {form.window}.")
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
    """The format with its columns named, and what the user should know of the choice.

    Without `columns` those are all whose first cell is a number.
    """
    file = open_records(path, delimiter=delimiter, encoding=encoding)
    names = file.all_names()
    notices: tuple[str, ...] = ()
    if columns is None:
        first = next(read_records(file, names, bad=BadRows(skip=False, where=f"{path}: ").add))
        numeric = [name for name, cell in zip(names, first.cells, strict=True) if _number(cell) is not None]
        columns = [name for name in numeric if name != time]
        left_out = [name for name in names if name not in columns and name != time]
        if left_out:
            notices = (f"{path}: left out, not numbers: {', '.join(left_out)}.",)
        if not columns:
            raise DataError(f"{path}: no column holds numbers; there are {', '.join(names)}.")
    targets = [target] if isinstance(target, str) else list(columns if target is None else target)
    for name in targets:
        if name not in names:
            raise DataError(f'{path}: there is no column "{name}" (dataset.target). {did_you_mean(name, names)}')
    if not columns or not targets:
        raise ConfigError(Problem("dataset.columns", "Expected one column or more to look back on and to forecast."))
    return SeriesFormat(list(columns), targets, time, window, delimiter, encoding), notices


def read_series(path: Path, form: SeriesFormat, *, skip_bad_rows: bool) -> Series:
    """All rows of a file, from the cache where reading them takes long.

    Raises DataError, with row and column, for what is no finite number and for times that do not rise.
    """
    decisive = {**dataclasses.asdict(form), "window": 0, "skip_bad_rows": skip_bad_rows}
    with unchanged(path):
        made = cached("series", {"rows": digest_of(path)}, decisive, lambda: _read(path, form, skip_bad_rows))
    listed, count = list(made.values["listed"]), made.values["count"]
    bad = BadRows(skip_bad_rows, f"{path}: ", listed=listed, count=count)
    return Series(made.tensors["inputs"], made.tensors["targets"], made.values["last_time"], tuple(bad.notices()))


def _read(path: Path, form: SeriesFormat, skip_bad_rows: bool) -> Prepared:
    """Inputs and targets of all rows, and which were left out."""
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
                    "expected times that rise from row to row. Sort the file, one row a time."
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


def windows(series: Series, *, window: int, horizon: int, step: int) -> Rows:
    """Every `step` rows: `window` rows to look back on and the targets of the `horizon` rows that follow.

    (R, F), (R, K) -> (N, T, F), (N, horizon * K) float32. Windows that touch a row left out are left out.
    """
    first = torch.arange(0, max(0, series.num_rows - window - horizon + 1), step)
    past = first.unsqueeze(1) + torch.arange(window)  # (N,) -> (N, T)
    future = first.unsqueeze(1) + window + torch.arange(horizon)  # (N,) -> (N, horizon)
    inputs, targets = series.inputs[past], series.targets[future].flatten(1)  # -> (N, T, F), (N, horizon * K)
    whole = torch.isfinite(inputs).flatten(1).all(dim=1) & torch.isfinite(targets).all(dim=1)
    return Rows(inputs[whole].to(torch.float32), targets[whole].to(torch.float32))


def series_source(
    path: str,
    form: SeriesFormat,
    *,
    val: str | None,
    test: str | None,
    val_fraction: float,
    test_fraction: float,
    horizon: int,
    step: int,
    skip_bad_rows: bool,
    notices: tuple[str, ...],
) -> Source:
    """Windows of the training rows, then of the validation rows, then of the test rows, as time goes.

    Each lies within its part, whole: none looks back on, or forecasts, rows of another.
    Raises DataError when a part is too short for one window.
    """
    whole = read_series(locate(path), form, skip_bad_rows=skip_bad_rows)
    notices += whole.notices
    count = whole.num_rows
    test_from = count if test else count - round(count * test_fraction)
    val_from = test_from if val else test_from - round(test_from * val_fraction)
    parts = {"train": whole.part(slice(0, val_from))}
    for name, file, rows in (("val", val, slice(val_from, test_from)), ("test", test, slice(test_from, count))):
        if file is not None:
            parts[name] = read_series(locate(file), form, skip_bad_rows=skip_bad_rows)
            notices += parts[name].notices
        elif rows.start < rows.stop:
            parts[name] = whole.part(rows)
    cut = {}
    for name, series in parts.items():
        cut[name] = windows(series, window=form.window, horizon=horizon, step=step)
        if not len(cut[name]):
            raise DataError(
                f"{path}: the {name} part has {series.num_rows} rows and no whole window; looking back on "
                f"{form.window} and forecasting {horizon} takes {form.window + horizon}. Use a smaller "
                f"dataset.window, or another dataset.val_fraction or dataset.test_fraction."
            )
    outputs = tuple(f"{name}+{ahead}" for ahead in range(1, horizon + 1) for name in form.target)
    return Source(
        "sequence",
        "regression",
        train=cut["train"],
        val=cut.get("val"),
        test=cut.get("test"),
        class_names=outputs,
        encoder=SeriesEncoder(form),
        notices=notices,
    )


def restored_encoder(state: Mapping[str, Any]) -> SeriesEncoder:
    """The encoder that gave `state`."""
    return SeriesEncoder(SeriesFormat(**state))


def _numbers(record: Record, names: Sequence[str], bad: BadRows) -> list[float]:
    """A row's numbers; all NaN when the row is left out."""
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
    """A time as a number that rises with it: a number itself, or an ISO date."""
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
