"""The loop of tutorials for texts: shuffled batches, padded by a collate function and packed, a bidirectional LSTM."""

from __future__ import annotations

import time

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence
from torch.utils.data import DataLoader

from benchmarks.networks import TextNetwork
from benchmarks.texts import NUM_CLASSES, encode, texts
from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, Workload

PACKAGES = ("torch",)


class Packed(TextNetwork):
    """A bidirectional LSTM over a packed sequence, with a head on its last states."""

    def forward(self, words: Tensor, lengths: Tensor) -> Tensor:
        """(B, T) and (B,) -> (B, K)."""
        vectors = self.embedding(words)  # (B, T) -> (B, T, E)
        packed = pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        _, (state, _) = self.lstm(packed)  # -> (2, B, H)
        out: Tensor = self.head(torch.cat([state[0], state[1]], dim=1))  # (2, B, H) -> (B, 2 * H) -> (B, K)
        return out


def collate(rows: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor, Tensor]:
    """Return rows padded to the longest, (B, T), their lengths, (B,), and their classes, (B,)."""
    found, classes = zip(*rows, strict=True)
    return pad_sequence(found, batch_first=True), torch.tensor([len(row) for row in found]), torch.tensor(classes)


def train(workload: Workload) -> list[float]:
    """Train and return the seconds of each epoch."""
    found, classes, num_words = encode(*texts(workload))
    rows = [(torch.tensor(text), label) for text, label in zip(found, classes, strict=True)]
    loader = DataLoader(rows, batch_size=BATCH_SIZE, shuffle=True, collate_fn=collate)  # type: ignore[arg-type]
    torch.manual_seed(0)
    model = Packed(num_words, NUM_CLASSES)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    seconds = []
    for _ in range(workload.epochs):
        started = time.perf_counter()
        model.train()
        for words, lengths, targets in loader:
            optimizer.zero_grad()
            loss = criterion(model(words, lengths), targets)
            loss.backward()
            optimizer.step()
        seconds.append(time.perf_counter() - started)
    return seconds
