"""What torch's layers expect of their input: in words, where an input does not fit, and what to write instead."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.pooling import _AvgPoolNd, _MaxPoolNd

from dlrun.wording import plural

_AXES = ("L", "H, W", "D, H, W")  # of one, two and three dimensions


def misfit(module: nn.Module, inputs: Sequence[Any]) -> str | None:
    """Return what a layer expects, what it got and the cure, where its first input does not fit; None if it is unclear.

    The text follows "The layer NAME, ": "expects (..., 2304) and gets (8, 4096). Write nn.Linear(4096, 128)."
    """
    is_own = type(module).__module__.startswith("torch.")  # another class may change its input first
    if not is_own or not inputs or not isinstance(inputs[0], Tensor):
        return None
    for kind, check in _CHECKS:
        if isinstance(module, kind):
            return check(module, inputs[0])
    return None


def _got(inputs: Tensor) -> str:
    return f"and gets {tuple(inputs.shape)}"


def _not_floating(inputs: Tensor) -> str | None:
    if inputs.is_floating_point() or inputs.is_complex():
        return None
    kind = str(inputs.dtype).removeprefix("torch.")
    return f"expects float32 numbers and gets {kind}, {tuple(inputs.shape)}. Token ids need an nn.Embedding before it."


def _linear(module: nn.Linear, inputs: Tensor) -> str | None:
    width = inputs.shape[-1] if inputs.ndim else 0
    if width == module.in_features:
        return _not_floating(inputs)
    flat = math.prod(inputs.shape[1:])
    text = f"expects (..., {module.in_features}) {_got(inputs)}."
    if inputs.ndim > 2 and flat == module.in_features:
        return f"{text} Put nn.Flatten() before it."
    if inputs.ndim == 4:
        return f"{text} Put nn.Flatten() before it and write nn.Linear({flat}, {module.out_features})."
    return f"{text} Write nn.Linear({width}, {module.out_features})."


def _convolution(module: _ConvNd, inputs: Tensor) -> str | None:
    rank = len(module.kernel_size)
    wanted = f"expects (B, {module.in_channels}, {_AXES[rank - 1]}) {_got(inputs)}"
    if inputs.ndim == rank + 1 and inputs.shape[0] != module.in_channels:
        return f"{wanted}, which has no channels. Add them with x.unsqueeze(1), and write in_channels=1."
    if inputs.ndim != rank + 2:
        return f"{wanted}." if inputs.ndim != rank + 1 else None
    channels = inputs.shape[1]
    if channels != module.in_channels:
        name = type(module).__name__
        kernel = module.kernel_size[0] if len(set(module.kernel_size)) == 1 else tuple(module.kernel_size)
        cure = f"Write nn.{name}({channels}, {module.out_channels}, {kernel})."
        return f"{wanted}, which has {plural(channels, 'channel')}. {cure}"
    if not isinstance(module, _ConvTransposeNd) and not isinstance(module.padding, str):
        found = zip(inputs.shape[2:], module.kernel_size, module.padding, module.dilation, strict=True)
        if any(size + 2 * pad < dilation * (kernel - 1) + 1 for size, kernel, pad, dilation in found):
            return _too_small(inputs, module.kernel_size, f"a kernel (padding {module.padding[0]})")
    return _not_floating(inputs)


def _pool(module: Any, inputs: Tensor) -> str | None:
    rank = int(type(module).__name__[-2])  # of MaxPool2d
    if inputs.ndim not in (rank + 1, rank + 2):
        return f"expects (B, C, {_AXES[rank - 1]}) {_got(inputs)}."
    window = _tuple(module.kernel_size, rank)
    pads = _tuple(module.padding, rank)
    sizes = inputs.shape[-rank:]
    if any(size + 2 * pad < side for size, side, pad in zip(sizes, window, pads, strict=True)):
        return _too_small(inputs, window, "a window")
    return None


def _too_small(inputs: Tensor, sides: Sequence[int], what: str) -> str:
    have = "x".join(str(size) for size in inputs.shape[-len(sides) :])
    need = "x".join(str(side) for side in sides)
    return (
        f"expects at least {need} for {what} {_got(inputs)}, which is {have}. "
        "Use fewer pooling layers or strides before it, or larger images."
    )


def _tuple(value: int | tuple[int, ...], rank: int) -> tuple[int, ...]:
    return (value,) * rank if isinstance(value, int) else value


def _norm(module: _NormBase, inputs: Tensor) -> str | None:
    name, features = type(module).__name__, module.num_features
    rank = int(name[-2]) if name[-2].isdigit() else 0
    axes = "" if rank == 1 else f", {_AXES[rank - 1]}"
    wanted = f"expects (B, {features}{axes}) {_got(inputs)}"
    if rank and inputs.ndim not in ((2, 3) if rank == 1 else (rank + 2,)):
        other = {2: "1d", 3: "1d", 4: "2d", 5: "3d"}.get(inputs.ndim)
        return f"{wanted}." if other is None else f"{wanted}. Write nn.{name[:-2]}{other}({inputs.shape[1]})."
    channels = inputs.shape[1] if inputs.ndim > 1 else 0
    return None if channels == features else f"{wanted}. Write nn.{name}({channels})."


def _layer_norm(module: nn.LayerNorm, inputs: Tensor) -> str | None:
    shape = tuple(module.normalized_shape)
    tail = tuple(inputs.shape[-len(shape) :])
    if tail == shape:
        return _not_floating(inputs)
    wanted = ", ".join(str(size) for size in shape)
    cure = f"nn.LayerNorm({tail[0] if len(tail) == 1 else list(tail)})"
    return f"expects (..., {wanted}) {_got(inputs)}. Write {cure}."


def _group_norm(module: nn.GroupNorm, inputs: Tensor) -> str | None:
    channels = inputs.shape[1] if inputs.ndim > 1 else 0
    if channels == module.num_channels:
        return None
    cure = f"Write nn.GroupNorm({math.gcd(module.num_groups, channels) or 1}, {channels})."
    return f"expects (B, {module.num_channels}, ...) {_got(inputs)}. {cure}"


def _embedding(module: nn.Embedding, inputs: Tensor) -> str | None:
    if inputs.is_floating_point():
        kind = str(inputs.dtype).removeprefix("torch.")
        return f"expects whole numbers, the ids, and gets {kind}, {tuple(inputs.shape)}. Pass it x.long()."
    low, high = (int(inputs.min()), int(inputs.max())) if inputs.numel() and not inputs.is_meta else (0, 0)
    if low < 0 or high >= module.num_embeddings:
        cure = f"Write nn.Embedding({high + 1}, {module.embedding_dim})." if low >= 0 else "Ids begin at 0."
        return f"expects ids from 0 to {module.num_embeddings - 1} and gets ids from {low} to {high}. {cure}"
    return None


def _recurrent(module: nn.RNNBase, inputs: Tensor) -> str | None:
    order = "B, T" if module.batch_first else "T, B"
    wanted = f"expects ({order}, {module.input_size}) {_got(inputs)}"
    if inputs.ndim not in (2, 3):
        return f"{wanted}."
    width = inputs.shape[-1]
    if width == module.input_size:
        return _not_floating(inputs)
    cure = (
        f"Write nn.{type(module).__name__}({width}, {module.hidden_size}{', batch_first=True' * module.batch_first})."
    )
    return f"{wanted}. {cure}"


def _attention(module: nn.MultiheadAttention, inputs: Tensor) -> str | None:
    width = inputs.shape[-1] if inputs.ndim else 0
    if width == module.embed_dim:
        return None
    return f"expects (..., {module.embed_dim}) {_got(inputs)}. Write nn.MultiheadAttention({width}, ...)."


_CHECKS: tuple[tuple[Any, Callable[[Any, Tensor], str | None]], ...] = (
    (nn.Linear, _linear),
    (_ConvNd, _convolution),
    (_MaxPoolNd | _AvgPoolNd, _pool),
    (_NormBase, _norm),
    (nn.LayerNorm, _layer_norm),
    (nn.GroupNorm, _group_norm),
    (nn.Embedding, _embedding),
    (nn.RNNBase, _recurrent),
    (nn.MultiheadAttention, _attention),
)
