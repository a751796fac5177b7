"""Random images with random labels: to test a model's shapes, speed and memorisation."""

from __future__ import annotations

from typing import Annotated

import torch

from dlrun.configuration.schema.fields import Range, Seed
from dlrun.data.loading.randomness import generator
from dlrun.data.source import Rows, Source
from dlrun.errors import ConfigError, Problem

_MAX_VALUES = 1 << 28  # 1 GiB of float32, which splits and scaling need two or three times


def random_images(
    *,
    rows: Annotated[int, Range(1, 10_000_000)],
    channels: Annotated[int, Range(1, 64)],
    size: Annotated[int, Range(1, 1024)],
    classes: Annotated[int, Range(2, 10_000)],
    image_seed: Seed,
) -> Source:
    """Images of normal noise, (channels, size, size) float32, and labels drawn evenly from `classes` classes.

    rows: number of images. size: side in pixels. image_seed: seed of images and labels.

    Raises ConfigError if all images together would need more than 1 GiB.
    """
    values = rows * channels * size * size
    if values > _MAX_VALUES:
        got = f"{rows} x {channels} x {size} x {size} = {values}"
        message = f"Expected at most {_MAX_VALUES} values in all images together, got {got}. "
        raise ConfigError(
            Problem(f"dataset.rows={rows}", message + "Use fewer rows or a smaller dataset.size.", id="out-of-memory")
        )
    images = torch.randn(rows, channels, size, size, generator=generator(image_seed, "random images"))
    labels = torch.randint(classes, (rows,), generator=generator(image_seed, "random labels"))
    return Source("image", "multiclass", Rows(images, labels), class_names=tuple(map(str, range(classes))))
