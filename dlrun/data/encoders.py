"""The encoder of a dataset that has none of its own, by the kind of its rows."""

from __future__ import annotations

from collections.abc import Callable

from dlrun.data.media.images import ImageEncoder
from dlrun.data.source import Encoder
from dlrun.data.spec import DataSpec
from dlrun.data.tables.numbers import NumbersEncoder
from dlrun.errors import DataError


def default_encoder(name: str, spec: DataSpec, *, pad: int, warn: Callable[[str], None]) -> Encoder:
    """Return what reads new rows for a dataset without an encoder of its own.

    pad: dataset.pad of the run. warn: receives what the user should know of the rows that are read.
    Raises DataError for rows that have no common file format.
    """
    if spec.kind == "dense":
        return NumbersEncoder(spec.shape[0])
    if spec.kind == "image":
        return ImageEncoder.of_spec(spec, pad=pad, warn=warn)
    raise DataError(f"{name}: new rows of this dataset ({spec.describe()}) cannot be read from a file.")
