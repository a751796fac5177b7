"""What a request asks for: a body of JSON or of files, held against what the model says of its rows."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from dlrun.errors import DataError, did_you_mean, nearest
from dlrun.runs.export.rows import RowError
from dlrun.runs.generate import LENGTH, TEMPERATURE
from dlrun.wording import plural, printable

MOST_TOKENS = 500  # that a language model adds
FILE_KINDS = {"images": "image", "audio": "audio"}  # of models, and the key of a row's file
_MOST_FAULTS = 20
_MOST_CHARACTERS = 1 << 20  # of a text: splitting a longer one into subwords takes gigabytes
_KEYS = ("rows", "inputs", "probabilities", "length", "temperature")


@dataclass(frozen=True)
class Fault:
    """What is wrong with a request. field: where, as `rows[0].age`; empty for the whole body."""

    field: str
    reason: str


class Refused(Exception):  # noqa: N818 - an answer
    """A request that gets no predictions. status: of the answer."""

    def __init__(self, status: int, *faults: Fault) -> None:
        super().__init__(f"{status}: {'; '.join(f'{fault.field}: {fault.reason}' for fault in faults)}")
        self.status, self.faults = status, faults


@dataclass(frozen=True)
class PredictionRequest:
    """A request. raw: whether rows are the nested numbers of one input. length, temperature: of a continued text."""

    rows: Sequence[Any]
    raw: bool = False
    probabilities: bool = False
    length: int = LENGTH
    temperature: float = TEMPERATURE

    @property
    def key(self) -> str:
        """The name of its rows in a body."""
        return "inputs" if self.raw else "rows"


def read_json(body: bytes) -> Any:
    """Return a body's values.

    Raises Refused for what is no JSON: NaN and Infinity, which JSON does not have, and nesting without end.
    """
    try:
        return _DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else printable(str(error))
        raise Refused(400, Fault("", f"The body is no JSON: {reason}.")) from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON; a missing value is null")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


class Reader:
    """Reads requests for one model. how: its `preprocessing`. takes_inputs: whether nested numbers may be given."""

    def __init__(self, how: Mapping[str, Any], *, takes_inputs: bool, most_rows: int) -> None:
        self._how, self._takes_inputs, self._most_rows = how, takes_inputs, most_rows
        self._kind: str = how["kind"]
        check: Mapping[str, Callable[[Any, str], tuple[Any, list[Fault]]]] = {
            "numbers": self._numbers,
            "table": self._table,
            "text": self._text,
            "language": self._text,
            "series": self._series,
            "images": self._file,
            "audio": self._file,
        }
        self._check = check.get(self._kind, _as_it_is)

    def of_json(self, body: bytes) -> PredictionRequest:
        """Return what a body of JSON asks for; raises Refused with every fault that can be told at once."""
        values = read_json(body)
        if not isinstance(values, Mapping):
            raise Refused(422, Fault("", f'Expected an object with "rows", got {_kind_of(values)}.'))
        unknown = islice((key for key in values if key not in _KEYS), _MOST_FAULTS)
        faults = [Fault(printable(key), f"There is no such key. {did_you_mean(key, _KEYS)}") for key in unknown]
        if ("rows" in values) == ("inputs" in values):
            faults.append(Fault("", 'Expected one of "rows" and "inputs".'))
        faults += _option_faults(values)
        if faults:
            raise Refused(422, *faults[:_MOST_FAULTS])
        raw = "inputs" in values
        options = {name: values[name] for name in ("probabilities", "length", "temperature") if name in values}
        return self._checked(PredictionRequest(values["inputs" if raw else "rows"], raw=raw, **options))

    def of_files(self, files: Sequence[bytes], *, probabilities: bool) -> PredictionRequest:
        """Return what uploaded files ask for; raises Refused for a model whose rows are none."""
        if self._kind not in FILE_KINDS:
            what = f'A row of this model ({self._kind}) is no file; send JSON: {{"rows": [...]}}.'
            raise Refused(422, Fault("files", what))
        return self._checked(PredictionRequest(files, probabilities=probabilities))

    def _checked(self, asked: PredictionRequest) -> PredictionRequest:
        rows = asked.rows
        if not isinstance(rows, Sequence) or isinstance(rows, str):
            raise Refused(422, Fault(asked.key, f"Expected a list, got {_kind_of(rows)}."))
        if not rows:
            raise Refused(422, Fault(asked.key, "There is no row."))
        if len(rows) > self._most_rows:
            what = f"Expected at most {plural(self._most_rows, 'row')} in a request, got {len(rows)}"
            raise Refused(413, Fault(asked.key, f"{what}; send several requests."))
        if asked.raw and not self._takes_inputs:
            what = f'A row of this model ({self._kind}) is not given as numbers alone; send "rows".'
            raise Refused(422, Fault("inputs", what))
        if asked.raw or isinstance(rows[0], bytes):
            return asked
        found, faults = [], []
        for number, row in enumerate(rows):
            read, wrong = self._check(row, f"rows[{number}]")
            found.append(read)
            faults += wrong
            if len(faults) >= _MOST_FAULTS:
                break
        if faults:
            raise Refused(422, *faults[:_MOST_FAULTS])
        return replace(asked, rows=found)

    def _numbers(self, row: Any, where: str) -> tuple[Any, list[Fault]]:
        names = self._how["columns"]
        if isinstance(row, list):
            if len(row) != len(names):
                return row, [Fault(where, f"Expected {plural(len(names), 'number')}, got {len(row)}.")]
            row = dict(zip(names, row, strict=True))
        return self._cells(row, where, dict.fromkeys(names, "number"))

    def _table(self, row: Any, where: str) -> tuple[Any, list[Fault]]:
        kinds = {column["name"]: column["kind"] for column in self._how["columns"]}
        row, faults = self._cells(row, where, kinds)
        if not faults and "image" in kinds.values():
            row = dict(row)
            for name in (name for name, kind in kinds.items() if kind == "image" and row[name] is not None):
                row[name], wrong = _content(row[name], f"{where}.{name}")
                faults += wrong
        return row, faults

    def _cells(self, row: Any, where: str, kinds: Mapping[str, str]) -> tuple[Any, list[Fault]]:
        """Every column is there, with a single value; numbers of a plain table are numbers."""
        if not isinstance(row, Mapping):
            return row, [Fault(where, f"Expected an object of columns and values, got {_kind_of(row)}.")]
        faults = []
        for name, kind in kinds.items():
            if name not in row:
                near = nearest(name, [key for key in row if key not in kinds][:100])
                hint = "" if near is None else f' There is "{printable(near)}".'
                faults.append(Fault(_path(where, name), f"This column is missing.{hint}"))
            elif isinstance(row[name], list | Mapping):
                faults.append(Fault(_path(where, name), f"Expected a {kind}, got {_kind_of(row[name])}."))
            elif isinstance(row[name], str) and not _is_text(row[name]):
                faults.append(Fault(_path(where, name), "Expected a text; this one has half of a character."))
            elif kind == "number" and isinstance(row[name], bool):
                faults.append(Fault(_path(where, name), "Expected a number, got true or false."))
        return row, faults

    def _text(self, row: Any, where: str) -> tuple[Any, list[Fault]]:
        if isinstance(row, str):
            row = {self._how["column"]: row}
        row, faults = self._cells(row, where, {self._how["column"]: "text"})
        if not faults and not (isinstance(row[self._how["column"]], str) and row[self._how["column"]].strip()):
            faults.append(Fault(_path(where, self._how["column"]), "Expected a text that is not empty."))
        if not faults and len(row[self._how["column"]]) > _MOST_CHARACTERS:
            what = f"Expected a text of at most {_MOST_CHARACTERS:,} characters."
            faults.append(Fault(_path(where, self._how["column"]), what))
        return row, faults

    def _series(self, row: Any, where: str) -> tuple[Any, list[Fault]]:
        points = row.get("points") if isinstance(row, Mapping) else row
        window = self._how["window"]
        if not isinstance(points, list):
            return row, [Fault(f"{where}.points", f"Expected a list of points in time, got {_kind_of(points)}.")]
        if len(points) < window:
            what = f"Expected at least {plural(window, 'point')} in time, got {len(points)}."
            return row, [Fault(f"{where}.points", what)]
        faults: list[Fault] = []
        for number in range(len(points) - window, len(points)):
            place = f"{where}.points[{number}]"
            faults += self._cells(points[number], place, dict.fromkeys(self._how["columns"], "number"))[1]
            if len(faults) >= _MOST_FAULTS:
                break
        return row, faults

    def _file(self, row: Any, where: str) -> tuple[Any, list[Fault]]:
        name = FILE_KINDS[self._kind]
        if isinstance(row, Mapping):
            row, where = row.get(name), f"{where}.{name}"
        return _content(row, where)


def _is_text(value: str) -> bool:
    """Whether a text has no surrogate alone, which JSON can write but no encoding of texts has."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_it_is(row: Any, where: str) -> tuple[Any, list[Fault]]:
    del where
    return row, []


def _content(value: Any, where: str) -> tuple[Any, list[Fault]]:
    """A file's bytes from base64, with or without the start of a data: address."""
    if not isinstance(value, str):
        return value, [Fault(where, f"Expected a file in base64, got {_kind_of(value)}.")]
    try:
        return base64.b64decode(value.partition(",")[2] if value.startswith("data:") else value, validate=True), []
    except (binascii.Error, ValueError):
        return value, [Fault(where, "Expected a file in base64; this is none.")]


def _option_faults(values: Mapping[str, Any]) -> list[Fault]:
    faults = []
    if not isinstance(values.get("probabilities", False), bool):
        faults.append(Fault("probabilities", "Expected true or false."))
    length, temperature = values.get("length", 1), values.get("temperature", 1)
    if not isinstance(length, int) or isinstance(length, bool) or not 1 <= length <= MOST_TOKENS:
        faults.append(Fault("length", f"Expected a whole number of tokens from 1 to {MOST_TOKENS}."))
    is_number = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    if not is_number or not (temperature == 0 or 0.01 <= temperature <= 100):
        faults.append(Fault("temperature", "Expected 0, or a number from 0.01 to 100."))
    return faults


def refusal(error: DataError, key: str) -> Refused:
    """Return the answer to rows that cannot be encoded."""
    if not isinstance(error, RowError):
        return Refused(422, Fault(key, str(error)))
    where = f"{key}[{error.row - 1}]"
    return Refused(422, Fault(where if error.column is None else _path(where, error.column), _sentence(error.reason)))


def _sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:]


def _path(where: str, name: str) -> str:
    return f"{where}.{printable(name)}"


def _kind_of(value: Any) -> str:
    """What a value of JSON is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {str: "a text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "a file")
