"""Rows of a table's file as batches of Arrow columns: numbers as float64, all else as a dictionary of texts."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from dlrun.data.files.cell_form import Form, columns_with_commas
from dlrun.data.files.optional import import_optional
from dlrun.data.files.other_forms import divided_by_spaces
from dlrun.data.files.table_file import BadRow, TableFile, as_text
from dlrun.errors import DataError

MISSING_WORDS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "-nan", "NULL", "null", "?")
_BLOCK_BYTES = 8 << 20
_BATCH_ROWS = 131_072
_SAMPLE_BYTES = 1 << 20
_SAMPLE_ROWS = 10_000


class NotNumbersError(Exception):
    """A column read as numbers has another value, in rows beyond the sample."""

    def __init__(self, column: str) -> None:
        super().__init__(column)
        self.column = column


class ArrowTable(TableFile):
    """A table's file whose rows are read as Arrow columns; see TableFile for the arguments.

    Raises ConfigError when pyarrow is not installed.
    """

    def __init__(self, path: Path, *, delimiter: str | None = "auto", encoding: str = "utf-8") -> None:
        super().__init__(path, delimiter=delimiter, encoding=encoding)
        self._text_encoding = encoding
        self._pyarrow = import_optional("pyarrow", extra="table", needed_by=self.shown)
        self._sample: dict[str, list[str | None]] | None = None
        self._form = Form(MISSING_WORDS, self.has_spaces)
        self.check_columns(self.names, self.names)

    def sample(self) -> dict[str, list[str | None]]:
        """Return the first rows as texts, by column; None where a value is missing. They are read once."""
        if self._sample is None:
            read = self._read((), self.names, _ignored, block_bytes=_SAMPLE_BYTES, batch_rows=_SAMPLE_ROWS)
            batch = next(read, None)
            read.close()
            if batch is None:
                line, width = next(self.wide_rows(), (0, 0)) if self.format == "csv" else (0, 0)
                what = f"line {line}: {self.wrong_width(width)} No row has as many" if line else "there is no row"
                raise DataError(f"{self.shown}: {what}.{divided_by_spaces(self.names, self.path) if line else ''}")
            texts = {name: batch.column(i).slice(0, _SAMPLE_ROWS).to_pylist() for i, name in enumerate(self.names)}
            if self.delimiter == ";" and self.format == "csv":
                self._form = Form(MISSING_WORDS, self.has_spaces, frozenset(columns_with_commas(texts)))
            self._sample = {name: self._form.plain(name, values) for name, values in texts.items()}
        return self._sample

    @property
    def sample_is_whole(self) -> bool:
        """Whether `sample` is known to have every row."""
        rows = len(next(iter(self.sample().values())))
        if self.format == "parquet":
            return rows == self.num_rows
        return rows < _SAMPLE_ROWS and self.path.stat().st_size < _SAMPLE_BYTES

    def batches(self, *, numbers: Collection[str], names: Sequence[str], bad: BadRow) -> Generator[Any, None, None]:
        """Yield the rows as Arrow batches of the columns `names`: float64 for `numbers`, else a dictionary of texts.

        bad: receives each row that has another number of columns, or is no JSON object.
        Raises NotNumbersError for a column of numbers that has a text.
        """
        if self.delimiter == ";" and self.format == "csv":
            self.sample()  # which tells whether there are decimal commas
        for batch in self._read(numbers, names, bad, block_bytes=_BLOCK_BYTES, batch_rows=_BATCH_ROWS):
            yield self._form.plain_batch(batch, self._pyarrow)

    def _read(
        self, numbers: Collection[str], names: Sequence[str], bad: BadRow, *, block_bytes: int, batch_rows: int
    ) -> Generator[Any, None, None]:
        try:
            if self.format == "csv":
                yield from self._csv(numbers, names, bad, block_bytes)
            elif self.format == "parquet":
                for batch in self.parquet().iter_batches(batch_size=batch_rows, columns=list(names)):
                    if batch.num_rows:
                        yield _converted(batch, numbers, names, self.shown)
            else:
                yield from self._json(numbers, names, bad)
        except self._pyarrow.ArrowInvalid as error:
            text = str(error)
            if "conversion error" in text and "In CSV column #" in text:
                index = int(text.split("In CSV column #")[1].split(":")[0])
                raise NotNumbersError(self.names[index]) from error
            raise self.unreadable(error) from error
        except (OSError, UnicodeEncodeError, self._pyarrow.ArrowException) as error:  # JSON may have half characters
            raise self.unreadable(error) from error

    def _csv(self, numbers: Collection[str], names: Sequence[str], bad: BadRow, block_bytes: int) -> Iterator[Any]:
        pyarrow, arrow_csv = self._pyarrow, import_optional("pyarrow.csv", extra="table", needed_by=self.shown)
        texts = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
        widths: list[int] = []
        places = self.wide_rows()

        def wrong(row: Any) -> str:  # called by Arrow's threads, where nothing may be raised
            widths.append(row.actual_columns)
            return "skip"

        def report() -> None:  # Arrow does not number rows that it reads in parallel: find them again
            while widths:
                widths.pop()
                line, width = next(places, (0, 0))
                if not line:
                    raise DataError(f"{self.shown}: cannot be read as csv (rows of different widths).")
                bad(line, self.wrong_width(width))

        reader = arrow_csv.open_csv(
            self.path,
            read_options=arrow_csv.ReadOptions(
                block_size=block_bytes,
                encoding=self._text_encoding,
                use_threads=True,
                **({"column_names": self.names, "skip_rows_after_names": 1} if self.has_spaces else {}),
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self.delimiter, newlines_in_values=self.has_quotes, invalid_row_handler=wrong
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pyarrow.float64() if name in numbers else texts for name in self.names},
                include_columns=list(names),
                null_values=list(MISSING_WORDS),
                strings_can_be_null=True,
                decimal_point="," if self._form.with_commas else ".",
            ),
        )
        with reader:
            for batch in reader:
                report()
                if batch.num_rows:
                    yield batch
            report()

    def _json(self, numbers: Collection[str], names: Sequence[str], bad: BadRow) -> Iterator[Any]:
        """Fast where every line has the same kinds of values; else line by line, everything as texts."""
        pyarrow = self._pyarrow
        try:
            batches = _json_table(self.path, self.shown).select(list(names)).to_batches()
        except (pyarrow.ArrowException, KeyError):
            columns: dict[str, list[str | None]] = {name: [] for name in names}
            for _, row in self.json_rows(bad):
                for name, values in columns.items():
                    text = as_text(row.get(name))
                    values.append(None if text in MISSING_WORDS else text)
            arrays = [pyarrow.array(values, pyarrow.string()) for values in columns.values()]
            batches = [pyarrow.RecordBatch.from_arrays(arrays, list(names))]
        for batch in batches:
            yield _converted(batch, numbers, names, self.shown)


def _json_table(path: Path, shown: str) -> Any:
    """A file of JSON lines as Arrow's table, except that times are texts, as they are written."""
    pyarrow = import_optional("pyarrow", extra="table", needed_by=shown)
    arrow_json = import_optional("pyarrow.json", extra="table", needed_by=shown)
    table = arrow_json.read_json(path)
    times = [field.name for field in table.schema if pyarrow.types.is_temporal(field.type)]
    if not times:
        return table
    schema = pyarrow.schema([(name, pyarrow.string()) for name in times])
    return arrow_json.read_json(path, parse_options=arrow_json.ParseOptions(explicit_schema=schema))


def _converted(batch: Any, numbers: Collection[str], names: Sequence[str], shown: str) -> Any:
    """Columns of any Arrow type as float64 or as dictionaries of texts."""
    pyarrow = import_optional("pyarrow", extra="table", needed_by=shown)
    compute = import_optional("pyarrow.compute", extra="table", needed_by=shown)
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


def _ignored(line: int, what: str) -> None:
    """A bad row of the sample, which `batches` reports."""
