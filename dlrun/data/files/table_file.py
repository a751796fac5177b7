"""A table's file, whatever its format: names of columns, rows with their lines, and what is wrong with it.

Works without pyarrow for CSV and JSON lines. `arrow_table` reads the rows as columns, `records` as texts.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from dlrun.data.files.bad_rows import cure_of_duplicates, hint_of_numbers
from dlrun.data.files.optional import import_optional
from dlrun.data.files.other_forms import divided_by_spaces, how_to_convert, is_binary, not_rows
from dlrun.data.files.paths import check_file, read_in_chunks
from dlrun.data.files.sniffing import sniffed
from dlrun.data.files.status_line import long_work
from dlrun.data.files.text import codec_of, decoded
from dlrun.errors import ConfigError, DataError, Problem, did_you_mean, nearest
from dlrun.wording import plural, printable

Format = Literal["csv", "json", "parquet"]
BadRow = Callable[[int, str], None]
"""Receives the line of a bad row (in Parquet its number, from 1) and what is wrong with it; may raise."""

FORMATS: dict[str, Format] = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".txt": "csv", ".data": "csv",
    ".parquet": "parquet", ".pq": "parquet", ".jsonl": "json", ".ndjson": "json", ".json": "json",
}  # fmt: skip
_LONGEST_CELL = 1 << 28  # characters
_MOST_COLUMNS = 10_000


class TableFile:
    """A file of rows under named columns.

    delimiter: of a CSV: one character, "tab", "auto" (found in the first lines), or None (by the ending: a tab for
    .tsv and .tab, else a comma). encoding: of a text file; None is UTF-8 where no option names another.
    default_format: of a file whose ending is not in FORMATS; None refuses it.

    Raises DataError, naming file and line, for a file without rows or not in its format.
    """

    def __init__(
        self,
        path: Path,
        *,
        delimiter: str | None = "auto",
        encoding: str | None = "utf-8",
        default_format: Format | None = None,
    ) -> None:
        self.path = check_file(path)
        self.shown = printable(str(path), limit=500)
        found = FORMATS.get(path.suffix.lower(), default_format)
        if found is None or (path.suffix.lower() not in FORMATS and is_binary(path)):
            raise DataError(f"{self.shown}: expected a file ending in {', '.join(FORMATS)}.{how_to_convert(path)}")
        self.format: Format = found
        if path.stat().st_size == 0:
            raise DataError(f"{self.shown}: the file is empty.")
        self.encoding = encoding
        self._codec = codec_of(encoding)
        self._num_lines = 0
        self._is_list = False  # JSON that is one list, not lines
        self.has_quotes = False  # only then may a value contain line ends
        self.has_spaces = False  # around the names in the heading of a CSV, which are without them in `names`
        self.digest = self._inspect()
        self.delimiter = self._delimiter(delimiter)
        self.names = self._names()

    def _inspect(self) -> str:
        """Check that a text file is text, count its lines, and return the SHA-256 of its bytes."""
        digest = hashlib.sha256()
        size = self.path.stat().st_size >> 20
        pieces: Iterable[tuple[bytes, str]]
        if self.format == "parquet":
            pieces = ((chunk, "") for chunk in read_in_chunks(self.path))
        else:
            pieces = decoded(self.path, encoding=self.encoding)
        with long_work(f"Checking {self.path.name}", size, unit="MiB") as done:
            for chunk, text in pieces:
                digest.update(chunk)
                self._num_lines += text.count("\n")
                self.has_quotes = self.has_quotes or '"' in text
                done(len(chunk) >> 20)
        return digest.hexdigest()

    def _delimiter(self, delimiter: str | None) -> str:
        by_ending = "\t" if self.path.suffix.lower() in (".tsv", ".tab") else ","
        if delimiter is None or (delimiter == "auto" and by_ending == "\t"):
            return by_ending
        if delimiter == "auto":
            if self.format != "csv":
                return ","
            csv.field_size_limit(_LONGEST_CELL)
            with self._open() as stream:
                return sniffed(stream)
        if delimiter != "tab" and len(delimiter) != 1:
            where = f"dataset.delimiter={printable(delimiter)}"
            raise ConfigError(
                Problem(
                    where,
                    f'Expected auto, tab or one character, got "{printable(delimiter)}".',
                    id="wrong-value",
                    fix="dataset.delimiter=auto",
                )
            )
        return "\t" if delimiter == "tab" else delimiter

    def _names(self) -> list[str]:
        """Return the names of the columns: the heading of a CSV, the keys of the first JSON object."""
        if self.format == "csv":
            rows = self.csv_rows()
            (line, names), (_, first) = next(rows, (0, None)), next(rows, (0, None))
            if names is None or first is None:
                where = " below the heading" if names else ""
                hint = "; is a quote missing?" if names and self.has_quotes else "."
                raise DataError(f"{self.shown}: there is no row{where}{hint}")
            stripped = [name.strip() for name in names]
            if stripped != names and line == 1 and not any("\n" in name for name in names):
                self.has_spaces, names = True, stripped
            return self._not_too_many(names)
        if self.format == "parquet":
            return self._not_too_many(list(self.parquet().schema_arrow.names))
        bad: list[tuple[int, str]] = []
        objects = self.json_rows(lambda line, what: bad.append((line, what)))
        for _, row in objects:
            what = not_rows(row, self.path)
            if what and next(objects, None) is None:
                raise DataError(f"{self.shown}: {what}")
            return self._not_too_many(list(row))
        raise DataError(f"{self.shown}: line {bad[0][0]}: {bad[0][1]}" if bad else f"{self.shown}: there is no row.")

    def _not_too_many(self, names: list[str]) -> list[str]:
        """The names, if a model can have that many inputs; raises DataError."""
        if len(names) > _MOST_COLUMNS:
            what = f"expected at most {_MOST_COLUMNS:,} columns, got {len(names):,}"
            raise DataError(f"{self.shown}: {what}; is the file transposed? dataset=arrays reads wider rows.")
        return names

    def all_names(self) -> list[str]:
        """Return the names of the columns; of JSON lines the keys of every object."""
        if self.format != "json":
            return self.names
        names = dict.fromkeys(self.names)
        for _, row in self.json_rows(_ignore):
            names.update(dict.fromkeys(row))
        return list(names)

    def check_columns(self, wanted: Sequence[str], names: Sequence[str]) -> None:
        """Raise DataError for a column that is not among `names`, or is there more than once."""
        times = Counter(names)
        for name in wanted:
            if name not in times:
                raise self.missing_column(name, names)
            if times[name] > 1:
                raise DataError(f'{self.shown}: duplicate column "{printable(name)}"; {cure_of_duplicates(names)}')

    def missing_column(self, name: str, names: Sequence[str], purpose: str = "") -> DataError:
        """The error for a column that the file does not have. purpose: "for dataset.target", say."""
        what = f'there is no column "{printable(name)}"{purpose and " "}{purpose}.'
        if len(names) == 1 and self.encoding is not None:
            what += f' Its only column is "{printable(names[0])}": is dataset.delimiter right?'
            what += divided_by_spaces(names, self.path)
        hint = hint_of_numbers(names) if self.format == "csv" and nearest(name, names) is None else ""
        of_names = f"In the first line, {hint}" if hint else did_you_mean(name, names)
        return DataError(f"{self.shown}: {what} {of_names}".rstrip())

    @property
    def num_rows(self) -> int:
        """About how many rows the file has; rows of a CSV may have several lines."""
        return int(self.parquet().metadata.num_rows) if self.format == "parquet" else self._num_lines

    def _open(self) -> Any:
        return self.path.open(encoding=self._codec, newline="")

    def parquet(self) -> Any:
        """Return the file as pyarrow's ParquetFile."""
        pyarrow = import_optional("pyarrow", extra="table", needed_by=self.shown)
        parquet = import_optional("pyarrow.parquet", extra="table", needed_by=self.shown)
        try:
            return parquet.ParquetFile(self.path)
        except (OSError, pyarrow.ArrowException) as error:
            raise self.unreadable(error) from error

    def unreadable(self, error: Exception) -> DataError:
        """The error for a file that its library cannot read."""
        return DataError(f"{self.shown}: cannot be read as {self.format} ({printable(str(error))}).")

    def csv_rows(self, *, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
        """Yield the cells of each row of a CSV, heading first, and the line that it begins on; skip empty lines.

        strict: raise DataError for quotes that do not match.
        """
        csv.field_size_limit(_LONGEST_CELL)
        with self._open() as stream:
            reader = csv.reader(stream, delimiter=self.delimiter, strict=strict)
            while True:
                line = reader.line_num + 1
                try:
                    row = next(reader, None)
                except csv.Error as error:
                    raise DataError(f"{self.shown}: line {line}: cannot be read as csv ({error}).") from error
                if row is None:
                    return
                if row:
                    yield line, row

    def json_rows(self, bad: BadRow) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield each object of JSON lines and its line, without empty lines; or of one list and its number, from 1."""
        with self._open() as stream:
            rows = self._json_list(stream)
            for number, row in enumerate(rows or (), start=1):
                if isinstance(row, dict):
                    yield number, row
                else:
                    bad(number, f"expected a JSON object, got {_JSON_KINDS[type(row)]}.")
            for line, text in enumerate(stream if rows is None else (), start=1):
                if not text.strip():
                    continue
                try:
                    row = json.loads(text)
                except (ValueError, RecursionError) as error:
                    bad(line, f"expected a JSON object, got no JSON ({error}).")
                    continue
                if isinstance(row, dict):
                    yield line, row
                else:
                    bad(line, f"expected a JSON object, got {_JSON_KINDS[type(row)]}.")

    def _json_list(self, stream: Any) -> list[Any] | None:
        """The rows of a file that is one list of objects; None, at its beginning, if it is not."""
        head = next((line for line in stream if not line.isspace()), "").lstrip()
        stream.seek(0)
        self._is_list = False
        if head.startswith("["):
            rows: list[Any] = []
            with suppress(ValueError, RecursionError):  # more than one list is lines, each of which is a bad row
                rows = json.load(stream)
            if rows and isinstance(rows[0], dict):
                self._is_list = True
                return rows
            stream.seek(0)
        return None

    def place(self, number: int) -> str:
        """Where a row is, by the number that BadRow receives."""
        return f"row {number}" if self.format == "parquet" or self._is_list else f"line {number}"

    def wrong_width(self, width: int) -> str:
        """What is wrong with a row of so many cells."""
        return f"expected {plural(len(self.names), 'column')}, got {width}; is a delimiter or a quote missing?"

    def wide_rows(self) -> Iterator[tuple[int, int]]:
        """Yield the line and the number of cells of each row of a CSV that has more or fewer than the heading."""
        rows = itertools.islice(self.csv_rows(), 1, None)
        return ((line, len(row)) for line, row in rows if len(row) != len(self.names))

    def lines_of(self, records: Sequence[int]) -> list[int]:
        """Return the line that each record (from 0, ascending) begins on; rows that `bad` received are no records."""
        if self.format == "parquet" or not records:
            return [record + 1 for record in records]
        lines: Iterator[int]
        if self.format == "json":
            lines = (line for line, _ in self.json_rows(_ignore))
        else:
            rows = itertools.islice(self.csv_rows(), 1, None)
            lines = (line for line, row in rows if len(row) == len(self.names))
        wanted, last = set(records), records[-1]
        return [line for record, line in enumerate(itertools.islice(lines, last + 1)) if record in wanted]


_JSON_KINDS = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "a boolean", type(None): "null"}


def _ignore(line: int, what: str) -> None:
    """A bad row that another pass over the file reports."""


def as_text(value: object) -> str | None:
    """A value of JSON or Parquet as text; None for a missing one."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, default=str).strip('"')
