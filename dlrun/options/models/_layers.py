"""Building blocks of models: activations, normalisation, initialisation, dense layers, embeddings."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from dlrun.data.spec import DataSpec
from dlrun.options.models._blocks import EncodeBlocks

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "leaky_relu": lambda: nn.LeakyReLU(0.2, inplace=True),
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "identity": nn.Identity,
}

MONOTONE = frozenset(ACTIVATIONS) - {"gelu", "silu"}
"""Monotone activations: the largest of several values is still the largest after them."""


def activation(name: str) -> nn.Module:
    """Return the activation of that name; it may work in place, so its input must not be used afterwards."""
    return ACTIVATIONS[name]()


def norm_1d(name: str, width: int) -> nn.Module:
    """Return the normalisation of (B, width); "group" has groups of 16 features, or more if 16 does not divide it."""
    if name == "batch":
        return nn.BatchNorm1d(width)
    if name == "layer":
        return nn.LayerNorm(width)
    if name == "group":
        return nn.GroupNorm(_num_groups(width), width)
    return nn.Identity()


def norm_2d(name: str, channels: int) -> nn.Module:
    """Return the normalisation of (B, channels, H, W); "layer" normalises over channels and pixels together."""
    if name == "batch":
        return nn.BatchNorm2d(channels)
    if name == "layer":
        return nn.GroupNorm(1, channels)
    if name == "group":
        return nn.GroupNorm(_num_groups(channels), channels)
    return nn.Identity()


def _num_groups(channels: int) -> int:
    return math.gcd(channels, max(1, channels // 16))


def initialise(module: nn.Module, name: str) -> nn.Module:
    """Initialise every linear, convolutional and recurrent layer; return the module. "default" keeps torch's weights.

    kaiming: He et al. 2015, for relu. xavier: Glorot and Bengio 2010. orthogonal: Saxe et al. 2014.
    normal: standard deviation 0.02, as DCGAN (Radford et al. 2016). Biases are 0.
    """
    if name == "default":
        return module
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.RNNBase):
            for kind, parameter in layer.named_parameters(recurse=False):
                _initialise(parameter, kind, name)
    return module


@torch.no_grad()
def _initialise(parameter: Tensor, kind: str, name: str) -> None:
    if "bias" in kind or name == "zeros":
        nn.init.zeros_(parameter)
    elif name == "kaiming":
        nn.init.kaiming_normal_(parameter, nonlinearity="relu")
    elif name == "xavier":
        nn.init.xavier_uniform_(parameter)
    elif name == "orthogonal":
        nn.init.orthogonal_(parameter)
    else:
        nn.init.normal_(parameter, std=0.02)


def dense_layers(
    width: int, hidden: list[int], *, activation_name: str, norm: str = "none", dropout: float = 0.0
) -> tuple[list[nn.Module], int]:
    """Return hidden layers, (B, width) -> (B, hidden[-1]), and the width of the last one."""
    layers: list[nn.Module] = []
    for size in hidden:
        layers.append(nn.Linear(width, size, bias=norm != "batch"))
        if norm != "none":
            layers.append(norm_1d(norm, size))
        layers.append(activation(activation_name))
        if dropout:
            layers.append(nn.Dropout(dropout))
        width = size
    return layers, width


class EmbedCategories(nn.Module):
    """Embeds categories: the last columns of dense rows are codes, each of which becomes a trained vector.

    Code 0, a category that training rows do not contain, is the zero vector. Widths are min(50, (codes + 1) // 2).
    """

    def __init__(self, categories: Sequence[int]) -> None:
        super().__init__()
        widths = [min(50, (codes + 1) // 2) for codes in categories]
        self.width = sum(widths)
        self.tables = nn.ModuleList(
            nn.Embedding(codes, width, padding_idx=0) for codes, width in zip(categories, widths, strict=True)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, F) -> (B, F - codes + widths)."""
        codes = inputs[:, -len(self.tables) :].long()
        vectors = [table(codes[:, i]) for i, table in enumerate(self.tables)]
        return torch.cat([inputs[:, : -len(self.tables)], *vectors], dim=1)


def flat_inputs(spec: DataSpec) -> tuple[nn.Module, int]:
    """Return a layer that flattens any input, (B, ...) -> (B, F), and the width F.

    Categories that are codes are embedded; the texts and images of a table each go through an encoder of their own.
    """
    if spec.blocks:
        plain, width = flat_inputs(dataclasses.replace(spec, shape=(spec.num_plain,), blocks=()))
        encoded = EncodeBlocks(plain, spec.blocks)
        return encoded, width + encoded.width
    if not spec.categories:
        return nn.Flatten(), spec.num_features
    layer = EmbedCategories(spec.categories)
    return layer, spec.num_features - len(spec.categories) + layer.width
