"""Which columns of a table may become features, and which one is the target, from settings and the first rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables.columns import (
    BLOCK_KINDS,
    KINDS,
    Column,
    first_guess,
    kind_of,
    present_counts,
    setting,
    starts_of,
)
from dlrun.data.tables.judging import MOST_CLASSES, counts_of
from dlrun.data.tables.rows import TableRows
from dlrun.data.tables.set_aside import BY_USER, EMPTY, describe_texts
from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.written import DATES, written_otherwise
from dlrun.errors import ConfigError, DataError, Problem, did_you_mean
from dlrun.wording import plural, printable

_MOST_WRITTEN = 10  # numbers in another form that a target may have as its classes: 10%, 20%, 50%


def feature_columns(file: ArrowTable, settings: TableSettings) -> tuple[list[Column], dict[str, str]]:
    """Return the columns that may become features, and why each of the others does not.

    The kinds of lenient columns are guesses.
    Raises DataError for a column that the file does not have, and ConfigError for a kind that does not exist.
    """
    for name, kind in settings.columns.items():
        where = f"dataset.columns.{printable(name)}"
        if name not in file.names:
            raise ConfigError(
                Problem(where, f"There is no such column. {did_you_mean(name, file.names)}", id="unknown-column")
            )
        if kind not in KINDS:
            raise ConfigError(
                Problem(where, f"Expected one of {', '.join(KINDS)}, got {printable(str(kind))}.", id="wrong-value")
            )
    for name in settings.targets:
        if name not in file.names:
            field = "rating" if settings.name == "interactions" else "target"
            raise file.missing_column(name, file.names, f"for dataset.{field}")
    if settings.only is not None:
        file.check_columns(list(settings.only), file.names)
        return [Column(name, kind) for name, kind in settings.only.items()], {}
    columns, ignored = [], {}
    for name, values in file.sample().items():
        if name in settings.targets:
            continue
        counts = present_counts(values)
        kind = settings.columns.get(name) or _kind(file, counts, settings.max_categories)
        if kind == "ignore":
            ignored[name] = BY_USER
        elif name in settings.columns:
            columns.append(Column(name, kind))
        elif kind == "missing":
            ignored[name] = EMPTY
        elif kind == "text":
            ignored[name] = describe_texts(counts, num_rows=len(values), max_categories=settings.max_categories)
        else:
            columns.append(Column(name, kind, lenient=True))
    return columns, ignored


def _kind(file: ArrowTable, counts: Mapping[str, int], max_categories: int) -> str:
    if not file.sample_is_whole:
        return first_guess(counts, max_categories=max_categories)
    return kind_of(counts, max_categories=max_categories)


def target_column(file: ArrowTable, settings: TableSettings) -> Column:
    """Return the column to predict, as a number or a category; a lenient one is a guess.

    Raises DataError for a column without a value, and ConfigError for one that is set to texts or images.
    """
    name = settings.target
    if settings.columns.get(name) in BLOCK_KINDS:
        what = f"The target is a number or classes, not {settings.columns[name]}; expected number or category."
        raise ConfigError(Problem(f"dataset.columns.{printable(name)}", what, id="contradiction"))
    if settings.task in ("binary", "multiclass") or settings.columns.get(name) == "category":
        return Column(name, "category", is_target=True)
    if settings.only is not None or settings.columns.get(name) == "number":
        return Column(name, "number", is_target=True)
    counts = present_counts(file.sample()[name])
    if not counts and file.sample_is_whole:
        raise DataError(f'{file.shown}: the target "{printable(name)}" has no value in any row.')
    if settings.task == "regression":
        return Column(name, "number", lenient=True, is_target=True)
    kind = first_guess(counts, max_categories=MOST_CLASSES)
    is_guess = settings.columns.get(name) not in ("boolean", "ignore")
    return Column(name, "number" if kind == "number" else "category", lenient=is_guess, is_target=True)


def check_target(file: ArrowTable, guess: Column, columns: Sequence[Column], rows: TableRows) -> None:
    """Raise DataError for a target, the last column, that is neither a number nor classes.

    guess: what `target_column` returned.
    """
    target = columns[-1]
    if not guess.lenient or target.kind not in ("text", "category"):
        return
    counts = counts_of(starts_of(columns), rows, target.name)
    kind = kind_of(counts, max_categories=MOST_CLASSES)
    what = ""
    otherwise = written_otherwise(counts)
    if otherwise.startswith(DATES):
        kind = "date"
    elif target.kind == "text" and otherwise:
        what = f"has {otherwise}."
    elif target.kind == "text" and len(counts) <= MOST_CLASSES:
        texts, rows_with_one = len(counts), sum(counts.values())
        counted = f"{plural(texts, 'different text')} in {plural(rows_with_one, 'row')}"
        what = f"has {counted}; expected numbers or classes to predict."
    elif target.kind == "text":
        what = f"has {plural(len(counts), 'distinct value')}; expected numbers or at most {MOST_CLASSES:,} classes."
    if kind == "date":
        what = "has dates; expected numbers or classes to predict."
    elif target.kind == "category" and otherwise and len(counts) > _MOST_WRITTEN:
        classes = f"To predict them as {len(counts):,} classes: {setting(target.name, 'category')}."
        what = f"has {otherwise}. {classes}"
    if what:
        raise DataError(f'{file.shown}: the target "{printable(target.name)}" {what}')
