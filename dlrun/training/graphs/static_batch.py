"""One batch in memory that stays in its place: a captured step reads its rows from there."""

from __future__ import annotations

import torch
from torch import Tensor

from dlrun.data.spec import Batch

_NAMES = ("inputs", "targets", "lengths", "weights")


class StaticBatch:
    """Holds the rows of the present batch; its shapes are those of the first batch of full size. rows: of such one."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._batch: Batch | None = None

    def fits(self, batch: Batch) -> bool:
        """Return whether a batch has the number of rows, and the shapes and layout of the first one that had."""
        if len(batch.targets) != self._rows:
            return False
        return self._batch is None or _form(batch) == _form(self._batch)

    def filled(self, batch: Batch) -> Batch:
        """Copy a batch that fits, on the device, and return the batch that stays in its place."""
        if self._batch is None:
            room = [None if tensor is None else _room_for(tensor) for tensor in _tensors(batch)]
            self._batch = batch._replace(**dict(zip(_NAMES, room, strict=True)))  # type: ignore[arg-type]
        for held, tensor in zip(_tensors(self._batch), _tensors(batch), strict=True):
            if held is not None and tensor is not None:
                held.copy_(tensor, non_blocking=True)
        return self._batch


def _tensors(batch: Batch) -> list[Tensor | None]:
    return [getattr(batch, name) for name in _NAMES]


def _room_for(tensor: Tensor) -> Tensor:
    """An empty tensor of the same shape and strides: of images with one channel, `empty_like` changes the strides."""
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=tensor.device)


def _form(batch: Batch) -> list[tuple[object, ...] | None]:
    return [None if tensor is None else _form_of(tensor) for tensor in _tensors(batch)]


def _form_of(tensor: Tensor) -> tuple[object, ...]:
    return tensor.shape, tensor.dtype, tensor.stride(), tensor.device
