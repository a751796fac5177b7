"""From a table's files to a Source: features and target of each row, fitted once the training rows are known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.files.paths import locate, unchanged
from dlrun.data.source import Rows, Source
from dlrun.data.tables.blocks import block_encoders, text_notices
from dlrun.data.tables.columns import WORD_KINDS, Column
from dlrun.data.tables.encoding import TableEncoder
from dlrun.data.tables.image_files import ImageFiles, find_images, image_notices
from dlrun.data.tables.notices import table_notices
from dlrun.data.tables.originals import table_originals
from dlrun.data.tables.reading import TrainTable, read_other, read_train
from dlrun.data.tables.row_columns import group_notices, groups_of, weights_of
from dlrun.data.tables.rows import TableRows, describe_skipped
from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.several import targets_of


def table_source(settings: TableSettings, *, encoder: type[TableEncoder] = TableEncoder) -> Source:
    """Read a table and, if they are set, its validation and test files.

    encoder: what makes features of the columns.
    Raises DataError naming file, line and column, and ConfigError for settings that do not fit the columns.
    """
    named = {"train": settings.path, "val": settings.val, "test": settings.test}
    paths = {split: locate(name) for split, name in named.items() if name is not None}
    with unchanged(*paths.values()):
        files = _opened(paths, settings)
        images = {split: find_images(file, settings.images) for split, file in files.items()}
        table, rows = _read(files, settings, images)
    columns = table.columns[:-1]
    target, parts = targets_of(files, rows, table, settings)
    inputs = {split: part.raw[:, :-1] for split, part in rows.items()}
    unfitted = encoder(
        columns,
        embed=settings.embed,
        max_categories=settings.max_categories,
        delimiter=settings.delimiter,
        encoding=settings.encoding,
        words=_joined_words(inputs, columns, rows),
        blocks=block_encoders(columns, settings, [part.facts for part in images.values()]),
    )
    weights, groups = weights_of(rows, settings), groups_of(table.rows, columns, settings)
    splits = {split: _rows(inputs[split], target.values[split], weights.get(split)) for split in inputs}
    return Source(
        "dense",
        target.goal,
        train=splits["train"],
        val=splits.get("val"),
        test=splits.get("test"),
        class_names=target.class_names,
        fit=unfitted.fit_transform,
        fingerprint=_fingerprint(files, settings, {**table.judged, **target.judged}, images),
        notices=[
            *table_notices(table, rows, settings),
            *text_notices(columns, rows["train"].words, max_length=settings.max_length),
            *image_notices(images),
            *target.notices,
            *group_notices(groups, settings),
        ],
        skipped={split: describe_skipped(part) for split, part in rows.items() if part.num_skipped} or (),
        parts=parts,
        groups=groups,
        originals=table_originals(columns, unfitted.words, rows, paths),
    )


def _opened(paths: Mapping[str, Path], settings: TableSettings) -> dict[str, ArrowTable]:
    return {
        split: ArrowTable(path, delimiter=settings.delimiter, encoding=settings.encoding)
        for split, path in paths.items()
    }


def _read(
    files: Mapping[str, ArrowTable], settings: TableSettings, images: Mapping[str, ImageFiles]
) -> tuple[TrainTable, dict[str, TableRows]]:
    """The training file, and the rows of every file."""
    table = read_train(files["train"], settings, images["train"])
    rows = {"train": table.rows}
    for split in [split for split in files if split != "train"]:
        more = table.more_targets
        rows[split] = read_other(files[split], table.columns, settings, images[split], more_targets=more)
    return table, rows


def _rows(inputs: NDArray[np.float32], targets: NDArray[Any], weights: Tensor | None) -> Rows:
    return Rows(torch.from_numpy(np.ascontiguousarray(inputs)), torch.from_numpy(targets), weights=weights)


def _joined_words(
    inputs: Mapping[str, NDArray[np.float32]], columns: Sequence[Column], rows: Mapping[str, TableRows]
) -> dict[str, list[str]]:
    """Return the categories of all files by column, after rewriting the codes of each file, in place, to them."""
    words = rows["train"].words
    for split in [split for split in rows if split != "train"]:
        words = _share_words(inputs[split], columns, rows[split].words, words)
    return {column.name: words[column.name] for column in columns if column.kind in WORD_KINDS}


def _share_words(
    inputs: NDArray[np.float32],
    columns: Sequence[Column],
    own: Mapping[str, Sequence[str]],
    words: Mapping[str, Sequence[str]],
) -> dict[str, list[str]]:
    """Rewrite the category codes of another file, in place, to those of the training file.

    own: the categories of that file by column; words: those known so far. Returns them with the new ones at the end.
    """
    joined = {name: list(known) for name, known in words.items()}
    start = 0
    for column in columns:
        if column.kind in WORD_KINDS:
            known = {word: code for code, word in enumerate(joined[column.name])}
            table = [known.setdefault(word, len(known)) for word in own[column.name]]
            joined[column.name] = list(known)
            values = inputs[:, start]
            present = ~np.isnan(values)
            values[present] = np.array(table, dtype=np.float32)[values[present].astype(np.int64)]
        start += column.width
    return joined


def _fingerprint(
    files: Mapping[str, ArrowTable],
    settings: TableSettings,
    judged: Mapping[str, Any],
    images: Mapping[str, ImageFiles],
) -> str:
    decisive = {**settings.decisive(), **({"judged": judged} if judged else {})}
    if settings.images:
        decisive["images"] = {split: part.digest for split, part in images.items()}
    text = json.dumps([{split: file.digest for split, file in files.items()}, decisive], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
