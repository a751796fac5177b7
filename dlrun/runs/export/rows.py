"""Raw rows as a graph's inputs, by what the JSON beside an exported file says: the run's folder is not needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlrun.data.files.table_file import as_text
from dlrun.data.media.audio import waveform
from dlrun.data.media.images import Decoding, PixelBudget, bombs_are_errors
from dlrun.data.tables.columns import raw_values
from dlrun.data.tables.new_rows import other_form
from dlrun.data.texts.tokenizer import Tokenizer, restored_tokenizer
from dlrun.errors import DataError, did_you_mean
from dlrun.wording import plural, printable

_HUGE = float(np.finfo(np.float32).max)
Row = Any
"""A mapping from columns to values, a text, a file's bytes, or nested numbers: as the kind of preprocessing needs."""


class RowError(DataError):
    """A row that cannot be encoded. row: its number from 1 up. column: None if the whole row is wrong."""

    def __init__(self, row: int, column: str | None, reason: str) -> None:
        where = f"row {row}" if column is None else f'row {row}, column "{printable(column)}"'
        super().__init__(f"{where}: {reason}")
        self.row, self.column, self.reason = row, column, reason


class RowEncoder:
    """Encodes rows for one exported file.

    Raises DataError naming row and column for a value that is none of its column's.
    """

    def __init__(self, about: Mapping[str, Any]) -> None:
        """about: the JSON beside the file."""
        self._inputs: Sequence[Mapping[str, Any]] = about["inputs"]
        self._how: Mapping[str, Any] = about["preprocessing"]
        self._tokenizers: dict[str, Tokenizer] = {}
        self._budget: PixelBudget | None = None
        kinds: dict[str, Callable[[Sequence[Row]], dict[str, NDArray[Any]]]] = {
            "numbers": self._numbers,
            "table": self._table,
            "text": self._texts,
            "language": self._texts,
            "series": self._series,
            "images": self._images,
            "audio": self._audio,
            "arrays": self._arrays,
            "noise": self._arrays,
        }
        self._encode = kinds[self._how["kind"]]

    def __call__(self, rows: Sequence[Row], *, most_pixels: int | None = None) -> dict[str, NDArray[Any]]:
        """Return the inputs of some rows by name, rows along the first axis.

        most_pixels: that are decoded of all images together; None: any number.
        """
        if not rows:
            raise DataError("There is no row.")
        self._budget = None if most_pixels is None else PixelBudget(most_pixels)
        return self._encode(rows)

    def _numbers(self, rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
        names = self._how["columns"]
        found = np.empty((len(rows), len(names)), dtype=np.float32)
        for number, row in enumerate(rows, start=1):
            if isinstance(row, Mapping):
                row = [_cell(row, name, number) for name in names]
            if not isinstance(row, Sequence | np.ndarray) or isinstance(row, str | bytes) or len(row) != len(names):
                raise RowError(number, None, f"expected {plural(len(names), 'number')}, {', '.join(names[:6])}.")
            found[number - 1] = [_number(value, number, name) for value, name in zip(row, names, strict=True)]
        return {"inputs": found}

    def _texts(self, rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
        column = self._how["column"]
        texts = [_cell(row, column, number) if isinstance(row, Mapping) else row for number, row in enumerate(rows, 1)]
        for number, text in enumerate(texts, start=1):
            if not isinstance(text, str) or not text.strip():
                raise RowError(number, column, f"expected a text, got {_shown(text)}.")
        tokenizer, longest = self._tokenizer("text", self._how), self._how["max_length"]
        is_language = self._how["kind"] == "language"
        ids = [row[-longest:] if is_language else row[:longest] for row in tokenizer.ids_of(texts)]
        for number, row in enumerate(ids, start=1):
            if not row:
                raise RowError(number, column, "the text has no token.")
        found = {"tokens": _padded(ids, width=max(map(len, ids)))}
        lengths = np.array([len(row) for row in ids], dtype=np.int64)
        return {**found, "lengths": lengths} if len(self._inputs) > 1 else found

    def _tokenizer(self, name: str, how: Mapping[str, Any]) -> Tokenizer:
        if name not in self._tokenizers:
            self._tokenizers[name] = restored_tokenizer(how["tokenizer"])
        return self._tokenizers[name]

    def _series(self, rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
        """Each row is a window: a list of points in time, each a mapping from columns to numbers."""
        names, window = self._how["columns"], self._how["window"]
        found = np.empty((len(rows), window, len(names)), dtype=np.float32)
        for number, points in enumerate(rows, start=1):
            points = points["points"] if isinstance(points, Mapping) and "points" in points else points
            if not isinstance(points, Sequence) or len(points) < window:
                raise RowError(number, None, f"expected a list of at least {plural(window, 'point')} in time.")
            for step, point in enumerate(points[len(points) - window :]):
                values = [_number(_cell(point, name, number), number, name) for name in names]
                found[number - 1, step] = values
        return {"inputs": found}

    def _images(self, rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
        how = self._how
        pixels = _pixels([_content(row, "image", number) for number, row in enumerate(rows, 1)], how, self._budget)
        low, high = how["range"]
        return {"images": pixels if (low, high) == (0.0, 255.0) else pixels / 255 * (high - low) + low}

    def _audio(self, rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
        found = []
        for number, row in enumerate(rows, start=1):
            try:
                content = _content(row, "audio", number)
                found.append(waveform(content, rate=self._how["rate"], seconds=self._how["seconds"]).numpy())
            except DataError as error:
                raise RowError(number, None, str(error)) from error
        return {"samples": np.stack(found)}

    def _arrays(self, rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
        (value, *rest) = self._inputs
        shape = value["shape"][1:]
        made = []
        for number, row in enumerate(rows, start=1):
            try:
                array = np.asarray(row, dtype=value["dtype"])
            except (ValueError, TypeError, OverflowError) as error:
                raise RowError(number, None, f"expected nested numbers ({printable(str(error))}).") from error
            fits = array.ndim == len(shape) and all(
                isinstance(size, str) or size == got for size, got in zip(shape, array.shape, strict=True)
            )
            if not fits or not np.isfinite(array).all():
                what = f"expected finite numbers of shape {shape}, got {list(array.shape)}."
                raise RowError(number, None, what)
            made.append(array)
        longest = max(len(array) for array in made)
        width = [longest, *made[0].shape[1:]]
        found = np.zeros((len(made), *width), dtype=value["dtype"])
        for place, array in zip(found, made, strict=True):
            place[: len(array)] = array
        lengths = {entry["name"]: np.array([len(array) for array in made], dtype=np.int64) for entry in rest}
        return {value["name"]: found, **lengths}

    def _table(self, rows: Sequence[Row]) -> dict[str, NDArray[Any]]:
        found = {
            value["name"]: np.full(
                (len(rows), *value["shape"][1:]), np.nan if value["dtype"] == "float32" else 0, value["dtype"]
            )
            for value in self._inputs
        }
        for column in self._how["columns"]:
            words = self._how["missing_words"]
            cells = [_present(_cell(row, column["name"], number), words) for number, row in enumerate(rows, start=1)]
            values = found[column["input"]]
            if column["kind"] == "category":
                values[:, column["place"]] = [_code(cell, column) for cell in cells]
            elif column["kind"] == "text":
                self._fill_texts(values, cells, column)
            elif column["kind"] == "image":
                _fill_images(values, cells, column, self._budget)
            else:
                numbers = _raw(cells, column)
                values[:, column["place"] : column["place"] + numbers.shape[1]] = numbers
        return found

    def _fill_texts(self, values: NDArray[Any], cells: Sequence[Any], column: Mapping[str, Any]) -> None:
        tokenizer = self._tokenizer(column["name"], column)
        for place, cell in zip(values, cells, strict=True):
            if cell is None:
                place[0] = column["missing"]
            else:
                ids = tokenizer.ids(as_text(cell) or "")[: len(place)]
                place[: len(ids)] = ids


def _present(cell: Any, missing_words: Sequence[str]) -> Any:
    """The value of a cell; None if it is missing, or one of the words for that."""
    if isinstance(cell, float) and math.isnan(cell):
        return None
    return None if isinstance(cell, str) and cell in missing_words else cell


def _fill_images(
    values: NDArray[Any], cells: Sequence[Any], column: Mapping[str, Any], budget: PixelBudget | None
) -> None:
    for number, (place, cell) in enumerate(zip(values, cells, strict=True), start=1):
        if cell is not None:
            content, how = _content(cell, column["name"], number), {**column, "by_luma": True}
            place[:] = _pixels([content], how, budget, first=number)[0]


def _raw(cells: Sequence[Any], column: Mapping[str, Any]) -> NDArray[np.float32]:
    """Numbers, booleans or dates as raw numbers, NaN where one is missing, (N, width)."""
    kind = column["kind"]
    width = len(column.get("parts", "1"))
    found = np.full((len(cells), width), np.nan, dtype=np.float32)
    for number, cell in enumerate(cells, start=1):
        if cell is None:
            continue
        is_number = isinstance(cell, int | float) and (kind == "number" or (kind == "boolean" and cell in (0, 1)))
        values = [_as_float(cell)] if is_number else raw_values(kind, [as_text(cell) or ""])[0]
        with np.errstate(over="ignore"):
            found[number - 1] = values
        if not np.isfinite(found[number - 1]).all() and not (column["lenient"] and np.isnan(values).any()):
            expected = {"boolean": "yes or no", "date": "a date as 2026-01-31 or 2026-01-31 12:30"}.get(
                kind, "a number"
            )
            raise RowError(number, column["name"], f"expected {expected}, got {_shown(cell)}.")
    return found


def _as_float(cell: float) -> float:
    try:
        return float(cell)
    except OverflowError:  # a whole number of hundreds of digits
        return math.inf


def _code(cell: Any, column: Mapping[str, Any]) -> int:
    if cell is None:
        return int(column["missing"])
    word = as_text(cell) or ""
    codes = column["codes"]
    return int(codes.get(word) or codes.get(other_form(word), column["unknown"]))


def _pixels(
    contents: Iterable[bytes], how: Mapping[str, Any], budget: PixelBudget | None, *, first: int = 1
) -> NDArray[np.float32]:
    """Image files as pixels from 0 to 255, (N, C, H, W). first: the number of the first row."""
    height, width = how["size"]
    decoding = Decoding((height, width), how["fit"], how["channels"], by_luma=how["by_luma"])
    found = []
    with bombs_are_errors():
        for number, content in enumerate(contents, start=first):
            try:
                found.append(decoding.decode(content, budget=budget))
            except DataError as error:
                raise RowError(number, None, f"the image {error}") from error
    return np.stack(found).astype(np.float32)


def _content(row: Row, name: str, number: int) -> bytes:
    content = _cell(row, name, number) if isinstance(row, Mapping) else row
    if not isinstance(content, bytes):
        raise RowError(number, name, f"expected the content of a file, got {_shown(content)}.")
    return content


def _cell(row: Row, name: str, number: int) -> Any:
    if not isinstance(row, Mapping):
        raise RowError(number, None, f"expected a mapping from columns to values, got {_shown(row)}.")
    if name not in row:
        near = did_you_mean(name, [str(each) for each in row])
        raise RowError(number, None, f'there is no column "{printable(name)}". {near}'.rstrip())
    return row[name]


def _number(value: Any, row: int, column: str) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not abs(found) <= _HUGE:
        raise RowError(row, column, f"expected a finite number, got {_shown(value)}.")
    return found


def _padded(ids: Sequence[Sequence[int]], *, width: int) -> NDArray[np.int64]:
    found = np.zeros((len(ids), width), dtype=np.int64)
    for place, row in zip(found, ids, strict=True):
        place[: len(row)] = row
    return found


def _shown(value: Any) -> str:
    if value is None or (isinstance(value, str) and not value):
        return "nothing"
    return f'"{printable(str(value)[:60])}"' if isinstance(value, str | int | float) else type(value).__name__
