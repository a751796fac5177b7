"""The rows with the highest scores of a pass, kept while it goes on."""

from __future__ import annotations

import torch
from torch import Tensor


class Worst:
    """Keeps the `most` rows with the highest scores; of equal ones the first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.scores = torch.zeros(0, dtype=torch.float64)
        self.rows = torch.zeros(0, dtype=torch.int64)
        self.details: tuple[Tensor, ...] = ()

    def add(self, scores: Tensor, rows: Tensor, *details: Tensor) -> None:
        """Add rows, (B,) each. details: further columns to keep of them, (B, ...)."""
        if not len(rows):
            return
        scores = torch.cat([self.scores, scores.double().nan_to_num(torch.inf)])
        order = scores.argsort(descending=True, stable=True)[: self._most]
        self.scores = scores[order]
        self.rows = torch.cat([self.rows, rows])[order]
        kept = self.details or tuple(each[:0] for each in details)
        self.details = tuple(torch.cat([old, new])[order] for old, new in zip(kept, details, strict=True))
