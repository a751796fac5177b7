"""Tables in forms that are not read: how to turn each into one that is."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlrun.wording import printable

_READERS: Mapping[str, str] = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"), "read_excel"),
    **dict.fromkeys((".feather", ".arrow"), "read_feather"),
    ".dta": "read_stata",
    **dict.fromkeys((".sas7bdat", ".xpt"), "read_sas"),
    **dict.fromkeys((".sav", ".zsav", ".por"), "read_spss"),
    ".orc": "read_orc",
    **dict.fromkeys((".h5", ".hdf5", ".hdf"), "read_hdf"),
    **dict.fromkeys((".pkl", ".pickle"), "read_pickle"),
    ".xml": "read_xml",
    **dict.fromkeys((".gz", ".bz2", ".xz", ".zip"), "read_csv"),
}
"""The function of pandas that reads a table, by ending."""

_R: Mapping[str, str] = {".rds": "readRDS({})", **dict.fromkeys((".rda", ".rdata"), "get(load({}))")}
_ARRAYS = (".npz", ".npy", ".safetensors")
_DATABASES = (".sqlite", ".sqlite3", ".db")
_BEGINNING = 4096  # bytes
_MAKE = " To make a CSV of it: "
_QUERY = "'SELECT * FROM TABLE'"  # for the user to name the table in


def how_to_convert(path: Path) -> str:
    """Return a sentence with the command that makes a CSV of a file, after a space; nothing if none is known."""
    ending, shown, new = path.suffix.lower(), _shown(path), path.with_suffix(".csv")
    if ending in _ARRAYS:
        return f" Arrays are read by dataset=arrays: dlrun dataset=arrays dataset.path={shlex.quote(shown)}"
    if ending in _READERS:
        is_packed_csv = _READERS[ending] == "read_csv" and Path(path.stem).suffix.lower() == ".csv"
        return f"{_MAKE}{_by_pandas(_READERS[ending], path, path.with_suffix('') if is_packed_csv else new)}"
    if ending in _R:
        code = f"write.csv({_R[ending].format(_quoted(path))}, {_quoted(new)}, row.names=FALSE)"
        return f"{_MAKE}Rscript -e {shlex.quote(code)}"
    if ending in _DATABASES:
        return f"{_MAKE}sqlite3 -header -csv {shlex.quote(shown)} {_QUERY} > {shlex.quote(_shown(new))}"
    return ""


def divided_by_spaces(names: Sequence[str], path: Path) -> str:
    """Return how to make a CSV of a text whose names of columns have spaces between them; nothing if none has."""
    if not any(len(name.split()) > 1 for name in names):
        return ""
    new = path.with_suffix(".csv") if path.suffix.lower() != ".csv" else path.with_name(f"{path.stem}_new.csv")
    command = _by_pandas("read_csv", path, new, ', sep="[ \\t]+", engine="python"')
    return f" If spaces divide them, make a CSV of it: {command}"


def is_binary(path: Path) -> bool:
    """Return whether a file that may be text begins with what no text has, and a command for its ending is known."""
    if not how_to_convert(path):
        return False
    with path.open("rb") as stream:
        return b"\0" in stream.read(_BEGINNING)


def not_rows(row: Mapping[str, Any], path: Path) -> str:
    """Return what is wrong with the only JSON object of a file that holds a whole table; nothing if it is a row."""
    values = list(row.values())
    under = next((name for name, value in row.items() if _is_rows(value)), None)
    if under is not None:
        return f'the rows are under "{printable(under)}"; expected one list of objects, or an object on each line.'
    if len({len(value) if isinstance(value, dict | list) else -1 for value in values} - {0, 1}) != 1:
        return ""
    if not all(isinstance(value, dict | list) for value in values):
        return ""
    what = "the file is one object of columns; expected one list of objects, or an object on each line."
    return f"{what}{_MAKE}{_by_pandas('read_json', path, path.with_suffix('.csv'))}"


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(isinstance(each, dict) for each in value)


def _by_pandas(reader: str, path: Path, new: Path, options: str = "") -> str:
    """The command that makes a CSV of a file with a function of pandas. options: its further arguments, as code."""
    code = f"import pandas; pandas.{reader}({_quoted(path)}{options}).to_csv({_quoted(new)}, index=False)"
    return f"python -c {shlex.quote(code)}"


def _quoted(path: Path) -> str:
    """A path as a text of Python and R."""
    return json.dumps(_shown(path), ensure_ascii=False)


def _shown(path: Path) -> str:
    return printable(str(path), limit=500)
