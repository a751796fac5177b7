"""Rows of the run's own data, raw and as the run encodes them: what an exported file is held against."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.encoders import default_encoder
from dlrun.data.files.examples import resolve
from dlrun.data.files.paths import locate, refuse_no_data
from dlrun.data.files.records import open_records, read_records
from dlrun.data.files.text import read_text
from dlrun.data.loading.split import scaling_tensors
from dlrun.data.media.audio import SUFFIXES as AUDIO
from dlrun.data.media.audio import AudioEncoder
from dlrun.data.media.images import FORMATS, ImageEncoder, suffixes_of
from dlrun.data.media.listing import new_files
from dlrun.data.source import Encoded, joined
from dlrun.data.tables.encoding import TableEncoder
from dlrun.data.tables.new_rows import open_new_rows
from dlrun.data.tables.series import SeriesEncoder, SeriesFormat, read_series
from dlrun.data.texts.classification import TextEncoder
from dlrun.data.texts.language import LanguageEncoder
from dlrun.errors import DataError
from dlrun.runs.export.rows import Row, RowEncoder
from dlrun.runs.export.values import Arrays
from dlrun.runs.loaded_run import LoadedRun
from dlrun.training.loading import load_data
from dlrun.wording import plural, printable

_MOST = {"images": 32, "audio": 16, "language": 16, "text": 64}  # rows of a kind
_MOST_OTHERS = 256
_TRIED_CHARACTERS = 6  # of a language model's texts, for each token of its context


@dataclass(frozen=True)
class RealRows:
    """Some rows. inputs: of the graph. encoded: as `dlrun predict` encodes them. lengths: of a language model's."""

    inputs: Arrays
    encoded: Encoded
    where: str  # in words
    lengths: Sequence[int] = field(default_factory=tuple)

    def __len__(self) -> int:
        return len(self.encoded.inputs)


def real_rows(run: LoadedRun, catalog: Catalog, encode: RowEncoder, kind: str, source: Path | None) -> RealRows:
    """Return rows of the data that the run was trained on, or of `source`. kind: of preprocessing.

    Raises DataError naming what to do if the data is not there, or has a row that cannot be read.
    """
    most = _MOST.get(kind, _MOST_OTHERS)
    try:
        found = _from_file(run, encode, kind, source, most)
        return _from_splits(run, catalog, most) if found is None else found
    except DataError as error:
        if source is not None:
            raise
        what = "The file is checked on rows of the run's own data. To check it on others: --rows FILE"
        raise DataError(f"{error}\n{what}, with new rows as for `dlrun predict`.") from error


def _from_file(run: LoadedRun, encode: RowEncoder, kind: str, source: Path | None, most: int) -> RealRows | None:
    """Rows of the file or folder that the run reads; None for a dataset without one, if there is no `source`."""
    encoder, named = run.encoder, run.config.dataset.arguments.get("path")
    if source is None and isinstance(named, str) and encoder is not None:
        refuse_no_data(named)
        source = locate(named) if kind not in ("images", "audio") else Path(resolve(named)).expanduser()
    if source is None:
        return None
    where = printable(str(source), limit=500)
    if isinstance(encoder, TableEncoder):
        rows, encoded = _table(encoder, source, most)
    elif isinstance(encoder, TextEncoder):
        rows, encoded = _texts(encoder, source, most)
    elif isinstance(encoder, LanguageEncoder):
        return _language(encoder, encode, source, most)
    elif isinstance(encoder, SeriesEncoder):
        rows, encoded = _windows(encoder, source, most)
    elif isinstance(encoder, AudioEncoder) or kind == "images":
        rows, encoded = _files(run, source, kind, most)
    else:
        reader = encoder or default_encoder(run.config.dataset.name, run.spec, pad=0, warn=_ignore)
        encoded = _first(next(reader.chunks(source)), most)
        rows = list(encoded.inputs.numpy())
        if encoded.lengths is not None:
            rows = [row[:length] for row, length in zip(rows, encoded.lengths.tolist(), strict=True)]
    if not len(encoded.inputs):
        raise DataError(f"{where}: there is no row.")
    return RealRows(encode(rows), encoded, f"{plural(len(rows), 'row')} of {where}")


def _ignore(text: str) -> None:
    """A notice about rows that are read to check a file."""


def _first(encoded: Encoded, most: int) -> Encoded:
    lengths = None if encoded.lengths is None else encoded.lengths[:most]
    return Encoded(encoded.inputs[:most], lengths)


def _table(encoder: TableEncoder, path: Path, most: int) -> tuple[list[Row], Encoded]:
    state = encoder.state()
    block = next(encoder.read(path), None)
    if block is None:
        return [], Encoded(torch.zeros(0, 1))
    encoder.words = dict(block.words)
    encoded = Encoded(encoder.transform(torch.from_numpy(block.raw[:most].copy())))
    file = open_new_rows(path, encoder.columns, delimiter=state["delimiter"], encoding=state["encoding"])
    names = [column.name for column in encoder.columns]
    images = [column.name for column in encoder.columns if column.kind == "image"]
    rows: list[Row] = []
    for batch in file.batches(numbers=(), names=names, bad=_bad_row):
        listed = [batch.column(number).slice(0, most - len(rows)).to_pylist() for number in range(len(names))]
        rows += [dict(zip(names, cells, strict=True)) for cells in zip(*listed, strict=True)]
        if len(rows) >= most:
            break
    for row in rows:
        row |= {name: (path.parent / row[name].strip()).read_bytes() for name in images if row[name] is not None}
    return rows, encoded


def _bad_row(line: int, what: str) -> None:
    raise DataError(f"line {line}: {what}")


def _texts(encoder: TextEncoder, path: Path, most: int) -> tuple[list[Row], Encoded]:
    form = encoder.state()["format"]
    file = open_records(path, delimiter=form["delimiter"], encoding=form["encoding"])
    texts: list[str] = []
    for record in read_records(file, [form["text"]], bad=_ignore):
        if record.cells[0].strip():
            texts.append(record.cells[0])
        if len(texts) == most:
            break
    if not texts:
        return [], Encoded(torch.zeros(0, 1))
    return [{form["text"]: text} for text in texts], Encoded(*encoder.padded(texts))


def _language(encoder: LanguageEncoder, encode: RowEncoder, path: Path, most: int) -> RealRows:
    """Texts of up to a whole context, the first of them of one token."""
    text = read_text(path, encoding=encoder.state()["encoding"])
    size = _TRIED_CHARACTERS * encoder.context
    step = max(1, (len(text) - size) // most)
    pieces = [piece for first in range(0, len(text), step) if (piece := text[first : first + size]).strip()][:most]
    ids = [encoder.tokenizer.ids(piece)[-encoder.context :] for piece in pieces]
    pairs = [(piece, row) for piece, row in zip(pieces, ids, strict=True) if row]
    width = max(len(row) for _, row in pairs)
    tokens = torch.zeros(len(pairs), width, dtype=torch.int64)
    for place, (_, row) in zip(tokens, pairs, strict=True):
        place[: len(row)] = torch.tensor(row)
    where = f"{plural(len(pairs), 'text')} of {printable(str(path), limit=500)}"
    return RealRows(encode([piece for piece, _ in pairs]), Encoded(tokens), where, [len(row) for _, row in pairs])


def _windows(encoder: SeriesEncoder, path: Path, most: int) -> tuple[list[Row], Encoded]:
    form = dataclasses.replace(SeriesFormat(**encoder.state()), target=[])
    series = read_series(path, form, skip_bad_rows=True)
    starts = range(0, max(0, series.num_rows - form.window + 1), max(1, (series.num_rows - form.window) // most))
    windows = [series.inputs[first : first + form.window] for first in starts[:most]]
    whole = [window for window in windows if bool(torch.isfinite(window).all())]
    if not whole:
        return [], Encoded(torch.zeros(0, 1))
    rows = [[dict(zip(form.columns, point, strict=True)) for point in window.tolist()] for window in whole]
    return rows, Encoded(torch.stack(whole).float())


def _files(run: LoadedRun, path: Path, kind: str, most: int) -> tuple[list[Row], Encoded]:
    suffixes = AUDIO if kind == "audio" else suffixes_of(FORMATS)
    paths = new_files(path, suffixes, what="file")
    chosen = paths[:: max(1, len(paths) // most)][:most]
    encoder = run.encoder
    if encoder is None:
        pad = run.config.dataset_settings.pad
        encoder = ImageEncoder.of_spec(run.spec, pad=pad, warn=_ignore)
    return [file.read_bytes() for file in chosen], joined(_each(encoder, chosen), path)


def _each(encoder: Any, paths: Sequence[Path]) -> Iterator[Encoded]:
    for path in paths:
        yield Encoded(encoder.encode(path).inputs)


def _from_splits(run: LoadedRun, catalog: Catalog, most: int) -> RealRows:
    """Rows that are held out, or else of the training split, with their scaling undone."""
    _, data, _ = load_data(run.config, catalog, run.device)
    name = data.judging_split
    batch = data.split(name).fetch(slice(0, most))
    raw = _unscaled(batch.inputs.cpu(), run)
    pad = run.config.dataset_settings.pad
    if pad and run.spec.kind == "image":
        raw = raw[:, :, pad:-pad, pad:-pad].contiguous()
    inputs: Mapping[str, Tensor] = {_INPUT_OF[run.spec.kind]: raw}
    if batch.lengths is not None:
        inputs = {**inputs, "lengths": batch.lengths.cpu()}
    where = f"{plural(len(raw), 'row')} of the {name} split"
    return RealRows({name: value.numpy() for name, value in inputs.items()}, Encoded(raw, batch.lengths), where)


_INPUT_OF = {"dense": "inputs", "sequence": "inputs", "image": "images", "tokens": "tokens"}


def _unscaled(inputs: Tensor, run: LoadedRun) -> Tensor:
    found = scaling_tensors(run.spec.scaling, ndim=inputs.ndim)
    if found is None:
        return inputs.contiguous()
    shift, factor = found
    return (inputs / factor + shift).contiguous()
