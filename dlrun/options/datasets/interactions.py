"""Ratings of items by users, to predict the ratings of new pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from dlrun.configuration.schema.fields import DataPath
from dlrun.data.source import Encoder, Source
from dlrun.data.tables.interactions import InteractionsEncoder
from dlrun.data.tables.settings import TableSettings
from dlrun.data.tables.source import table_source

_MAX_NAMES = 10_000_000  # users or items


def interactions(
    *,
    path: DataPath,
    user: str,
    item: str,
    rating: str,
    val: DataPath | None,
    test: DataPath | None,
    on_bad_row: Literal["stop", "skip"],
    delimiter: str,
    encoding: str,
) -> Source:
    """User and item as codes, (N, 2), and the rating to predict.

    Raises DataError naming file, line and column.
    """
    return table_source(
        TableSettings(
            name="interactions",
            path=path,
            target=rating,
            val=val,
            test=test,
            task="regression",
            only={user: "category", item: "category"},
            embed=True,
            max_categories=_MAX_NAMES,
            missing="error",
            missing_target="stop",
            skip_bad_rows=on_bad_row == "skip",
            delimiter=delimiter,
            encoding=encoding,
        ),
        encoder=InteractionsEncoder,
    )


def encoder(state: Mapping[str, Any]) -> Encoder:
    """Return the encoder of a checkpoint's state, which reads new pairs."""
    return InteractionsEncoder.restored(state)
