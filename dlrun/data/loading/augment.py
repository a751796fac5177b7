"""Augmentation of image batches: shift, crop and flip, drawn for each image from (seed, epoch, index)."""

from __future__ import annotations

import torch
from torch import Tensor

from dlrun.configuration.schema.fields import Augment
from dlrun.data.loading.randomness import derive_seed, uniform


def is_active(augment: Augment) -> bool:
    """Whether it changes any image."""
    return bool(augment.shift or augment.crop or augment.flip)


def augment_images(images: Tensor, rows: Tensor, *, augment: Augment, seed: int, epoch: int) -> Tensor:
    """Return augmented copies of raw images, (B, C, H, W) -> (B, C, H, W), same dtype.

    rows: (B,) int64, the index of each image in its split. A shift fills with zeros (the background); a crop pads by
    reflection.
    """
    count, _, height, width = images.shape
    draws = uniform(rows.to(images.device), 5, seed=derive_seed(seed, "augment", epoch))  # (B, 5)
    top = torch.arange(height, device=images.device) + _offset(draws[:, 0], augment.crop)  # (B, H)
    left = torch.arange(width, device=images.device) + _offset(draws[:, 1], augment.crop)  # (B, W)
    top, left = _reflect(top, height), _reflect(left, width)
    top = _shifted(top, _offset(draws[:, 2], augment.shift))
    left = _shifted(left, _offset(draws[:, 3], augment.shift))
    if augment.flip:
        left = torch.where(draws[:, 4:5] < 0.5, left.flip(1), left)
    inside = (top >= 0)[:, None, :, None] & (left >= 0)[:, None, None, :]  # (B, 1, H, W)
    batch = torch.arange(count, device=images.device)[:, None, None]  # (B, 1, 1)
    gathered = images.permute(0, 2, 3, 1)[
        batch, top.clamp(min=0)[:, :, None], left.clamp(min=0)[:, None, :]
    ]  # (B, H, W, C)
    return gathered.permute(0, 3, 1, 2).contiguous() * inside.to(images.dtype)  # (B, H, W, C) -> (B, C, H, W)


def _offset(draw: Tensor, most: int) -> Tensor:
    """Integers from -most to most, (B,) -> (B, 1)."""
    return (draw * (2 * most + 1)).floor().to(torch.int64).unsqueeze(1) - most


def _reflect(position: Tensor, size: int) -> Tensor:
    """Positions outside 0..size-1 mirrored inside, as numpy's "reflect"."""
    if size == 1:
        return torch.zeros_like(position)
    period = 2 * (size - 1)
    position = position.remainder(period)
    return torch.where(position >= size, period - position, position)


def _shifted(position: Tensor, offset: Tensor) -> Tensor:
    """Row or column positions shifted by offset; -1 outside the image. (B, S), (B, 1) -> (B, S)."""
    size = position.shape[1]
    source = torch.arange(size, device=position.device) - offset  # (B, S)
    shifted = position.gather(1, source.clamp(0, size - 1))
    return torch.where((source >= 0) & (source < size), shifted, -1)
