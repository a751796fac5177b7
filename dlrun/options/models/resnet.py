"""A residual network for small images; with three stages it is a ResNet-20, 32, 44 or 56 for CIFAR."""

from __future__ import annotations

from torch import Tensor, nn

from dlrun.configuration.schema.fields import Activation, Depth, Fraction, Init, Width
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem
from dlrun.options.models._layers import activation as make_activation
from dlrun.options.models._layers import initialise
from dlrun.tasks.goals import num_logits
from dlrun.wording import plural


def resnet(
    spec: DataSpec,
    *,
    blocks: list[Depth],
    channels: list[Width],
    activation: Activation,
    dropout: Fraction,
    init: Init,
) -> nn.Module:
    """Residual network over images, (B, C, H, W) -> (B, K).

    He et al. 2016, section 4.2: blocks [n, n, n] and channels [16, 32, 64] make ResNet-(6n + 2). If the shape
    changes, the shortcut is a 1x1 convolution (their option B).
    Raises ConfigError if the rows are not images, the lists differ in length, or the image is too small to be halved
    after each stage.
    """
    if spec.kind != "image":
        raise ConfigError(
            Problem(
                "model=resnet",
                f"A residual network needs images, but this dataset has {spec.describe()}. "
                f"Use model={'rnn' if spec.kind == 'tokens' or spec.has_lengths else 'mlp'}.",
                id="model-mismatch",
                fix=f"model={'rnn' if spec.kind == 'tokens' or spec.has_lengths else 'mlp'}",
            )
        )
    if len(blocks) != len(channels) or not blocks:
        raise ConfigError(
            Problem(
                "model.blocks",
                f"Each stage needs a number of blocks and a number of channels, but model.blocks has {len(blocks)} "
                f"entries and model.channels has {len(channels)}. Use the same number in both, at least 1.",
                id="contradiction",
            )
        )
    in_channels, height, width = spec.shape
    if min(height, width) < 2 ** (len(blocks) - 1):
        raise ConfigError(
            Problem(
                "model.blocks",
                f"{len(blocks)} stages halve the image {plural(len(blocks) - 1, 'time')}, but images of "
                f"{width}x{height} can be halved {plural(min(height, width).bit_length() - 1, 'time')}. Use fewer "
                "entries in model.blocks and model.channels.",
                id="too-small-images",
            )
        )
    layers: list[nn.Module] = [
        nn.Conv2d(in_channels, channels[0], 3, padding=1, bias=False),
        nn.BatchNorm2d(channels[0]),
        make_activation(activation),
    ]
    before = channels[0]
    for stage, (num_blocks, after) in enumerate(zip(blocks, channels, strict=True)):
        for number in range(num_blocks):
            stride = 2 if stage > 0 and number == 0 else 1
            layers.append(_Block(before, after, stride=stride, activation=activation))
            before = after
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]  # (B, C, H, W) -> (B, C, 1, 1) -> (B, C)
    if dropout:
        layers.append(nn.Dropout(dropout))
    layers.append(nn.Linear(before, num_logits(spec)))
    return initialise(nn.Sequential(*layers), init)


class _Block(nn.Module):
    """Two 3x3 convolutions with a shortcut around them, (B, C, H, W) -> (B, C', H / stride, W / stride)."""

    def __init__(self, before: int, after: int, *, stride: int, activation: str) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(after),
            make_activation(activation),
            nn.Conv2d(after, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride=stride, bias=False), nn.BatchNorm2d(after))
        self.activation = make_activation(activation)

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        out: Tensor = self.residual(inputs)  # (B, C, H, W) -> (B, C', H', W')
        out += self.shortcut(inputs)  # in place: backward needs the input of a normalisation, not its output
        activated: Tensor = self.activation(out)
        return activated
