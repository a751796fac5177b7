"""A table's file, whatever its format: its columns' names, a sample, and its rows in batches of Arrow columns.

Numbers come as float64, all else as a dictionary of texts. What is wrong with the file is told by line.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import itertools
import json
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from dlrun.data.files.optional import need
from dlrun.data.files.paths import check_file
from dlrun.data.files.status_line import long_work
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.wording import printable

ENDINGS = {".csv": "csv", ".tsv": "csv", ".tab": "csv", ".txt": "csv", ".data": "csv",
           ".parquet": "parquet", ".pq": "parquet", ".jsonl": "json", ".ndjson": "json", ".json": "json"}  # fmt: skip
MISSING_WORDS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "NULL", "null", "None", "?")
_DELIMITERS = (",", ";", "\t", "|")
_BLOCK_BYTES = 8 << 20
_BATCH_ROWS = 131_072
_SAMPLE_ROWS = 10_000


class NotNumbersError(Exception):
    """A column taken for numbers holds something else, in rows beyond the sample."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


class TableFile:
    """A file of rows under named columns.

    Raises DataError for what cannot be read as such, naming file and line.
    """

    def __init__(self, path: Path, *, delimiter: str = "auto", encoding: str = "utf-8") -> None:
        self.path = check_file(path)
        self.shown = printable(str(path), limit=500)
        self.format = ENDINGS.get(path.suffix.lower(), "")
        if not self.format:
            raise DataError(f"{self.shown}: expected a file ending in {', '.join(ENDINGS)}.")
        if path.stat().st_size == 0:
            raise DataError(f"{self.shown}: the file is empty.")
        self._encoding = encoding
        self._num_lines = 0
        self._bad: Callable[[int, str], None] = lambda line, what: None
        self._has_quotes = False  # only then may a value go over several lines
        self._sample: dict[str, list[str | None]] | None = None
        self._batch_rows = _BATCH_ROWS
        self._block_bytes = _BLOCK_BYTES
        try:
            codecs.lookup(encoding)
        except LookupError as error:
            what = f'There is no encoding "{printable(encoding)}"; try utf-8, cp1252, latin-1 or utf-16.'
            raise ConfigError(Problem("dataset.encoding", what)) from error
        self.digest = self._inspect()
        self.delimiter = {"tab": "\t"}.get(delimiter, delimiter)
        if delimiter != "auto" and len(self.delimiter) != 1:
            what = f'Expected auto, tab or one character, got "{printable(delimiter)}".'
            raise ConfigError(Problem("dataset.delimiter", what))
        if self.format == "csv" and delimiter == "auto":
            self.delimiter = "\t" if path.suffix.lower() in (".tsv", ".tab") else self._sniffed()
        self.names = self._names()
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise DataError(f'{self.shown}: the column "{printable(twice[0])}" stands twice; rename one of them.')

    def _inspect(self) -> str:
        """SHA-256 of the bytes, which must be text in the encoding where the format is text."""
        digest, offset, line = hashlib.sha256(), 0, 1
        is_text = self.format != "parquet" and self._encoding.lower().replace("_", "-") in ("utf-8", "utf8")
        decoder = codecs.getincrementaldecoder("utf-8")()
        size = self.path.stat().st_size >> 20
        with self.path.open("rb") as stream, long_work(f"Checking {self.path.name}", size, unit="MiB") as done:
            while chunk := stream.read(4 << 20):
                digest.update(chunk)
                done(len(chunk) >> 20)
                self._num_lines += 0 if self.format == "parquet" else chunk.count(b"\n")
                self._has_quotes = self._has_quotes or b'"' in chunk
                if is_text:
                    if offset == 0 and chunk[:2] in (b"\xff\xfe", b"\xfe\xff"):
                        raise DataError(f"{self.shown}: this is UTF-16; add dataset.encoding=utf-16.")
                    if b"\0" in chunk:
                        line += chunk[: chunk.index(b"\0")].count(b"\n")
                        raise DataError(f"{self.shown}: line {line} holds a NUL byte; is this a file of text?")
                    try:
                        decoder.decode(chunk)
                    except UnicodeDecodeError as error:
                        line += chunk[: error.start].count(b"\n")
                        raise DataError(
                            f"{self.shown}: line {line} is not UTF-8. Give the file's own encoding: "
                            "dataset.encoding=cp1252 (Western Europe), latin-1, shift_jis, gb18030, ..."
                        ) from error
                    line += chunk.count(b"\n")
                offset += len(chunk)
        return digest.hexdigest()

    @property
    def num_rows(self) -> int:
        """About how many rows there are: some may go over several lines."""
        if self.format == "parquet":
            return int(need("pyarrow.parquet", extra="table").ParquetFile(self.path).metadata.num_rows)
        return self._num_lines

    def _text(self) -> Any:
        encoding = "utf-8-sig" if self._encoding.lower().replace("_", "-") in ("utf-8", "utf8") else self._encoding
        return self.path.open(encoding=encoding, newline="")

    def _sniffed(self) -> str:
        """The delimiter that cuts the first lines into equally many pieces, the more the better."""
        with self._text() as stream:
            lines = [line for line in itertools.islice(stream, 20) if line.strip()]
        found = {}
        for delimiter in _DELIMITERS:
            widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
            most = max(set(widths), key=widths.count) if widths else 1
            found[delimiter] = (widths.count(most) if most > 1 else 0, most)
        return max(found, key=lambda delimiter: found[delimiter])

    def _names(self) -> list[str]:
        try:
            if self.format == "csv":
                with self._text() as stream:
                    rows = (row for row in csv.reader(stream, delimiter=self.delimiter) if row)
                    names, first = next(rows, None), next(rows, None)
                if names is None or first is None:
                    raise DataError(f"{self.shown}: there is no row{' below the heading' if names else ''}.")
                return names
            if self.format == "parquet":
                return list(need("pyarrow.parquet", extra="table").ParquetFile(self.path).schema_arrow.names)
            with self._text() as stream:
                row = json.loads(next(line for line in stream if line.strip()))
            if not isinstance(row, dict):
                raise DataError(f"{self.shown}: line 1: expected a JSON mapping of columns to values.")
            return list(row)
        except StopIteration as error:
            raise DataError(f"{self.shown}: there is no row.") from error
        except (OSError, ValueError, LookupError, csv.Error) as error:
            raise DataError(f"{self.shown}: cannot be read as {self.format} ({error}).") from error

    def sample(self) -> dict[str, list[str | None]]:
        """The first rows as texts, by column; None where a value is missing. They are read once."""
        if self._sample is not None:
            return self._sample
        self._block_bytes, self._batch_rows = 1 << 20, _SAMPLE_ROWS
        batches = self.batches(numbers=(), names=self.names)
        batch = next(batches, None)
        batches.close()
        self._block_bytes, self._batch_rows = _BLOCK_BYTES, _BATCH_ROWS
        if batch is None:
            raise DataError(f"{self.shown}: there is no row.")
        self._sample = {name: batch.column(i).slice(0, _SAMPLE_ROWS).to_pylist() for i, name in enumerate(self.names)}
        return self._sample

    def batches(
        self, *, numbers: Collection[str], names: Sequence[str], bad: Callable[[int, str], None] | None = None
    ) -> Generator[Any, None, None]:
        """The rows as Arrow batches of the columns `names`: float64 for `numbers`, else a dictionary of texts.

        bad: told the line and what is wrong with each row that has another number of columns; it may raise.
        Raises NotNumbersError for a column of numbers that holds a text.
        """
        self._bad = bad or self._bad
        pyarrow = need("pyarrow", extra="table")
        read = {"csv": self._csv, "parquet": self._parquet, "json": self._json}[self.format]
        try:
            yield from read(pyarrow, numbers, names)
        except pyarrow.ArrowInvalid as error:
            text = str(error)
            if "conversion error" in text and "In CSV column #" in text:
                index = int(text.split("In CSV column #")[1].split(":")[0])
                raise NotNumbersError(self.names[index]) from error
            raise DataError(f"{self.shown}: cannot be read as {self.format} ({printable(text)}).") from error
        except (OSError, pyarrow.ArrowException) as error:
            raise DataError(f"{self.shown}: cannot be read as {self.format} ({printable(str(error))}).") from error

    def _csv(self, pyarrow: Any, numbers: Collection[str], names: Sequence[str]) -> Iterator[Any]:
        arrow_csv = need("pyarrow.csv", extra="table")
        texts = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())

        ragged: list[tuple[int, str]] = []

        def wrong(row: Any) -> str:  # called by Arrow, where nothing may be raised
            ragged.append((row.number, f"expected {row.expected_columns} columns, got {row.actual_columns}"))
            return "skip"

        reader = arrow_csv.open_csv(
            self.path,
            read_options=arrow_csv.ReadOptions(block_size=self._block_bytes, encoding=self._encoding, use_threads=True),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=self._has_quotes, invalid_row_handler=wrong
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pyarrow.float64() if name in numbers else texts for name in self.names},
                include_columns=list(names),
                null_values=list(MISSING_WORDS),
                strings_can_be_null=True,
            ),
        )
        with reader:
            for batch in reader:
                while ragged:
                    self._bad(*ragged.pop(0))
                if batch.num_rows:
                    yield batch
            while ragged:
                self._bad(*ragged.pop(0))

    def _parquet(self, pyarrow: Any, numbers: Collection[str], names: Sequence[str]) -> Iterator[Any]:
        file = need("pyarrow.parquet", extra="table").ParquetFile(self.path)
        for batch in file.iter_batches(batch_size=self._batch_rows, columns=list(names)):
            if batch.num_rows:
                yield _as_asked(pyarrow, batch, numbers, names)

    def _json(self, pyarrow: Any, numbers: Collection[str], names: Sequence[str]) -> Iterator[Any]:
        """Fast where every line holds the same kinds of values; else line by line, everything as texts."""
        try:
            table = need("pyarrow.json", extra="table").read_json(self.path)
            for batch in table.select(list(names)).to_batches():
                yield _as_asked(pyarrow, batch, numbers, names)
        except (pyarrow.ArrowException, KeyError):
            rows = {name: [entry.get(name) for entry in self._json_lines()] for name in names}
            arrays = [pyarrow.array([_json_text(value) for value in rows[name]], pyarrow.string()) for name in names]
            yield _as_asked(pyarrow, pyarrow.RecordBatch.from_arrays(arrays, list(names)), numbers, names)

    def _json_lines(self) -> Iterator[dict[str, Any]]:
        with self._text() as stream:
            for number, line in enumerate(stream, start=1):
                try:
                    row = json.loads(line) if line.strip() else None
                except ValueError:
                    row = line
                if isinstance(row, dict):
                    yield row
                elif row is not None:
                    self._bad(number, "expected a JSON mapping of columns to values")

    def lines_of(self, records: Sequence[int]) -> list[int]:
        """On which line of the file each record (from 0 on, ascending) begins; rows of another width are no records."""
        if self.format == "parquet" or not records:
            return [record + 1 for record in records]
        wanted, found, record = set(records), [], 0
        with self._text() as stream:
            if self.format == "json":
                return [n for i, n in enumerate(n for n, line in enumerate(stream, 1) if line.strip()) if i in wanted]
            rows = csv.reader(stream, delimiter=self.delimiter)
            line, has_heading = 1, False
            for row in rows:
                if row and not has_heading:
                    has_heading = True
                elif len(row) == len(self.names):
                    if record in wanted:
                        found.append(line)
                    record += 1
                line = rows.line_num + 1
        return found


def _json_text(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value in MISSING_WORDS):
        return None
    return value if isinstance(value, str) else json.dumps(value)


def _as_asked(pyarrow: Any, batch: Any, numbers: Collection[str], names: Sequence[str]) -> Any:
    """Columns of any Arrow type as float64 or as dictionaries of texts."""
    compute = need("pyarrow.compute", extra="table")
    arrays = []
    for name in names:
        array = batch.column(batch.schema.get_field_index(name))
        if name in numbers:
            try:
                arrays.append(array.cast(pyarrow.float64()))
                continue
            except (pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError) as error:
                raise NotNumbersError(name) from error
        if pyarrow.types.is_dictionary(array.type):
            array = array.cast(array.type.value_type)
        if pyarrow.types.is_nested(array.type) or pyarrow.types.is_binary(array.type):
            array = pyarrow.array([None if value is None else str(value) for value in array.to_pylist()])
        array = array.cast(pyarrow.string())
        array = compute.if_else(compute.is_in(array, pyarrow.array(MISSING_WORDS)), None, array)
        arrays.append(array.dictionary_encode())
    return pyarrow.RecordBatch.from_arrays(arrays, list(names))
