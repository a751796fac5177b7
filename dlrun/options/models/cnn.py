"""A convolutional network: blocks of convolution, normalisation, activation and pooling, then a dense head."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import nn

from dlrun.configuration.schema.fields import Activation, AutoWidths, Fraction, Init, Kernel, Norm, Range, Width
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem
from dlrun.options.models._layers import MONOTONE, dense_layers, initialise, norm_2d
from dlrun.options.models._layers import activation as make_activation
from dlrun.tasks.goals import num_logits


def cnn(
    spec: DataSpec,
    *,
    channels: AutoWidths,
    kernel: Kernel,
    padding: Literal["same", "valid"] | Annotated[int, Range(0, 31)],
    pool: Literal["max", "avg", "none"],
    pool_size: Annotated[int, Range(2, 16)],
    norm: Norm,
    dropout: Fraction,
    hidden: list[Width],
    activation: Activation,
    init: Init,
) -> nn.Module:
    """Convolutional network over images, (B, C, H, W) -> (B, K).

    Raises ConfigError if the rows are not images, or the images become smaller than a kernel or pooling window.
    """
    if spec.kind != "image":
        raise ConfigError(
            Problem(
                "model=cnn",
                f"A CNN needs images, but this dataset has {spec.describe()}. Use model=mlp or model=linear.",
                id="model-mismatch",
                fix=f"model={'rnn' if spec.kind == 'tokens' or spec.has_lengths else 'mlp'}",
            )
        )
    in_channels, height, width = spec.shape
    layers: list[nn.Module] = []
    for number, out_channels in enumerate(channels, start=1):
        pad = _padding(padding, kernel)
        height, width = height + 2 * pad - kernel + 1, width + 2 * pad - kernel + 1
        if min(height, width) < 1:
            before = f"{width + kernel - 1 - 2 * pad}x{height + kernel - 1 - 2 * pad}"
            raise ConfigError(
                Problem(
                    f"model.kernel={kernel}",
                    f"Block {number} receives images of {before} (padding {pad}), too small for a kernel of {kernel}. "
                    f"Use a smaller model.kernel, model.padding=same, or fewer than {len(channels)} model.channels.",
                    id="too-small-images",
                    fix=_fewer(channels, number) or ("model.padding=same" if kernel % 2 else None),
                )
            )
        layers.append(nn.Conv2d(in_channels, out_channels, kernel, padding=pad, bias=norm != "batch"))
        if norm != "none":
            layers.append(norm_2d(norm, out_channels))
        layers.append(make_activation(activation))
        if pool != "none":
            if min(height, width) < pool_size:
                raise ConfigError(
                    Problem(
                        f"model.pool_size={pool_size}",
                        f"Block {number} pools images of {width}x{height}, too small for a window of {pool_size}. "
                        f"Use model.pool=none or fewer than {len(channels)} model.channels.",
                        id="too-small-images",
                        fix=_fewer(channels, number) or "model.pool=none",
                    )
                )
            layers.append(nn.MaxPool2d(pool_size) if pool == "max" else nn.AvgPool2d(pool_size))
            if pool == "max" and activation in MONOTONE:  # the same output from fewer activations
                layers[-2], layers[-1] = layers[-1], layers[-2]
            height, width = height // pool_size, width // pool_size
        in_channels = out_channels
    layers.append(nn.Flatten())  # (B, C, H, W) -> (B, C * H * W)
    head, last = dense_layers(in_channels * height * width, hidden, activation_name=activation, dropout=dropout)
    return initialise(nn.Sequential(*layers, *head, nn.Linear(last, num_logits(spec))), init)


def _padding(padding: str | int, kernel: int) -> int:
    if padding == "valid":
        return 0
    if padding == "same":
        if kernel % 2 == 0:
            raise ConfigError(
                Problem(
                    f"model.kernel={kernel}",
                    'Padding "same" needs an odd kernel, such as 3, 5 or 7. Or set model.padding to a number.',
                    id="contradiction",
                    fix=f"model.kernel={kernel + 1}",
                )
            )
        return kernel // 2
    return int(padding)


def _fewer(channels: list[int], number: int) -> str | None:
    """Return the override that leaves out block `number` and those after it; None for the first."""
    return f"model.channels={channels[: number - 1]}".replace(" ", "") if number > 1 else None
