"""An optimized loop for texts: batches of similar length, dense LSTMs, fused Adam, flushed denormals.

Packed sequences do not use the fast kernels, so the backward direction is a second LSTM over reversed rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from benchmarks.networks import EMBEDDING, HIDDEN
from benchmarks.texts import NUM_CLASSES, encode, texts
from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, Workload

PACKAGES = ("torch",)
_CHUNK = 50 * BATCH_SIZE  # rows sorted together


class Dense(nn.Module):
    """The last states of both directions, without packing."""

    def __init__(self, num_words: int, num_classes: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_words, EMBEDDING, padding_idx=0)
        self.forward_lstm = nn.LSTM(EMBEDDING, HIDDEN, batch_first=True)
        self.backward_lstm = nn.LSTM(EMBEDDING, HIDDEN, batch_first=True)
        self.head = nn.Linear(2 * HIDDEN, num_classes)

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """(B, T) and (B,) -> (B, K)."""
        mirrored = lengths.unsqueeze(1) - 1 - torch.arange(words.shape[1])  # (B,) -> (B, T)
        reversed_words = words.gather(1, mirrored.clamp(min=0))  # positions after a row's end are not used
        rows, ends = torch.arange(len(words)), lengths - 1
        ahead = self.forward_lstm(self.embedding(words))[0][rows, ends]  # (B, T) -> (B, T, E) -> (B, T, H) -> (B, H)
        back = self.backward_lstm(self.embedding(reversed_words))[0][rows, ends]  # the same
        out: Tensor = self.head(torch.cat([ahead, back], dim=1))  # 2 x (B, H) -> (B, 2 * H) -> (B, K)
        return out


def batches(lengths: Tensor) -> Iterator[Tensor]:
    """Yield the row indices of each batch, (B,): shuffled, sorted by length within chunks, batches shuffled again."""
    chunks = torch.randperm(len(lengths)).split(_CHUNK)
    found = [batch for rows in chunks for batch in rows[lengths[rows].argsort()].split(BATCH_SIZE)]
    for number in torch.randperm(len(found)).tolist():
        yield found[number]


def train(workload: Workload) -> list[float]:
    """Train and return the seconds of each epoch."""
    torch.set_flush_denormal(True)
    found, classes, num_words = encode(*texts(workload))
    lengths, labels = torch.tensor([len(text) for text in found]), torch.tensor(classes)
    words = pad_sequence([torch.tensor(text) for text in found], batch_first=True)  # (N, T)
    torch.manual_seed(0)
    model = Dense(num_words, NUM_CLASSES)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, fused=True)
    seconds = []
    for _ in range(workload.epochs):
        started = time.perf_counter()
        for rows in batches(lengths):
            optimizer.zero_grad()
            batch = words[rows, : int(lengths[rows].max())]  # (N, T) -> (B, longest)
            F.cross_entropy(model(batch, lengths[rows]), labels[rows]).backward()
            optimizer.step()
        seconds.append(time.perf_counter() - started)
    return seconds
