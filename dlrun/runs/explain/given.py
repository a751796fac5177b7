"""The rows that are explained, read from the user's file, and the model as a function of one row's inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.data.encoders import default_encoder
from dlrun.data.files.paths import check_file_or_folder
from dlrun.data.loading.split import scale, scaling_tensors
from dlrun.data.source import Encoder
from dlrun.data.spec import Batch
from dlrun.data.texts.classification import TextEncoder
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.runs.loaded_run import LoadedRun
from dlrun.tasks.task import SupervisedTask
from dlrun.wording import plural, printable

MOST_ROWS = 10
"""Of a file, if the user names none."""


@dataclass(frozen=True)
class GivenRow:
    """number: in its file, from 1. raw: (1, ...), as the encoder returns it. length: without padding, if rows have it.

    about: what identifies the row, by heading. text: as the user wrote it, for a classifier of texts.
    """

    number: int
    raw: Tensor
    length: int | None
    about: Mapping[str, Any]
    text: str | None = None


def read_rows(run: LoadedRun, source: Path, *, row: int | None, warn: Callable[[str], None]) -> list[GivenRow]:
    """Return one row of a file or folder, or its first ones.

    Raises DataError if it cannot be read or has no such row, naming what is wrong.
    """
    shown = printable(str(source), limit=500)
    check_file_or_folder(source)
    settings = run.config.dataset_settings
    encoder = run.encoder or default_encoder(run.config.dataset.name, run.spec, pad=settings.pad, warn=warn)
    found: list[GivenRow] = []
    count = 0
    for given in _rows(encoder, source):
        count = given.number
        if row is None and count > MOST_ROWS:
            warn(f"{shown} has more rows; the first {MOST_ROWS} are explained. --row N explains another.")
            return found
        if row is None or count == row:
            found.append(given)
        if count == row:
            return found
    if not count:
        raise DataError(f"{shown}: there is no row to explain.")
    if row is not None:
        raise ConfigError(Problem(f"--row {row}", f"{shown} has {plural(count, 'row')}."))
    return found


def _rows(encoder: Encoder, source: Path) -> Iterator[GivenRow]:
    texts = encoder.texts(source) if isinstance(encoder, TextEncoder) else None
    number = 0
    for encoded in encoder.chunks(source):
        for place in range(len(encoded.inputs)):
            number += 1
            length = None if encoded.lengths is None else int(encoded.lengths[place])
            about = {name: values[place] for name, values in encoded.columns.items()}
            text = None if texts is None else texts[number - 1]
            raw = encoded.inputs[place : place + 1]  # (1, ...)
            if length is not None:
                if not length:
                    raise DataError(f"{printable(str(source), limit=500)}: row {number} is empty: it has no step.")
                raw = raw[:, :length]  # (1, T, ...) -> (1, length, ...)
            yield GivenRow(number, raw, length, about, text)


class Model:
    """A run's model as a function of inputs that are scaled as in training."""

    def __init__(self, run: LoadedRun, task: SupervisedTask) -> None:
        self._run, self._task = run, task

    def scaled(self, raw: Tensor) -> Tensor:
        """Return raw inputs as the model is given them, on its device: with the run's border, scaled.

        Raises DataError for rows of another shape than the run was trained on.
        """
        spec, pad = self._run.spec, self._run.config.dataset_settings.pad
        if pad and spec.kind == "image":
            raw = F.pad(raw, (pad, pad, pad, pad))  # (N, C, H, W) -> (N, C, H + 2 * pad, W + 2 * pad)
        if raw.ndim != 1 + len(spec.shape) or (tuple(raw.shape[1:]) != spec.shape and not spec.has_lengths):
            raise DataError(f"Expected rows of shape {spec.shape}, as the run was trained on, got {raw.shape[1:]}.")
        return scale(raw, scaling_tensors(spec.scaling, ndim=raw.ndim)).to(self._run.device.torch)

    def outputs(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the model's outputs in float32, (B, K)."""
        targets = torch.zeros(len(inputs), dtype=torch.int64, device=inputs.device)
        lengths = None if lengths is None else lengths.to(inputs.device)
        with self._run.device.autocast():
            outputs: Tensor = self._task(Batch(inputs, targets, lengths))
        return outputs.float()

    def answer(self, given: GivenRow) -> Tensor:
        """Return the model's outputs for a row, (1, K), without gradients, on the CPU."""
        lengths = None if given.length is None else torch.tensor([given.length])
        with torch.no_grad():
            return self.outputs(self.scaled(given.raw), lengths).cpu()
