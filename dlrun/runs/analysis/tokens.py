"""Losses of a language model by place, its worst windows, and texts that it writes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.data.loading.split import Split
from dlrun.data.texts.language import LanguageEncoder
from dlrun.data.texts.tokenizer import UNKNOWN
from dlrun.runs.analysis.reports import SAMPLE_TEMPERATURE, Sample, Token, TokenReport
from dlrun.runs.analysis.worst import Worst
from dlrun.runs.generate import generate_ids, network_logits
from dlrun.tasks.task import SupervisedTask

NUM_SAMPLES, SAMPLE_TOKENS = 4, 150
_MOST_PROMPT = 24  # tokens


class TokenObserver:
    """Watches one pass over a split. most: windows to keep."""

    def __init__(self, encoder: LanguageEncoder, *, most: int) -> None:
        self._encoder = encoder
        self._worst = Worst(most)
        self._sum = torch.zeros(0, dtype=torch.float64)
        self._count = 0

    def add(self, first: int, outputs: Tensor, targets: Tensor, weights: Tensor | None) -> None:
        """Add a batch. first: the number of its first row. outputs: (B, T, V); targets: (B, T)."""
        del weights  # windows have none
        loss = F.cross_entropy(outputs.flatten(0, 1), targets.flatten(), reduction="none")  # (B * T,)
        loss = loss.reshape(targets.shape).double().cpu()  # (B * T,) -> (B, T)
        if not self._count:
            self._sum = torch.zeros(targets.shape[1], dtype=torch.float64)
        self._sum += loss.sum(dim=0)
        self._count += len(targets)
        rows = torch.arange(first, first + len(targets))
        self._worst.add(loss.mean(dim=1), rows, targets.cpu(), loss)

    def report(self) -> TokenReport:
        """Return what was found."""
        tokenizer = self._encoder.tokenizer
        windows = []
        for mean, ids, losses in zip(self._worst.scores.tolist(), *self._worst.details, strict=True):
            tokens = [
                Token(tokenizer.text([number]), loss)
                for number, loss in zip(ids.tolist(), losses.tolist(), strict=True)
            ]
            windows.append((mean, tokens))
        return TokenReport((self._sum / max(self._count, 1)).tolist(), windows, tokenizer.separator)


def write_samples(task: SupervisedTask, encoder: LanguageEncoder, split: Split | None, *, seed: int) -> list[Sample]:
    """Return texts that the model writes, each after the beginning of another window of the split.

    split: None where there is no data; the model then writes after the first token of its vocabulary.
    """
    tokenizer, prompts = encoder.tokenizer, [[UNKNOWN + 1]]
    if split is not None:
        count = min(NUM_SAMPLES, len(split))
        rows = torch.tensor([number * len(split) // count for number in range(count)], device=split.index_device)
        length = max(1, min(_MOST_PROMPT, encoder.context // 2))
        prompts = split.fetch(rows).inputs[:, :length].tolist()
    next_logits = network_logits(task)
    found = []
    for number, prompt in enumerate(prompts):
        new = generate_ids(
            next_logits,
            prompt,
            context=encoder.context,
            length=SAMPLE_TOKENS,
            temperature=SAMPLE_TEMPERATURE,
            top_k=None,
            seed=seed + number,
        )
        found.append(Sample(tokenizer.text(prompt), tokenizer.separator + tokenizer.text(new)))
    return found
