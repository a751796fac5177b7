"""From a table's files to a Source: features and target of each row, fitted once the training rows are known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.files.cache import Prepared, cached
from dlrun.data.files.optional import import_optional
from dlrun.data.files.paths import locate, unchanged
from dlrun.data.source import Rows, Source
from dlrun.data.tables.columns import Column
from dlrun.data.tables.encoding import TableEncoder
from dlrun.data.tables.features import feature_columns, target_column
from dlrun.data.tables.notices import table_notices
from dlrun.data.tables.row_columns import row_columns
from dlrun.data.tables.rows import RowProblem, TableRows, describe_skipped, read_rows
from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.target import target_of
from dlrun.errors import DataError
from dlrun.wording import plural, printable


def table_source(settings: TableSettings, *, encoder: type[TableEncoder] = TableEncoder) -> Source:
    """Read a table and, if they are set, its validation and test files.

    encoder: what makes features of the columns.
    Raises DataError naming file, line and column, and ConfigError for settings that do not fit the columns.
    """
    named = {"train": settings.path, "val": settings.val, "test": settings.test}
    paths = {split: locate(name) for split, name in named.items() if name is not None}
    with unchanged(*paths.values()):
        files = {
            split: ArrowTable(path, delimiter=settings.delimiter, encoding=settings.encoding)
            for split, path in paths.items()
        }
        set_aside = row_columns(files["train"], settings)
        columns, ignored = feature_columns(files["train"], set_aside.ignored_in(settings))
        wanted = target_column(files["train"], settings)
        extra = {split: [*set_aside.of_split(split), wanted] for split in files}
        rows = {split: _rows(file, [*columns, *extra[split]], settings) for split, file in files.items()}
    target = target_of(files, rows, wanted, task=settings.task, skip_bad_rows=settings.skip_bad_rows)
    width = sum(column.width for column in columns)
    kept = {split: part.raw[target.kept[split]] for split, part in rows.items()}
    inputs = {split: raw[:, :width] for split, raw in kept.items()}
    words = _joined_words(inputs, columns, rows)
    weights, groups = set_aside.weights(columns, kept), set_aside.groups(columns, kept["train"])
    tensors = {split: torch.from_numpy(np.ascontiguousarray(values)) for split, values in inputs.items()}
    splits = {
        split: Rows(values, torch.from_numpy(target.values[split]), weights=weights.get(split))
        for split, values in tensors.items()
    }
    skipped = {split: describe_skipped(part) for split, part in rows.items() if part.num_skipped}
    return Source(
        "dense",
        target.goal,
        train=splits["train"],
        val=splits.get("val"),
        test=splits.get("test"),
        class_names=target.class_names,
        fit=_unfitted(encoder, columns, words, settings).fit_transform,
        fingerprint=_fingerprint(files, settings),
        notices=[
            *table_notices(columns, ignored | set_aside.why, rows, inputs["train"]),
            *target.notices,
            *set_aside.notices(groups),
        ],
        skipped=skipped or (),
        groups=groups,
    )


def _unfitted(
    encoder: type[TableEncoder], columns: Sequence[Column], words: Mapping[str, Sequence[str]], settings: TableSettings
) -> TableEncoder:
    return encoder(
        columns,
        embed=settings.embed,
        max_categories=settings.max_categories,
        delimiter=settings.delimiter,
        encoding=settings.encoding,
        words=words,
    )


def _rows(file: ArrowTable, columns: Sequence[Column], settings: TableSettings) -> TableRows:
    """The file's rows, from the cache if reading them takes long."""
    file.check_columns([column.name for column in columns], file.names)

    def read() -> TableRows:
        found = read_rows(
            file,
            columns,
            skip_bad_rows=settings.skip_bad_rows,
            required=settings.required,
            missing=settings.missing,
        )
        if len(found.raw) == 0:
            count = found.num_skipped + found.num_dropped
            raise DataError(f"{file.shown}: no row is left ({plural(count, 'row')} skipped or dropped).")
        return found

    decisive = {
        **settings.decisive(),
        "kinds": [[column.name, column.kind] for column in columns],
        "reader": import_optional("pyarrow", extra="table", needed_by=file.shown).__version__,
    }
    found = _as_rows(cached(settings.name, {"rows": file.digest}, decisive, lambda: _as_prepared(read())))
    for column in columns:
        if np.isnan(found.column(columns, column.name)).all():
            raise DataError(
                f'{file.shown}: the column "{printable(column.name)}" has no value in any row. '
                f"Ignore it: dataset.columns={{{column.name}: ignore}}."
            )
    return found


def _as_prepared(rows: TableRows) -> Prepared:
    listed = [[problem.line, problem.column, problem.what] for problem in rows.skipped]
    counts = {"num_skipped": rows.num_skipped, "num_dropped": rows.num_dropped}
    return Prepared({"raw": torch.from_numpy(rows.raw)}, {"words": rows.words, "skipped": listed, **counts})


def _as_rows(made: Prepared) -> TableRows:
    values = dict(made.values)
    listed = [RowProblem(*problem) for problem in values.pop("skipped")]
    return TableRows(made.tensors["raw"].numpy(), skipped=listed, **values)


def _joined_words(
    inputs: Mapping[str, NDArray[np.float32]], columns: Sequence[Column], rows: Mapping[str, TableRows]
) -> dict[str, list[str]]:
    """Return the categories of all files by column, after rewriting the codes of each file, in place, to them."""
    words = rows["train"].words
    for split in [split for split in rows if split != "train"]:
        words = _share_words(inputs[split], columns, rows[split].words, words)
    return {column.name: words[column.name] for column in columns if column.kind == "category"}


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
        if column.kind == "category":
            known = {word: code for code, word in enumerate(joined[column.name])}
            table = [known.setdefault(word, len(known)) for word in own[column.name]]
            joined[column.name] = list(known)
            values = inputs[:, start]
            present = ~np.isnan(values)
            values[present] = np.array(table, dtype=np.float32)[values[present].astype(np.int64)]
        start += column.width
    return joined


def _fingerprint(files: Mapping[str, ArrowTable], settings: TableSettings) -> str:
    text = json.dumps([{split: file.digest for split, file in files.items()}, settings.decisive()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
