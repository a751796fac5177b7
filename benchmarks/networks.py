"""The benchmarked networks in plain PyTorch, as a user would write them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EMBEDDING = HIDDEN = 128  # of the network for texts


def network(name: str) -> nn.Module:
    """Return a new network with seeded weights."""
    torch.manual_seed(0)
    return {"mlp": _mlp, "lenet": _lenet, "lstm": _Rows, "resnet": _resnet}[name]()


def _mlp() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )


def _lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(256, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip


class _Rows(nn.Module):
    """An LSTM of 128 over the 28 rows of an image, with a linear head on its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 128, batch_first=True)
        self.head = nn.Linear(128, 10)

    def forward(self, images: Tensor) -> Tensor:
        """(B, 1, 28, 28) -> (B, 10)."""
        states, _ = self.lstm(images.squeeze(1))  # (B, 1, H, W) -> (B, H, W) -> (B, H, 128)
        out: Tensor = self.head(states[:, -1])  # (B, H, 128) -> (B, 128) -> (B, 10)
        return out


class TextNetwork(nn.Module):
    """The layers of a network for texts: an embedding, a bidirectional LSTM, a head."""

    def __init__(self, num_words: int, num_classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_words, EMBEDDING, padding_idx=0)
        self.lstm = nn.LSTM(EMBEDDING, HIDDEN, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * HIDDEN, num_classes)


class _Block(nn.Module):
    """Two convolutions and a shortcut, He et al. 2016."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        changes = stride != 1 or inputs != outputs
        self.shortcut = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))
            if changes
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H / stride, W / stride)."""
        h = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(h)) + self.shortcut(x))


def _resnet() -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    inputs = 16
    for outputs, stride in ((16, 1), (32, 2), (64, 2)):
        for number in range(3):
            layers.append(_Block(inputs, outputs, stride if number == 0 else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


class Encoder(nn.Module):
    """A transformer that classifies sequences, with normalisation before each layer: (B, T, F) -> (B, 10)."""

    def __init__(self, steps: int, features: int, *, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.read = nn.Linear(features, width)
        self.positions = nn.Parameter(torch.randn(steps, width) * 0.02)
        block = nn.TransformerEncoderLayer(
            width, heads, 512, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        self.head = nn.Linear(width, 10)

    def forward(self, steps: Tensor) -> Tensor:
        """(B, T, F) -> (B, 10)."""
        out: Tensor = self.head(self.blocks(self.read(steps) + self.positions).mean(dim=1))
        return out
