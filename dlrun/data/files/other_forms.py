"""Tables in forms that are not read: how to turn each into one that is."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlrun.wording import printable

_READERS: Mapping[tuple[str, ...], str] = {
    (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods"): "read_excel",
    (".feather", ".arrow"): "read_feather",
    (".dta",): "read_stata",
    (".sas7bdat", ".xpt"): "read_sas",
    (".sav", ".zsav", ".por"): "read_spss",
    (".orc",): "read_orc",
    (".h5", ".hdf5", ".hdf"): "read_hdf",
    (".pkl", ".pickle"): "read_pickle",
    (".xml",): "read_xml",
    (".gz", ".bz2", ".xz", ".zip"): "read_csv",
}
_R: Mapping[tuple[str, ...], str] = {
    (".rds",): "readRDS({path})",
    (".rda", ".rdata"): "get(load({path}))",
}
_ARRAYS = (".npz", ".npy", ".safetensors")
_DATABASES = (".sqlite", ".sqlite3", ".db")
_BEGINNING = 4096  # bytes
_QUERY = "'SELECT * FROM TABLE'"  # for the user to name the table in


def how_to_convert(path: Path) -> str:
    """Return a sentence with the command that makes a CSV of a file, after a space; nothing if none is known."""
    ending, new = path.suffix.lower(), printable(str(path.with_suffix(".csv")), limit=500)
    shown = printable(str(path), limit=500)
    if ending in (".gz", ".bz2", ".xz", ".zip") and Path(path.stem).suffix.lower() == ".csv":
        new = printable(str(path.with_suffix("")), limit=500)
    source, target = json.dumps(shown, ensure_ascii=False), json.dumps(new, ensure_ascii=False)
    if ending in _ARRAYS:
        return f" Arrays are read by dataset=arrays: dlrun dataset=arrays dataset.path={shlex.quote(shown)}"
    command = ""
    for endings, reader in _READERS.items():
        if ending in endings:
            code = f"import pandas; pandas.{reader}({source}).to_csv({target}, index=False)"
            command = f"python -c {shlex.quote(code)}"
    for endings, reader in _R.items():
        if ending in endings:
            code = f"write.csv({reader.format(path=source)}, {target}, row.names=FALSE)"
            command = f"Rscript -e {shlex.quote(code)}"
    if ending in _DATABASES:
        command = f"sqlite3 -header -csv {shlex.quote(shown)} {_QUERY} > {shlex.quote(new)}"
    return f" To make a CSV of it: {command}" if command else ""


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
    source = json.dumps(printable(str(path), limit=500), ensure_ascii=False)
    target = json.dumps(printable(str(path.with_suffix(".csv")), limit=500), ensure_ascii=False)
    code = f"import pandas; pandas.read_json({source}).to_csv({target}, index=False)"
    what = "the file is one object of columns; expected one list of objects, or an object on each line."
    return f"{what} To make a CSV of it: python -c {shlex.quote(code)}"


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(isinstance(each, dict) for each in value)
