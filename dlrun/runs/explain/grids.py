"""Images, sounds and time steps: integrated gradients of their numbers."""

from __future__ import annotations

import math
from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlrun.data.media.audio import FLOOR, AudioEncoder
from dlrun.data.originals import as_written
from dlrun.data.tables.series import SeriesEncoder
from dlrun.runs.analysis.rows import as_pixels
from dlrun.runs.explain.attribution import Attribution, Share
from dlrun.runs.explain.columns import columns_of_steps
from dlrun.runs.explain.methods import integrated
from dlrun.runs.explain.model import Model
from dlrun.runs.explain.outputs import Answer
from dlrun.runs.explain.rows import InputRow
from dlrun.runs.loaded_run import LoadedRun

_NUMBERS_AT_ONCE, _AT_ONCE = 1 << 20, 64
Floats = NDArray[np.float64]


def explain_image(run: LoadedRun, model: Model, given: InputRow, answer: Answer) -> Attribution:
    """Return what each pixel adds, its channels together; against an image of the darkest value."""
    scaling = run.spec.scaling
    blank = torch.full_like(given.raw, 0 if scaling is None else scaling.low)
    grid, value, base, method = _grid(run, model, given, blank, answer)
    raw = given.raw[0]
    rows = [
        Share(f"row {y + 1}, column {x + 1}", as_written(float(raw[0, y, x])) if len(raw) == 1 else "", amount)
        for y, line in enumerate(grid.tolist())
        for x, amount in enumerate(line)
    ]
    image = as_pixels(raw, run.spec)
    return Attribution("pixels", value, base, "a black image", method, {"pixel": rows}, grid, image)


def explain_sound(run: LoadedRun, model: Model, given: InputRow, answer: Answer) -> Attribution:
    """Return what each moment and each band of frequencies adds; against silence."""
    if not isinstance(run.encoder, AudioEncoder):
        raise TypeError("not a run of sounds")
    grid, value, base, method = _grid(run, model, given, torch.full_like(given.raw, math.log(FLOOR)), answer)
    settings = run.encoder.state()
    times = [f"{frame * settings['hop_ms'] / 1000:.3f} s" for frame in range(len(grid))]
    bands = [f"{hertz:.0f} Hz" for hertz in _centres(settings["rate"], grid.shape[1])]
    parts = {
        "time": [Share(name, "", amount) for name, amount in zip(times, grid.sum(axis=1).tolist(), strict=True)],
        "band": [Share(name, "", amount) for name, amount in zip(bands, grid.sum(axis=0).tolist(), strict=True)],
    }
    image = as_pixels(given.raw[0], run.spec, is_sound=True)
    return Attribution("sound", value, base, "silence", method, parts, grid.T[::-1].copy(), image)


def explain_steps(run: LoadedRun, model: Model, given: InputRow, answer: Answer) -> Attribution:
    """Return what each step adds, and each column over all steps; against the means of the training rows."""
    steps, width = given.raw.shape[1:]
    scaling, raw = run.spec.scaling, given.raw[0].double().numpy()
    means = torch.zeros_like(given.raw) if scaling is None else torch.tensor(scaling.mean).expand_as(given.raw)
    grid, value, base, method = _grid(run, model, given, means.to(given.raw.dtype), answer)
    columns = columns_of_steps(run)
    names = [str(step + 1) for step in range(steps)]
    if isinstance(run.encoder, SeriesEncoder):
        names = [f"t-{steps - 1 - step}" if step < steps - 1 else "t" for step in range(steps)]  # t: the last row
    cells = [as_written(raw[step, 0]) if width == 1 else "" for step in range(steps)]
    parts = {"step": [Share(*each) for each in zip(names, cells, grid.sum(axis=1).tolist(), strict=True)]}
    if width > 1:
        parts["column"] = [
            Share(name, "", amount) for name, amount in zip(columns, grid.sum(axis=0).tolist(), strict=True)
        ]
    words = "0 in each column" if scaling is None else "the means of the training rows"
    return Attribution("steps", value, base, words, method, parts, grid, series=dict(zip(columns, raw.T, strict=True)))


def _grid(
    run: LoadedRun, model: Model, given: InputRow, baseline: Tensor, answer: Answer
) -> tuple[Floats, float, float, str]:
    """The attributions of a row, (H, W) of an image, (T, F) of steps; the output at row and baseline; the method."""
    inputs, start = model.scaled(given.raw), model.scaled(baseline)

    def forward(rows: Tensor) -> Tensor:
        lengths = None if given.length is None else torch.full((len(rows),), given.length)
        return answer.pick(model.outputs(rows, lengths))

    at_once = max(1, min(_AT_ONCE, _NUMBERS_AT_ONCE // inputs.numel()))
    is_cuda = inputs.device.type == "cuda"  # cuDNN's recurrent layers have gradients in training only
    with torch.backends.cudnn.flags(enabled=False) if is_cuda else nullcontext():
        found, steps = integrated(forward, inputs, start, at_once=at_once)
    with torch.no_grad():
        value, base = forward(torch.cat([inputs, start])).tolist()
    grid = found[0].double().cpu()
    if run.spec.kind == "image":
        grid, pad = grid.sum(dim=0), run.config.dataset_settings.pad  # (C, H, W) -> (H, W)
        grid = grid[pad : grid.shape[0] - pad, pad : grid.shape[1] - pad]
    return grid.numpy(), value, base, f"integrated gradients, {steps} steps"


def _centres(rate: int, bands: int) -> list[float]:
    """The frequency of the middle of each mel band, as `mel_bands` places them."""
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (20.0, rate / 2))
    return [700 * (10 ** ((low + (high - low) * band / (bands + 1)) / 2595) - 1) for band in range(1, bands + 1)]
