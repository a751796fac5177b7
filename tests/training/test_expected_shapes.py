"""What torch's layers expect of their input, where it does not fit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from dlrun.training.expected_shapes import misfit


def zeros(*shape: int) -> Tensor:
    return torch.zeros(shape)


@pytest.mark.parametrize(
    ("module", "inputs", "text"),
    [
        (nn.Linear(2304, 128), zeros(8, 4096), "expects (..., 2304) and gets (8, 4096). Write nn.Linear(4096, 128)."),
        (
            nn.Linear(2304, 128),
            zeros(8, 64, 8, 8),
            "expects (..., 2304) and gets (8, 64, 8, 8). Put nn.Flatten() before it and write nn.Linear(4096, 128).",
        ),
        (nn.Linear(64, 3), zeros(8, 1, 8, 8), "expects (..., 64) and gets (8, 1, 8, 8). Put nn.Flatten() before it."),
        (nn.Linear(8, 3), zeros(4, 7, 5), "expects (..., 8) and gets (4, 7, 5). Write nn.Linear(5, 3)."),
        (
            nn.Linear(4, 3),
            torch.zeros(8, 4, dtype=torch.int64),
            "expects float32 numbers and gets int64, (8, 4). Token ids need an nn.Embedding before it.",
        ),
        (
            nn.Conv2d(3, 32, 3),
            zeros(8, 1, 28, 28),
            "expects (B, 3, H, W) and gets (8, 1, 28, 28), which has 1 channel. Write nn.Conv2d(1, 32, 3).",
        ),
        (nn.Conv2d(3, 32, 3), zeros(8, 784), "expects (B, 3, H, W) and gets (8, 784)."),
        (
            nn.Conv1d(1, 4, 3),
            zeros(8, 30),
            "expects (B, 1, L) and gets (8, 30), which has no channels. Add them with x.unsqueeze(1), and write "
            "in_channels=1.",
        ),
        (
            nn.Conv2d(1, 4, (5, 3)),
            zeros(8, 1, 4, 4),
            "expects at least 5x3 for a kernel (padding 0) and gets (8, 1, 4, 4), which is 4x4. "
            "Use fewer pooling layers or strides before it, or larger images.",
        ),
        (
            nn.MaxPool2d(2),
            zeros(8, 64, 1, 1),
            "expects at least 2x2 for a window and gets (8, 64, 1, 1), which is 1x1. "
            "Use fewer pooling layers or strides before it, or larger images.",
        ),
        (nn.AvgPool1d(2), zeros(8), "expects (B, C, L) and gets (8,)."),
        (
            nn.BatchNorm2d(16),
            zeros(8, 32, 4, 4),
            "expects (B, 16, H, W) and gets (8, 32, 4, 4). Write nn.BatchNorm2d(32).",
        ),
        (nn.BatchNorm2d(16), zeros(8, 16), "expects (B, 16, H, W) and gets (8, 16). Write nn.BatchNorm1d(16)."),
        (nn.BatchNorm1d(16), zeros(8, 12), "expects (B, 16) and gets (8, 12). Write nn.BatchNorm1d(12)."),
        (nn.LayerNorm(16), zeros(8, 12), "expects (..., 16) and gets (8, 12). Write nn.LayerNorm(12)."),
        (nn.GroupNorm(4, 16), zeros(8, 6, 2), "expects (B, 16, ...) and gets (8, 6, 2). Write nn.GroupNorm(2, 6)."),
        (
            nn.Embedding(10, 4),
            torch.tensor([[1, 12]]),
            "expects ids from 0 to 9 and gets ids from 1 to 12. Write nn.Embedding(13, 4).",
        ),
        (
            nn.Embedding(10, 4),
            torch.tensor([-1]),
            "expects ids from 0 to 9 and gets ids from -1 to -1. Ids begin at 0.",
        ),
        (
            nn.Embedding(10, 4),
            zeros(2, 3),
            "expects whole numbers, the ids, and gets float32, (2, 3). Pass it x.long().",
        ),
        (
            nn.LSTM(28, 64, batch_first=True),
            zeros(8, 30, 27),
            "expects (B, T, 28) and gets (8, 30, 27). Write nn.LSTM(27, 64, batch_first=True).",
        ),
        (nn.GRU(28, 64), zeros(8, 30, 27), "expects (T, B, 28) and gets (8, 30, 27). Write nn.GRU(27, 64)."),
        (nn.LSTM(28, 64), zeros(8, 1, 28, 28), "expects (T, B, 28) and gets (8, 1, 28, 28)."),
        (
            nn.MultiheadAttention(32, 4),
            zeros(8, 5, 30),
            "expects (..., 32) and gets (8, 5, 30). Write nn.MultiheadAttention(30, ...).",
        ),
    ],
)
def test_a_layer_says_what_it_expects_and_what_it_gets(module: nn.Module, inputs: Tensor, text: str) -> None:
    assert misfit(module, (inputs,)) == text
    with pytest.raises((RuntimeError, ValueError, IndexError, AssertionError)):
        module(inputs) if not isinstance(module, nn.MultiheadAttention) else module(inputs, inputs, inputs)


@pytest.mark.parametrize(
    ("module", "inputs"),
    [
        (nn.Linear(4, 3), zeros(8, 5, 4)),
        (nn.Conv2d(3, 32, 3, padding="same"), zeros(8, 3, 2, 2)),
        (nn.Conv2d(3, 32, 3), zeros(3, 28, 28)),
        (nn.ConvTranspose2d(3, 2, 4), zeros(8, 3, 1, 1)),
        (nn.MaxPool2d(3, padding=1), zeros(8, 3, 2, 2)),
        (nn.BatchNorm1d(16), zeros(8, 16, 5)),
        (nn.LayerNorm([4, 4]), zeros(8, 4, 4)),
        (nn.GroupNorm(4, 16), zeros(8, 16, 2)),
        (nn.Embedding(10, 4), torch.tensor([[0, 9]])),
        (nn.GRU(28, 64), zeros(8, 30, 28)),
        (nn.ReLU(), zeros(2)),
    ],
)
def test_what_fits_is_no_misfit(module: nn.Module, inputs: Tensor) -> None:
    assert misfit(module, (inputs,)) is None
    module(inputs)


def test_a_class_derived_from_a_layer_may_change_its_input() -> None:
    class Flat(nn.Linear):
        def forward(self, inputs: Tensor) -> Tensor:
            return super().forward(inputs.flatten(1))

    assert misfit(Flat(64, 3), (zeros(2, 8, 8),)) is None
    assert misfit(nn.Linear(4, 3), ("no tensor",)) is None
