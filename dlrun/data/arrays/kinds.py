"""The kind of rows that an array contains, by its shape and type, and arrays as inputs of a kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dlrun.data.spec import Kind
from dlrun.errors import DataError
from dlrun.wording import printable

_NUM_DIMS: Mapping[Kind, int] = {"dense": 2, "tokens": 2, "sequence": 3, "image": 4}


def kind_of(shape: tuple[int, ...], dtype: np.dtype[Any], path: Path) -> Kind:
    """Return the kind of rows that an array of this shape and type contains.

    Raises DataError for a shape of no kind.
    """
    if len(shape) == 2:
        return "tokens" if dtype.kind in "iu" and dtype.itemsize > 1 else "dense"
    if len(shape) == 3:
        return "image" if dtype == np.uint8 else "sequence"
    if len(shape) == 4:
        return "image"
    raise DataError(
        f"{printable(str(path))}: inputs of shape {shape}; expected (rows, features), (rows, channels, "
        "height, width), (rows, steps, features), or integers (rows, tokens)."
    )


def check_shape(shape: tuple[int, ...], kind: Kind, path: Path) -> None:
    """Raise DataError for an array whose shape is not that of the kind."""
    shown = printable(str(path))
    dims = len(shape) + (kind == "image" and len(shape) == 3)  # grey images may have no dimension of channels
    if dims != _NUM_DIMS[kind] or 0 in shape[1:]:
        raise DataError(f"{shown}: inputs of shape {shape}; {kind} rows need {_NUM_DIMS[kind]} dimensions.")
    if kind == "image" and len(shape) == 4 and shape[3] in (1, 3) and shape[1] > 4:
        what = f"inputs of shape {shape} look like (rows, height, width, channels); expected channels first."
        raise DataError(f"{shown}: {what} In numpy: inputs.transpose(0, 3, 1, 2).")


def as_inputs(raw: Tensor, kind: Kind, path: Path) -> Tensor:
    """Return an array as inputs of a kind: images of uint8 stay bytes, tokens become int64, all else float32.

    Raises DataError for a shape that is not that of the kind, and for tokens that are no integers from 0.
    """
    shown = printable(str(path))
    check_shape(tuple(raw.shape), kind, path)
    if kind == "image" and raw.ndim == 3:
        raw = raw.unsqueeze(1)  # (N, H, W) -> (N, 1, H, W)
    if kind == "tokens":
        if raw.is_floating_point() or (len(raw) and int(raw.min()) < 0):
            raise DataError(f"{shown}: expected tokens as integers from 0.")
        return raw.long()
    return raw if kind == "image" and raw.dtype == torch.uint8 else raw.to(torch.float32)
