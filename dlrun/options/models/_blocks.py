"""Encoders of the texts and images in the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dlrun.data.spec import Block

_EMBEDDING = 64  # width of a word
_EMBEDDING_STD = 0.1  # at first: smaller than torch's 1, so that a few hundred steps decide what a word means
_CHANNELS = (16, 32, 64)  # of the convolutions, each of which is followed by halving the sides


class EncodeText(nn.Module):
    """Sum and maximum of the vectors of a text's words, (B, T) -> (B, width); zeros for a text without words.

    A bag of words whose vectors are trained for the task, as in Joulin et al. 2017. The sum is divided by the root of
    the number of words, so that long and short texts have values of one size.
    """

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.width = 2 * _EMBEDDING
        self.table = nn.Embedding(vocabulary_size, _EMBEDDING, padding_idx=0)
        with torch.no_grad():
            self.table.weight.mul_(_EMBEDDING_STD)

    def forward(self, inputs: Tensor) -> Tensor:
        """Token ids as float32, (B, T) -> (B, width)."""
        ids = inputs.long()
        is_word = (ids != 0).unsqueeze(-1)  # (B, T) -> (B, T, 1)
        vectors = self.table(ids)  # (B, T) -> (B, T, D); padding is zeros
        counts = is_word.sum(dim=1).clamp(min=1)  # (B, T, 1) -> (B, 1)
        total = vectors.sum(dim=1) / counts.sqrt()  # (B, T, D) -> (B, D)
        largest = vectors.masked_fill(~is_word, -torch.inf).amax(dim=1)  # (B, T, D) -> (B, D)
        largest = largest.masked_fill(~is_word.any(dim=1), 0.0)
        return torch.cat([total, largest], dim=1)  # 2 x (B, D) -> (B, 2 D)


class EncodeImage(nn.Module):
    """Convolutions with group normalisation, then mean and maximum of each channel, (B, C * H * W) -> (B, width)."""

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.width = 2 * _CHANNELS[-1]
        layers: list[nn.Module] = []
        for before, after in zip((self.shape[0], *_CHANNELS), _CHANNELS, strict=False):
            layers += [
                nn.Conv2d(before, after, 3, padding=1),
                nn.GroupNorm(after // 16, after),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),  # (B, C, H, W) -> (B, C, H / 2, W / 2)
            ]
        self.layers = nn.Sequential(*layers)

    def forward(self, inputs: Tensor) -> Tensor:
        """Pixels from -1 to 1, (B, C * H * W) -> (B, width)."""
        found = self.layers(inputs.reshape(-1, *self.shape))  # (B, C * H * W) -> (B, D, H / 8, W / 8)
        return torch.cat([found.mean(dim=(2, 3)), found.amax(dim=(2, 3))], dim=1)  # -> (B, 2 D)


class EncodeBlocks(nn.Module):
    """Rows whose last columns are texts and images: each goes through its encoder, the rest through `plain`."""

    def __init__(self, plain: nn.Module, blocks: Sequence[Block]) -> None:
        super().__init__()
        self.plain = plain
        self.blocks = tuple(blocks)
        encoders = [
            EncodeText(block.vocabulary_size) if block.vocabulary_size is not None else EncodeImage(block.shape)
            for block in blocks
        ]
        self.encoders = nn.ModuleList(encoders)
        self.width = sum(encoder.width for encoder in encoders)  # of what the encoders add

    def forward(self, inputs: Tensor) -> Tensor:
        """(B, F) -> (B, plain + width)."""
        found = [self.plain(inputs[:, : self.blocks[0].start])]
        for block, encoder in zip(self.blocks, self.encoders, strict=True):
            found.append(encoder(inputs[:, block.start : block.start + block.width]))
        return torch.cat(found, dim=1)
