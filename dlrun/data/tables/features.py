"""Which columns of a table become features, and which one is the target."""

from __future__ import annotations

from dlrun.data.files.arrow_table import ArrowTable
from dlrun.data.tables.blocks import unused_text
from dlrun.data.tables.columns import KINDS, Column, kind_of
from dlrun.data.tables.settings import TableSettings
from dlrun.errors import ConfigError, DataError, Problem, did_you_mean
from dlrun.wording import printable

_MAX_TARGET_CATEGORIES = 1000


def feature_columns(file: ArrowTable, settings: TableSettings) -> tuple[list[Column], dict[str, str]]:
    """Return the columns that become features, and why each of the others does not.

    Raises DataError for a column that the file does not have, and ConfigError for a kind that does not exist.
    """
    for name, kind in settings.columns.items():
        where = f"dataset.columns.{printable(name)}"
        if name not in file.names:
            raise ConfigError(Problem(where, f"There is no such column. {did_you_mean(name, file.names)}"))
        if kind not in KINDS:
            raise ConfigError(Problem(where, f"Expected one of {', '.join(KINDS)}, got {printable(str(kind))}."))
    if settings.target not in file.names:
        raise file.missing_column(settings.target, file.names, "for dataset.target")
    if settings.only is not None:
        file.check_columns(list(settings.only), file.names)
        return [Column(name, kind) for name, kind in settings.only.items()], {}
    columns, ignored = [], {}
    for name, values in file.sample().items():
        kind = settings.columns.get(name) or kind_of(values, max_categories=settings.max_categories)
        if name == settings.target:
            continue
        if kind == "missing":
            kind = "category"
        if kind == "ignore" or (kind == "text" and name not in settings.columns):
            ignored[name] = "dataset.columns" if kind == "ignore" else unused_text(name, values)
        else:
            columns.append(Column(name, kind))
    if not columns:
        raise DataError(f"{file.shown}: no column is left for features; set the kinds of columns: dataset.columns.")
    return columns, ignored


def target_column(file: ArrowTable, settings: TableSettings) -> Column:
    """Return the column to predict, as a number or a category.

    Raises DataError for a column of neither kind.
    """
    if settings.task == "regression":
        return Column(settings.target, "number")
    if settings.task in ("binary", "multiclass") or settings.columns.get(settings.target) == "category":
        return Column(settings.target, "category")
    values = file.sample()[settings.target]
    kind = settings.columns.get(settings.target) or kind_of(values, max_categories=_MAX_TARGET_CATEGORIES)
    wrong = {
        "missing": "has no value in any row.",
        "text": "has a different text in nearly every row; expected numbers or classes to predict.",
        "date": "has dates; expected numbers or classes to predict.",
        "image": "has images; expected numbers or classes to predict.",
    }.get(kind)
    if wrong is not None:
        raise DataError(f'{file.shown}: the target "{printable(settings.target)}" {wrong}')
    return Column(settings.target, "number" if kind == "number" else "category")
