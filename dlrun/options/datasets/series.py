"""Numbers over time of your own: forecast the next rows from those before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from dlrun.configuration.schema.fields import DataPath, Fraction, Width
from dlrun.data.files.paths import locate
from dlrun.data.source import Encoder, Source
from dlrun.data.tables.series import SeriesEncoder, series_format
from dlrun.data.tables.windows import series_source


def series(
    *,
    path: DataPath,
    val: DataPath | None,
    test: DataPath | None,
    columns: list[str] | None,
    target: str | list[str] | None,
    time: str | None,
    window: Literal["auto"] | Width,
    season: Literal["auto"] | Width,
    horizon: Width,
    step: Width,
    val_fraction: Fraction,
    test_fraction: Fraction,
    delimiter: str | None,
    encoding: str,
    on_bad_row: Literal["stop", "skip"],
) -> Source:
    """Windows of a series, (window, F) float32, and the horizon * K numbers that follow, split in the order of time.

    path: a CSV, TSV, JSON lines or Parquet file, one row for each time. window, season, horizon, step: in rows, from 1.

    Raises DataError naming file, row and column.
    """
    form, notices = series_format(
        locate(path),
        columns=columns,
        target=target,
        time=time,
        delimiter=delimiter,
        encoding=encoding,
    )
    return series_source(
        path,
        form,
        window=None if window == "auto" else window,
        season=None if season == "auto" else season,
        val=val,
        test=test,
        val_fraction=val_fraction,
        test_fraction=test_fraction,
        horizon=horizon,
        step=step,
        skip_bad_rows=on_bad_row == "skip",
        notices=notices,
    )


def encoder(state: Mapping[str, Any]) -> Encoder:
    """Return the encoder of a checkpoint's state, which reads new rows."""
    return SeriesEncoder.restored(state)
