"""Dense layers of several models at once, as batched matrix products.

`vmap` gives the same numbers; for the small networks that a pack is for it takes half as long again on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.options.models.linear import FlatLinear

_ELEMENTWISE = (
    nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Identity,
)  # fmt: skip

Parameters = Mapping[str, Tensor]
_Layer = Callable[[Parameters, Tensor, int], Tensor]
"""layer(parameters, rows, K) -> rows; rows are (B, F) while they are the same for all models, then (K, B, F)."""


class DenseLayers:
    """A chain of dense layers for K models."""

    def __init__(self, layers: Sequence[_Layer], size: int) -> None:
        self._layers, self._size = layers, size

    def __call__(self, parameters: Parameters, inputs: Tensor, *, shared: bool) -> Tensor:
        """Return the outputs, (B, ...) or (K, B, ...) -> (K, B, C). parameters: stacked, by name."""
        rows = inputs.flatten(1 if shared else 2)  # (B, ...) -> (B, F), or (K, B, ...) -> (K, B, F)
        for layer in self._layers:
            rows = layer(parameters, rows, self._size)
        return rows


def dense_layers(models: Sequence[nn.Module]) -> DenseLayers | None:
    """Return the layers of models of one structure; None if one is not a dense layer that this module knows."""
    chain = list(_chain("", models))
    layers = [_layer(name, modules) for name, modules in chain]
    known = [layer for layer in layers if layer is not None]
    if len(known) != len(layers) or not any(isinstance(modules[0], nn.Linear) for _, modules in chain):
        return None
    first = chain[0][1][0]
    flattens = type(first) is FlatLinear or (type(first) is nn.Flatten and (first.start_dim, first.end_dim) == (1, -1))
    if not flattens or any(type(modules[0]) in (nn.Flatten, FlatLinear) for _, modules in chain[1:]):
        return None
    return DenseLayers(known, len(models))


def _chain(name: str, models: Sequence[nn.Module]) -> list[tuple[str, Sequence[nn.Module]]]:
    """The layers in order, each with its name and itself in every model."""
    if type(models[0]) is not nn.Sequential:
        return [(name, models)]
    found = []
    for child, _ in models[0].named_children():
        below = f"{name}.{child}" if name else child
        found += _chain(below, [model.get_submodule(child) for model in models])
    return found


def _layer(name: str, modules: Sequence[nn.Module]) -> _Layer | None:
    first = modules[0]
    prefix = f"{name}." if name else ""
    if type(first) in (nn.Linear, FlatLinear):
        return _linear(f"{prefix}weight", f"{prefix}bias" if first.bias is not None else None)
    if type(first) is nn.Flatten:
        return lambda parameters, rows, size: rows  # the whole chain begins with it
    if type(first) is nn.Dropout:
        return _dropout(modules)
    if type(first) is nn.LayerNorm and len(first.normalized_shape) == 1:
        return _layer_norm(prefix, first)
    if type(first) in _ELEMENTWISE:
        return lambda parameters, rows, size: first(rows)
    return None


class _Products(torch.autograd.Function):
    """Linear layers of K models: (K, B, F), (K, O, F), (K, O) -> (K, B, O).

    Its gradients are the products that a layer alone computes, in the same layout, so that their rounding is the same.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weights: Tensor, biases: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows, weights)
        if biases is None:
            return torch.bmm(rows, weights.transpose(1, 2))
        return torch.baddbmm(biases.unsqueeze(1), rows, weights.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, *found: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = found  # (K, B, O)
        rows, weights = ctx.saved_tensors
        of_rows, of_weights, of_biases = ctx.needs_input_grad
        return (
            torch.bmm(gradient, weights) if of_rows else None,  # (K, B, F)
            torch.bmm(gradient.transpose(1, 2), rows) if of_weights else None,  # (K, O, F)
            gradient.sum(dim=1) if of_biases else None,  # (K, O)
        )


def _linear(weight: str, bias: str | None) -> _Layer:
    def layer(parameters: Parameters, rows: Tensor, size: int) -> Tensor:
        weights = parameters[weight]  # (K, O, F)
        biases = None if bias is None else parameters[bias]  # (K, O)
        if rows.ndim == 2:  # one product for all models
            flat = F.linear(rows, weights.flatten(0, 1), None if biases is None else biases.flatten())
            return flat.view(len(rows), size, -1).transpose(0, 1)  # (B, K * O) -> (B, K, O) -> (K, B, O)
        return _Products.apply(rows, weights, biases)  # type: ignore[no-any-return, no-untyped-call]

    return layer


def _dropout(modules: Sequence[nn.Module]) -> _Layer:
    """Each model has its own mask, and perhaps its own probability."""
    chances = [float(module.p) for module in modules]  # type: ignore[arg-type]

    def layer(parameters: Parameters, rows: Tensor, size: int) -> Tensor:
        rows = _of_each(rows, size)
        if len(set(chances)) == 1 or not modules[0].training:
            return F.dropout(rows, chances[0], training=modules[0].training)
        chance = torch.tensor(chances, device=rows.device).reshape(-1, 1, 1)  # (K,) -> (K, 1, 1)
        return rows * ((torch.rand_like(rows) >= chance) / (1 - chance))

    return layer


def _layer_norm(prefix: str, module: nn.LayerNorm) -> _Layer:
    def layer(parameters: Parameters, rows: Tensor, size: int) -> Tensor:
        rows = F.layer_norm(_of_each(rows, size), module.normalized_shape, eps=module.eps)
        if not module.elementwise_affine:
            return rows
        rows = rows * parameters[f"{prefix}weight"].unsqueeze(1)  # (K, F) -> (K, 1, F)
        return rows if module.bias is None else rows + parameters[f"{prefix}bias"].unsqueeze(1)

    return layer


def _of_each(rows: Tensor, size: int) -> Tensor:
    """Rows of each model, also if they are the same: (B, F) -> (K, B, F)."""
    return rows.expand(size, *rows.shape) if rows.ndim == 2 else rows
