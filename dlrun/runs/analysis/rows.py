"""Rows of a split as the user has them, and as the model sees them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.holdout import choose_rows
from dlrun.data.originals import Original, as_written
from dlrun.data.source import Originals, Rows, Source
from dlrun.data.spec import DataSpec
from dlrun.runs.analysis.reports import Mistake, Window

_MOST_FEATURES = 40  # of a row without names
_MOST_TOKENS = 200
_MOST_CHANNELS = 4  # of a sequence
_MOST_PAST = 240  # steps that are drawn


class RawRows:
    """The raw rows of a dataset, seen while it is loaded: `see` is given to `load_data`."""

    def __init__(self) -> None:
        self._parts: Mapping[str, Rows] = {}
        self._chosen: Mapping[str, tuple[str, Tensor | None]] = {}
        self._originals: Originals | None = None

    def see(self, source: Source, settings: DatasetSettings) -> None:
        """Remember the rows of a source, and which of them each split has."""
        self._parts = source.splits
        self._chosen = choose_rows(source, settings)
        self._originals = source.originals

    def fill(self, mistakes: Sequence[Mistake], spec: DataSpec, *, split: str) -> None:
        """Add to each mistake what its row is. Raises DataError if a file of it is missing or has changed."""
        if not mistakes:
            return
        part, index = self._chosen[split]
        numbers = [each.row if index is None else int(index[each.row]) for each in mistakes]
        rows = self._parts[part]
        originals: Sequence[Original | None] = [None] * len(numbers)
        if self._originals is not None:
            originals = self._originals(part, rows, numbers)
        raw = rows[torch.tensor(numbers, dtype=torch.int64)].in_memory()  # (B, ...)
        for mistake, original, values in zip(mistakes, originals, raw, strict=True):
            mistake.original = original
            if spec.kind == "image":
                mistake.pixels = as_pixels(values, spec, is_sound=original is not None and original.sound is not None)
            elif spec.kind == "sequence":
                shown = zip(mistake.windows, spec.continues, strict=False)
                mistake.windows = [_with_past(window, values, column) for window, column in shown] or _channels(values)
            elif original is None:
                mistake.original = _unnamed(values, spec)


def as_pixels(image: Tensor, spec: DataSpec, *, is_sound: bool = False) -> NDArray[np.uint8]:
    """Return a raw image, (C, H, W), as bytes, (H, W) or (H, W, 3); of a sound time goes right and frequency up."""
    values = image.double()
    low, high = float(values.min()), float(values.max())
    if spec.scaling is not None and not is_sound and spec.scaling.high > spec.scaling.low:
        low, high = spec.scaling.low, spec.scaling.high
    scaled = ((values - low) / ((high - low) or 1.0) * 255).round().clamp(0, 255).to(torch.uint8)
    if is_sound:
        return scaled[0].T.flip(0).contiguous().numpy()  # (1, frames, mels) -> (mels, frames)
    if len(scaled) == 3:
        return scaled.permute(1, 2, 0).contiguous().numpy()  # (3, H, W) -> (H, W, 3)
    return scaled[0].numpy()  # (C, H, W) -> (H, W)


def _with_past(window: Window, values: Tensor, column: int) -> Window:
    """The window with what was known, (T, F), of the input column that it continues; -1: none does."""
    past = values[-_MOST_PAST:, column].tolist() if column >= 0 else ()
    return dataclasses.replace(window, past=past)


def _channels(values: Tensor) -> list[Window]:
    """The channels of a sequence, (T, F)."""
    stride = max(1, len(values) // _MOST_PAST)
    return [
        Window(f"feature {n + 1}", values[::stride, n].tolist()) for n in range(min(values.shape[1], _MOST_CHANNELS))
    ]


def _unnamed(values: Tensor, spec: DataSpec) -> Original:
    if spec.kind == "tokens":
        ids = values.tolist()
        return Original(text=" ".join(map(str, ids[:_MOST_TOKENS])) + (" …" if len(ids) > _MOST_TOKENS else ""))
    numbers = values.flatten().tolist()
    cells = {f"feature {place + 1}": as_written(value) for place, value in enumerate(numbers[:_MOST_FEATURES])}
    return Original(cells=cells)
