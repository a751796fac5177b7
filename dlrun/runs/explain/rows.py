"""The rows that are explained, read from the user's file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from dlrun.data.encoders import default_encoder
from dlrun.data.files.paths import check_file_or_folder
from dlrun.data.source import Encoder
from dlrun.data.texts.classification import TextEncoder
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.runs.loaded_run import LoadedRun
from dlrun.wording import plural, printable

MOST_ROWS = 10
"""Of a file, if the user names none."""


@dataclass(frozen=True)
class InputRow:
    """number: in its file, from 1. raw: (1, ...), as the encoder returns it. length: without padding, if rows have it.

    about: what identifies the row, by heading. text: as the user wrote it, for a classifier of texts.
    """

    number: int
    raw: Tensor
    length: int | None
    about: Mapping[str, Any]
    text: str | None = None


def read_rows(run: LoadedRun, source: Path, *, row: int | None, warn: Callable[[str], None]) -> list[InputRow]:
    """Return one row of a file or folder, or its first ones.

    Raises DataError if it cannot be read or has no such row, naming what is wrong.
    """
    shown = printable(str(source), limit=500)
    check_file_or_folder(source)
    settings = run.config.dataset_settings
    encoder = run.encoder or default_encoder(run.config.dataset.name, run.spec, pad=settings.pad, warn=warn)
    found: list[InputRow] = []
    count = 0
    for given in _rows(encoder, source):
        count = given.number
        if row is None and count > MOST_ROWS:
            warn(f"{shown} has more rows; the first {MOST_ROWS} are explained. --row N explains another.")
            return found
        if row is None or count == row:
            found.append(given)
        if count == row:
            return found
    if not count:
        raise DataError(f"{shown}: there is no row to explain.")
    if row is not None:
        raise ConfigError(Problem(f"--row {row}", f"{shown} has {plural(count, 'row')}."))
    return found


def _rows(encoder: Encoder, source: Path) -> Iterator[InputRow]:
    texts = encoder.texts(source) if isinstance(encoder, TextEncoder) else None
    number = 0
    for encoded in encoder.chunks(source):
        for place in range(len(encoded.inputs)):
            number += 1
            length = None if encoded.lengths is None else int(encoded.lengths[place])
            about = {name: values[place] for name, values in encoded.columns.items()}
            text = None if texts is None else texts[number - 1]
            raw = encoded.inputs[place : place + 1]  # (1, ...)
            if length is not None:
                if not length:
                    raise DataError(f"{printable(str(source), limit=500)}: row {number} is empty: it has no step.")
                raw = raw[:, :length]  # (1, T, ...) -> (1, length, ...)
            yield InputRow(number, raw, length, about, text)
