"""From a table's files to a Source: kinds of columns, rows, the target's classes, and what the user should know."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.files.cache import Prepared, cached
from dlrun.data.files.optional import import_optional
from dlrun.data.files.paths import locate, unchanged
from dlrun.data.source import Rows, Source
from dlrun.data.tables.columns import KINDS, Column, kind_of
from dlrun.data.tables.encoding import TableEncoder
from dlrun.data.tables.rows import TableRows, Wrong, describe_skipped, read_rows
from dlrun.data.tables.target import target_of
from dlrun.errors import ConfigError, DataError, Problem, did_you_mean
from dlrun.wording import printable


@dataclass(frozen=True)
class TableSettings:
    """How a table is read; as the fields of dataset=table."""

    name: str
    path: str
    target: str
    val: str | None = None
    test: str | None = None
    task: str = "auto"
    columns: Mapping[str, str] = field(default_factory=dict)
    only: Mapping[str, str] | None = None  # the only columns that are read, and their kinds
    embed: bool = False
    max_categories: int = 100
    missing: Literal["fill", "error", "drop"] = "fill"
    skip_bad: bool = False
    delimiter: str = "auto"
    encoding: str = "utf-8"


def table_source(settings: TableSettings, *, encoder: type[TableEncoder] = TableEncoder) -> Source:
    """Read a table and, where they are named, its validation and test files.

    Raises DataError naming file, line and column, and ConfigError for columns that are not there.
    """
    named = {"train": settings.path, "val": settings.val, "test": settings.test}
    paths = {split: locate(name) for split, name in named.items() if name is not None}
    with unchanged(*paths.values()):
        files = {split: _open(path, settings) for split, path in paths.items()}
        columns, ignored = _columns(files["train"], settings)
        wanted = [*columns, _target_column(files["train"], settings)]
        rows = {split: _rows(file, wanted, settings) for split, file in files.items()}
    target = target_of(files, rows, wanted[-1], task=settings.task, skip_bad=settings.skip_bad)
    inputs = {split: part.raw[target.kept[split], :-1] for split, part in rows.items()}
    words = rows["train"].words
    for split in [split for split in rows if split != "train"]:
        words = _share_words(inputs[split], columns, rows[split].words, words)
    made = encoder(
        columns,
        embed=settings.embed,
        max_categories=settings.max_categories,
        delimiter=settings.delimiter,
        encoding=settings.encoding,
        words={column.name: words[column.name] for column in columns if column.kind == "category"},
    )
    splits = {
        split: Rows(torch.from_numpy(np.ascontiguousarray(values)), torch.from_numpy(target.values[split]))
        for split, values in inputs.items()
    }
    skipped = {split: part for split, part in rows.items() if part.num_skipped}
    return Source(
        "dense",
        target.goal,
        train=splits["train"],
        val=splits.get("val"),
        test=splits.get("test"),
        class_names=target.class_names,
        fit=made.fitted,
        fingerprint=_fingerprint(files, settings),
        notices=[*_notices(columns, ignored, rows, inputs["train"], settings), *target.notices],
        skipped={split: describe_skipped(part) for split, part in skipped.items()} or (),
    )


def _open(path: Path, settings: TableSettings) -> ArrowTable:
    return ArrowTable(path, delimiter=settings.delimiter, encoding=settings.encoding)


def _columns(file: ArrowTable, settings: TableSettings) -> tuple[list[Column], dict[str, str]]:
    """The columns that become features, and why others do not."""
    for name, kind in settings.columns.items():
        where = f"dataset.columns.{printable(name)}"
        if name not in file.names:
            raise ConfigError(Problem(where, f"There is no such column. {did_you_mean(name, file.names)}"))
        if kind not in KINDS:
            raise ConfigError(Problem(where, f"Expected one of {', '.join(KINDS)}, got {printable(str(kind))}."))
    if settings.target not in file.names:
        what = f'there is no column "{printable(settings.target)}" for dataset.target.'
        if len(file.names) == 1:
            what += f' Its only column is "{printable(file.names[0])}": is dataset.delimiter right?'
        raise DataError(f"{file.shown}: {what} {did_you_mean(settings.target, file.names)}".rstrip())
    if settings.only is not None:
        for name in settings.only:
            if name not in file.names:
                hint = did_you_mean(name, file.names)
                raise DataError(f'{file.shown}: there is no column "{printable(name)}". {hint}'.rstrip())
        return [Column(name, kind) for name, kind in settings.only.items()], {}
    columns, ignored = [], {}
    for name, values in file.sample().items():
        kind = settings.columns.get(name) or kind_of(values, max_categories=settings.max_categories)
        if name == settings.target:
            continue
        if kind == "missing":
            kind = "category"
        if kind in ("text", "ignore"):
            ignored[name] = "as asked" if name in settings.columns else "free text"
        else:
            columns.append(Column(name, kind))
    if not columns:
        raise DataError(f"{file.shown}: no column is left to learn from; name kinds with dataset.columns={{...}}.")
    return columns, ignored


def _target_column(file: ArrowTable, settings: TableSettings) -> Column:
    if settings.task == "regression":
        return Column(settings.target, "number")
    if settings.task in ("binary", "multiclass") or settings.columns.get(settings.target) == "category":
        return Column(settings.target, "category")
    kind = settings.columns.get(settings.target) or kind_of(file.sample()[settings.target], max_categories=1000)
    if kind == "missing":
        raise DataError(f'{file.shown}: the target "{printable(settings.target)}" has no value in any row.')
    if kind == "text":
        what = f'the target "{printable(settings.target)}" holds a different text in nearly every row'
        raise DataError(f"{file.shown}: {what}; give a number or a class to predict.")
    if kind == "date":
        raise DataError(
            f'{file.shown}: the target "{printable(settings.target)}" holds dates; give a number or a class to predict.'
        )
    return Column(settings.target, "number" if kind == "number" else "category")


def _rows(file: ArrowTable, columns: Sequence[Column], settings: TableSettings) -> TableRows:
    """The file's rows, from the cache where reading them takes long."""
    for column in columns:
        if column.name not in file.names:
            raise DataError(f'{file.shown}: there is no column "{printable(column.name)}", which the table has.')

    def read() -> TableRows:
        found = read_rows(
            file, columns, skip_bad=settings.skip_bad, required=[settings.target], missing=settings.missing
        )
        if len(found.raw) == 0:
            raise DataError(f"{file.shown}: no row is left ({found.num_skipped + found.num_dropped} were left out).")
        return found

    decisive = {
        **asdict(settings), "path": "", "val": None, "test": None,
        "kinds": [[column.name, column.kind] for column in columns],
        "reader": import_optional("pyarrow", extra="table", needed_by=file.shown).__version__,
    }  # fmt: skip
    found = _as_rows(cached(settings.name, {"rows": file.digest}, decisive, lambda: _as_prepared(read())))
    _check_columns(file, columns, found)
    return found


def _as_prepared(rows: TableRows) -> Prepared:
    listed = [[wrong.line, wrong.column, wrong.what] for wrong in rows.skipped]
    counts = {"num_skipped": rows.num_skipped, "num_dropped": rows.num_dropped}
    return Prepared({"raw": torch.from_numpy(rows.raw)}, {"words": rows.words, "skipped": listed, **counts})


def _as_rows(made: Prepared) -> TableRows:
    values = dict(made.values)
    listed = [Wrong(*wrong) for wrong in values.pop("skipped")]
    return TableRows(made.tensors["raw"].numpy(), skipped=listed, **values)


def _check_columns(file: ArrowTable, columns: Sequence[Column], rows: TableRows) -> None:
    for column in columns:
        if np.isnan(rows.column(columns, column.name)).all():
            raise DataError(
                f'{file.shown}: the column "{printable(column.name)}" has no value in any row. '
                f"Leave it out: dataset.columns={{{column.name}: ignore}}."
            )


def _share_words(
    inputs: NDArray[np.float32],
    columns: Sequence[Column],
    own: Mapping[str, Sequence[str]],
    words: Mapping[str, Sequence[str]],
) -> dict[str, list[str]]:
    """Rewrite another file's category codes, in place, by the training file's words; new words come after them."""
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
    decisive = {**asdict(settings), "path": "", "val": "", "test": ""}
    text = json.dumps([{split: file.digest for split, file in files.items()}, decisive], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _notices(
    columns: Sequence[Column],
    ignored: Mapping[str, str],
    rows: Mapping[str, TableRows],
    inputs: NDArray[np.float32],
    settings: TableSettings,
) -> list[str]:
    """What was read off the columns, and what became of missing values and bad rows."""
    notices = []
    for kind, plural in (("number", "numbers"), ("boolean", "yes/no"), ("date", "dates"), ("category", "categories")):
        names = [
            printable(column.name) + (f" ({len(rows['train'].words[column.name])})" if kind == "category" else "")
            for column in columns
            if column.kind == kind
        ]
        if names:
            shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
            notices.append(f"columns: {len(names)} {plural}: {shown}")
    for name, why in ignored.items():
        notices.append(f"columns: {printable(name)} is ignored ({why})")
    lacking, start = [], 0
    for column in columns:
        count = int(np.isnan(inputs[:, start]).sum())
        start += column.width
        if count:
            lacking.append(f"{printable(column.name)} {count:,}")
    if lacking:
        shown = ", ".join(lacking[:12]) + (", ..." if len(lacking) > 12 else "")
        notices.append(f"missing: {shown}; amounts become the training median and a flag, categories one of their own")
    for split, part in rows.items():
        of = "" if split == "train" else f" of dataset.{split}"
        if part.num_dropped:
            notices.append(f"{part.num_dropped:,} rows{of} with missing values were left out (dataset.missing=drop)")
        if part.num_skipped:
            first = "; ".join(str(wrong) for wrong in part.skipped[:5])
            notices.append(f"{part.num_skipped:,} bad rows{of} were left out (dataset.on_bad_row=skip): {first}")
    return notices
