"""A generative adversarial network for images, of dense layers or of convolutions."""

from __future__ import annotations

from typing import Literal

from torch import nn

from dlrun.configuration.schema.fields import Activation, Fraction, Init, OptimizerFields, Width
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem
from dlrun.options.models._layers import activation as make_activation
from dlrun.options.models._layers import dense_layers, initialise
from dlrun.tasks.gan import GanTask
from dlrun.tasks.goals import goal_of
from dlrun.tasks.task import Task


def gan(
    spec: DataSpec,
    *,
    architecture: Literal["dense", "conv"],
    latent_dim: Width,
    hidden: list[Width],
    channels: list[Width],
    objective: Literal["saturating", "non_saturating", "hinge"],
    dropout: Fraction,
    activation: Activation,
    init: Init,
    generator_optimizer: OptimizerFields,
    discriminator_optimizer: OptimizerFields,
) -> Task:
    """Generative adversarial network: a task whose generator maps (B, latent_dim) noise to (B, C, H, W) images.

    Goodfellow et al. 2014; `conv` after Radford et al. 2016 (DCGAN).
    Raises ConfigError if the rows are not images with classes, the range of their values is unknown, or the images are
    too small to be halved for each entry of `channels`.
    """
    if spec.kind != "image":
        raise ConfigError(
            Problem(
                "model=gan",
                f"A GAN generates images, but this dataset has {spec.describe()}. Use a dataset of images, "
                "such as dataset=digits.",
                id="model-mismatch",
            )
        )
    if goal_of(spec).predicts_numbers or spec.parts:
        raise ConfigError(
            Problem(
                "model=gan",
                f"The quality of a GAN is measured by the classes of its images, but this dataset has "
                f"{spec.describe()}. Use a dataset of images with classes, such as dataset=digits.",
                id="model-mismatch",
            )
        )
    if spec.scaling is None:
        raise ConfigError(
            Problem(
                "dataset.standardise=false",
                "A GAN needs the range of its images, which is computed when they are standardised. "
                "Use dataset.standardise=true.",
                id="contradiction",
                fix="dataset.standardise=true",
            )
        )
    if architecture == "dense":
        generator, discriminator = _dense(spec.shape, latent_dim, hidden, activation, dropout)
    else:
        generator, discriminator = _conv(spec.shape, latent_dim, channels, activation, dropout)
    return GanTask(
        initialise(generator, init),
        initialise(discriminator, init),
        scaling=spec.scaling,
        latent_dim=latent_dim,
        objective=objective,
        optimizer_overrides={"generator": generator_optimizer, "discriminator": discriminator_optimizer},
    )


def _dense(
    shape: tuple[int, ...], latent_dim: int, hidden: list[int], activation: str, dropout: float
) -> tuple[nn.Module, nn.Module]:
    """Return a generator with hidden layers of `hidden` units, and a discriminator with the same in reverse."""
    num_pixels = shape[0] * shape[1] * shape[2]
    layers, last = dense_layers(latent_dim, hidden, activation_name=activation)
    generator = nn.Sequential(
        *layers, nn.Linear(last, num_pixels), nn.Tanh(), nn.Unflatten(1, shape)
    )  # -> (B, C, H, W)
    layers, last = dense_layers(num_pixels, hidden[::-1], activation_name="leaky_relu", dropout=dropout)
    return generator, nn.Sequential(
        nn.Flatten(), *layers, nn.Linear(last, 1)
    )  # (B, C, H, W) -> (B, C * H * W) -> (B, 1)


def _conv(
    shape: tuple[int, ...], latent_dim: int, channels: list[int], activation: str, dropout: float
) -> tuple[nn.Module, nn.Module]:
    """Return a generator that doubles the image's sides for each entry of `channels`, and its reverse."""
    image_channels, height, width = shape
    if not channels or min(height, width) < 2 ** len(channels):
        raise ConfigError(
            Problem(
                "model.channels",
                f"Each entry doubles the sides of the generated image; images of {width}x{height} allow "
                f"1 to {min(height, width).bit_length() - 1} entries, got {len(channels)}.",
                id="too-small-images",
            )
        )
    sizes = [(height, width)]
    for _ in channels:
        sizes.insert(0, tuple(-(-side // 2) for side in sizes[0]))  # type: ignore[arg-type]
    first = (channels[0], *sizes[0])
    generator: list[nn.Module] = [
        nn.Linear(latent_dim, first[0] * first[1] * first[2], bias=False),
        nn.Unflatten(1, first),  # (B, C * H * W) -> (B, C, H, W)
        nn.BatchNorm2d(channels[0]),
        make_activation(activation),
    ]
    for number, after in enumerate([*channels[1:], image_channels]):
        is_last = number == len(channels) - 1
        # a kernel of 4 doubles a side, one of 3 makes it an odd 2 n - 1
        kernel = tuple(4 if side % 2 == 0 else 3 for side in sizes[number + 1])
        generator.append(
            nn.ConvTranspose2d(channels[number], after, kernel, stride=2, padding=1, bias=is_last)  # type: ignore[arg-type]
        )
        generator += [nn.Tanh()] if is_last else [nn.BatchNorm2d(after), make_activation(activation)]
    discriminator: list[nn.Module] = []
    before = image_channels
    for after in reversed(channels):
        discriminator += [nn.Conv2d(before, after, 3, stride=2, padding=1), make_activation("leaky_relu")]
        if dropout:
            discriminator.append(nn.Dropout(dropout))
        before = after
    discriminator += [nn.Flatten(), nn.Linear(first[0] * first[1] * first[2], 1)]  # -> (B, C * H * W) -> (B, 1)
    return nn.Sequential(*generator), nn.Sequential(*discriminator)
