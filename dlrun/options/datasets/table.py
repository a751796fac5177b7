"""A table of your own: CSV, TSV, Parquet or JSON lines, the kinds of its columns inferred."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from dlrun.configuration.schema.fields import ColumnKinds, DataPath, Range, TextLength, VocabularySize
from dlrun.data.source import Encoder, Source
from dlrun.data.tables.encoding import TableEncoder
from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.several import check_targets
from dlrun.data.tables.source import table_source


def table(
    *,
    path: DataPath,
    target: str | list[str],
    val: DataPath | None,
    test: DataPath | None,
    task: Literal["auto", "regression", "binary", "multiclass"],
    columns: ColumnKinds,
    group: str | None,
    weight: str | None,
    categories: Literal["one_hot", "embed"],
    max_categories: VocabularySize,
    max_length: TextLength,
    max_vocabulary: VocabularySize,
    image_size: Annotated[int, Range(8, 512)],
    missing: Literal["fill", "error", "drop"],
    missing_target: Literal["leave_out", "stop"],
    on_bad_row: Literal["stop", "skip"],
    delimiter: str,
    encoding: str,
) -> Source:
    """Rows of a table as features, and its target column: a number to predict or a class.

    Raises DataError naming file, line and column.
    """
    first, *more = check_targets(target)
    return table_source(
        TableSettings(
            name="table",
            path=path,
            target=first,
            more_targets=tuple(more),
            val=val,
            test=test,
            task=task,
            columns=columns,
            group=group,
            weight=weight,
            embed=categories == "embed",
            max_categories=max_categories,
            max_length=max_length,
            max_vocabulary=max_vocabulary,
            image_size=image_size,
            missing=missing,
            missing_target=missing_target,
            skip_bad_rows=on_bad_row == "skip",
            delimiter=delimiter,
            encoding=encoding,
        )
    )


def encoder(state: Mapping[str, Any]) -> Encoder:
    """Return the encoder of a checkpoint's state, which reads new rows."""
    return TableEncoder.restored(state)
