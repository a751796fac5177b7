"""How raw inputs are brought to a scale that models learn from, fitted on the training rows alone."""

from __future__ import annotations

import torch
from torch import Tensor

from dlrun.data.spec import Scaling, Source

_WHOLE_BYTES = 64 << 20  # what is larger is summed up a few columns at a time


def fit_scaling(source: Source, inputs: Tensor, *, standardise: bool, num_scaled: int | None = None) -> Scaling | None:
    """Mean and deviation of the training rows, per channel or feature; bytes are at least brought to 0..1.

    num_scaled: of a dense row's features only the first so many are amounts; the rest stays as it is.
    """
    if source.kind == "tokens":
        return None
    if inputs.dtype == torch.uint8:
        low, high = source.value_range or (0.0, 255.0)
    elif source.value_range is not None:
        low, high = source.value_range
    else:
        low, high = float(inputs.min()), float(inputs.max())
    features = inputs.shape[1] if source.kind in ("image", "dense") else inputs.shape[-1]
    if not standardise:
        if inputs.dtype != torch.uint8:
            return None
        return Scaling((low,) * features, ((high - low) or 1.0,) * features, low, high)
    mean, std = _moments(inputs, kind=source.kind)
    if num_scaled is not None:
        rest = features - num_scaled
        mean, std = mean[:num_scaled] + (0.0,) * rest, std[:num_scaled] + (1.0,) * rest
    return Scaling(mean, std, low, high)


def _moments(inputs: Tensor, *, kind: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if inputs.dtype == torch.uint8 and kind == "image":  # exact, from how often each value stands there
        values = torch.arange(256, dtype=torch.float64)
        counts = torch.stack([torch.bincount(inputs[:, c].reshape(-1), minlength=256) for c in range(inputs.shape[1])])
        share = counts.double() / counts.sum(dim=1, keepdim=True)  # (C, 256)
        mean = (share * values).sum(dim=1)
        variance = (share * (values - mean[:, None]) ** 2).sum(dim=1)
    elif kind == "dense" and inputs.nbytes > _WHOLE_BYTES:
        mean = torch.stack([inputs[:, c].double().mean() for c in range(inputs.shape[1])])
        variance = torch.stack([inputs[:, c].double().var(correction=0) for c in range(inputs.shape[1])])
    else:
        over = {"image": (0, 2, 3), "sequence": (0, 1)}.get(kind, (0,))
        mean = inputs.double().mean(dim=over)
        variance = inputs.double().var(dim=over, correction=0)
    std = variance.sqrt()
    std = torch.where(std > 0, std, torch.ones_like(std))  # a feature that never changes stays 0
    return tuple(mean.tolist()), tuple(std.tolist())
