"""The first part of a graph: from raw values to what the model is given, as the run's own preprocessing does it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.data.loading.split import scaling_tensors
from dlrun.data.media.audio import FLOOR, mel_bands
from dlrun.data.spec import Block, DataSpec, Scaling
from dlrun.data.tables.columns import BLOCK_KINDS, DATE_PARTS, WORD_KINDS
from dlrun.runs.export.values import BATCH, TIME, Value
from dlrun.wording import plural

ModelInputs = tuple[Tensor, Tensor | None]
"""A model's inputs, and the lengths of rows if they have padding."""


class Preprocessor(nn.Module):
    """Raw values to a model's inputs. values: the graph's inputs, in order. keeps: whether inputs stay as they are."""

    values: tuple[Value, ...] = ()
    keeps = False

    def forward(self, *given: Tensor) -> ModelInputs:
        """Return the model's inputs; each of `given` has the rows of one of `values`."""
        raise NotImplementedError


class Scale(nn.Module):
    """(raw - mean) / std of each channel or feature; without a scaling inputs stay as they are."""

    shift: Tensor
    factor: Tensor

    def __init__(self, scaling: Scaling | None, *, ndim: int) -> None:
        super().__init__()
        found = scaling_tensors(scaling, ndim=ndim)
        self.is_none = found is None
        shift, factor = (torch.zeros(()), torch.ones(())) if found is None else found
        self.register_buffer("shift", shift)
        self.register_buffer("factor", factor)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs if self.is_none else (inputs - self.shift) * self.factor


class NumbersPreprocessor(Preprocessor):
    """Rows of numbers, or of time steps of numbers: they are scaled."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        shape: tuple[int | str, ...] = (BATCH, *spec.shape)
        longest = None
        if spec.has_lengths:
            shape, longest = (BATCH, TIME, *spec.shape[1:]), spec.shape[0]
        meaning = "numbers in their own units" if spec.kind == "dense" else "time steps of numbers in their own units"
        self.values = (Value("inputs", "float32", shape, meaning, longest), *_lengths(spec))
        self.scale = Scale(spec.scaling, ndim=len(spec.shape) + 1)
        self.keeps = self.scale.is_none

    def forward(self, *given: Tensor) -> ModelInputs:
        return self.scale(given[0]), given[1] if len(given) > 1 else None


class TokensPreprocessor(Preprocessor):
    """Texts as ids: they stay as they are."""

    keeps = True

    def __init__(self, spec: DataSpec, *, free: bool) -> None:
        super().__init__()
        longest = spec.shape[0]
        free = free and longest > 1
        size = spec.vocabulary_size
        meaning = "token ids" if size is None else f"token ids from 0 to {size - 1}"
        shape = (BATCH, TIME if free else longest)
        self.values = (Value("tokens", "int64", shape, meaning, longest if free else None), *_lengths(spec))

    def forward(self, *given: Tensor) -> ModelInputs:
        return given[0], given[1] if len(given) > 1 else None


def _lengths(spec: DataSpec) -> tuple[Value, ...]:
    if not spec.has_lengths:
        return ()
    return (Value("lengths", "int64", (BATCH,), "the steps of each row, without the padding of 0 after them"),)


class ImagesPreprocessor(Preprocessor):
    """Pixels: they get the run's border and are scaled. pad: pixels on each side."""

    def __init__(self, spec: DataSpec, *, pad: int) -> None:
        super().__init__()
        channels, height, width = spec.shape
        self._pad = pad
        self.scale = Scale(spec.scaling, ndim=4)
        self.keeps = self.scale.is_none and not pad
        low, high = (0.0, 1.0) if spec.scaling is None else (spec.scaling.low, spec.scaling.high)
        meaning = f"pixels from {low:g} to {high:g}, channels first"
        shape = (BATCH, channels, height - 2 * pad, width - 2 * pad)
        self.values = (Value("images", "float32", shape, meaning, details={"range": [low, high]}),)

    def forward(self, *given: Tensor) -> ModelInputs:
        pad = self._pad
        images = F.pad(given[0], (pad, pad, pad, pad)) if pad else given[0]  # (B, C, H, W) -> (B, C, H + 2 pad, ...)
        return self.scale(images), None


class AudioPreprocessor(Preprocessor):
    """Sound as samples: log-mel features, scaled. settings: rate (Hz), seconds, mels, window_ms and hop_ms."""

    def __init__(self, spec: DataSpec, settings: Mapping[str, Any], *, pad: int) -> None:
        super().__init__()
        rate = settings["rate"]
        length = max(1, round(rate * settings["seconds"]))
        self._pad = pad
        self.features = LogMel(rate, settings["mels"], settings["window_ms"], settings["hop_ms"])
        self.scale = Scale(spec.scaling, ndim=4)
        meaning = f"{plural(rate, 'sample')} a second from -1 to 1, one channel"
        self.values = (Value("samples", "float32", (BATCH, length), meaning, details={"rate": rate}),)

    def forward(self, *given: Tensor) -> ModelInputs:
        found = self.features(given[0]).unsqueeze(1)  # (B, samples) -> (B, frames, mels) -> (B, 1, frames, mels)
        return self.scale(F.pad(found, (self._pad,) * 4) if self._pad else found), None


class LogMel(nn.Module):
    """`data.media.audio.log_mel` of a batch, (B, T) -> (B, frames, mels).

    The Fourier transform is a convolution with cosines and sines, which every runtime has; few have the fast one.
    """

    waves: Tensor
    bands: Tensor

    def __init__(self, rate: int, mels: int, window_ms: float, hop_ms: float) -> None:
        super().__init__()
        window = max(2, round(rate * window_ms / 1000))
        self._size = 1 << (window - 1).bit_length()
        self._hop = max(1, round(rate * hop_ms / 1000))
        before = (self._size - window) // 2
        weights = F.pad(torch.hann_window(window, dtype=torch.float64), (before, self._size - window - before))
        times = torch.arange(self._size, dtype=torch.float64)
        angles = 2 * math.pi / self._size * (torch.arange(self._size // 2 + 1).unsqueeze(1) * times % self._size)
        waves = torch.cat([angles.cos() * weights, angles.sin() * weights])  # 2 x (size / 2 + 1, size)
        self.register_buffer("waves", waves.float().unsqueeze(1))
        self.register_buffer("bands", mel_bands(rate, self._size, mels))

    def forward(self, samples: Tensor) -> Tensor:
        padded = F.pad(samples.unsqueeze(1), (self._size // 2, self._size // 2))  # (B, T) -> (B, 1, T + size)
        parts = F.conv1d(padded, self.waves, stride=self._hop).square()  # -> (B, size + 2, frames)
        cosines, sines = parts.chunk(2, dim=1)
        power = (cosines + sines).transpose(1, 2)  # (B, size / 2 + 1, frames) -> (B, frames, size / 2 + 1)
        return (power @ self.bands + FLOOR).log()


class TablePreprocessor(Preprocessor):
    """Columns of a table: missing numbers are filled and flagged, categories made one-hot or codes, numbers scaled.

    state: of the run's `TableEncoder`. Inputs are only those that the table has: `numbers`, NaN where one is missing;
    `categories`, as codes; each text as ids, the first of which is -1 if it is missing; each image as pixels, NaN if
    it is missing.
    """

    medians: Tensor

    def __init__(self, spec: DataSpec, state: Mapping[str, Any]) -> None:
        super().__init__()
        self._columns = [(name, kind) for name, kind in state["columns"]]
        self._had_missing = list(state["lacking"])
        self._embed, self._blocks = bool(state["embed"]), spec.blocks
        self._sizes = [
            1 + len(state["kept"][name]) + had_missing
            for (name, kind), had_missing in zip(self._columns, self._had_missing, strict=True)
            if kind == "category"
        ]
        widths = [(kind, len(DATE_PARTS) if kind == "date" else 1) for _, kind in self._columns]
        kinds = [kind for kind, width in widths for _ in range(width)]  # of each raw number
        medians = [value for value, kind in zip(state["medians"], kinds, strict=True) if kind not in WORD_KINDS]
        self.register_buffer("medians", torch.tensor(medians, dtype=torch.float32))
        self._num_numbers = len(medians)
        self.scale = Scale(spec.scaling, ndim=2)
        self.values = self._values()

    def _values(self) -> tuple[Value, ...]:
        found = []
        if self._num_numbers:
            meaning = "numbers in their own units, NaN where one is missing"
            found.append(Value("numbers", "float32", (BATCH, self._num_numbers), meaning))
        if self._sizes:
            found.append(Value("categories", "int64", (BATCH, len(self._sizes)), "codes of categories, 0 if unknown"))
        for name, block in block_names(self._blocks):
            if block.kind == "text":
                meaning = "token ids, 0 after the last; the first is -1 if the text is missing"
                found.append(Value(name, "int64", (BATCH, *block.shape), meaning, details={"column": block.name}))
            else:
                meaning = "pixels from 0 to 255, channels first, NaN if the image is missing"
                found.append(Value(name, "float32", (BATCH, *block.shape), meaning, details={"column": block.name}))
        return tuple(found)

    def forward(self, *given: Tensor) -> ModelInputs:
        parts = {value.name: tensor for value, tensor in zip(self.values, given, strict=True)}
        features = [self._filled(parts["numbers"])] if self._num_numbers else []
        features += self._flags(parts)
        if self._sizes:
            features += self._coded(parts["categories"])
        for name, block in block_names(self._blocks):
            values = parts[name]
            if block.kind == "text":
                features.append(values.clamp(min=0).float())
            else:
                pixels = torch.where(values.isnan(), 0.0, values / 127.5 - 1)
                features.append(pixels.flatten(1))  # (B, C, H, W) -> (B, C * H * W)
        return self.scale(torch.cat(features, dim=1)), None

    def _filled(self, numbers: Tensor) -> Tensor:
        return torch.where(numbers.isnan(), self.medians, numbers)

    def _flags(self, parts: Mapping[str, Tensor]) -> list[Tensor]:
        """Which values are missing, of each column that lacked some in training, (B, 1) each."""
        names = {block.name: name for name, block in block_names(self._blocks)}
        flags, number = [], 0
        for (name, kind), had_missing in zip(self._columns, self._had_missing, strict=True):
            if kind == "category":
                continue
            if had_missing:
                if kind == "text":
                    flags.append(parts[names[name]][:, :1] < 0)
                elif kind == "image":
                    flags.append(parts[names[name]][:, 0, 0, :1].isnan())
                else:
                    flags.append(parts["numbers"][:, number : number + 1].isnan())
            if kind not in BLOCK_KINDS:
                number += len(DATE_PARTS) if kind == "date" else 1
        return [flag.float() for flag in flags]

    def _coded(self, codes: Tensor) -> list[Tensor]:
        """Codes as they are, for a model that embeds them, or one-hot without code 0: (B, c) -> (B, features)."""
        if self._embed:
            return [codes.float()]
        known = [torch.arange(1, size, device=codes.device) for size in self._sizes]
        return [(codes[:, number : number + 1] == each).float() for number, each in enumerate(known)]


def block_names(blocks: Sequence[Block]) -> list[tuple[str, Block]]:
    """Return the texts and images of a table with the names of their inputs: text_1, text_2, image_1."""
    counts = {"text": 0, "image": 0}
    found = []
    for block in blocks:
        counts[block.kind] += 1
        found.append((f"{block.kind}_{counts[block.kind]}", block))
    return found


class NoisePreprocessor(Preprocessor):
    """What a generator starts from."""

    keeps = True

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.values = (Value("noise", "float32", (BATCH, latent_dim), "numbers drawn from the normal distribution"),)

    def forward(self, *given: Tensor) -> ModelInputs:
        return given[0], None
