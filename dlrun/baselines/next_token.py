"""Baselines of a language model: the frequencies of tokens, and of pairs of a token and the next one."""

from __future__ import annotations

import torch
from torch import Tensor

from dlrun.baselines.baseline import Baseline, BaselineKind, Check, blocks, on_rows, sample
from dlrun.data.loading.split import Split
from dlrun.data.spec import DataSpec

_MOST_TOKENS = 4_000_000  # of the training text
_BLOCK_TOKENS = 1 << 18


class TokenFrequencies(Baseline):
    """The probability of each token whatever came before: (its count + 1) / (all tokens + vocabulary).

    probabilities: (V,) float64, of the training tokens.
    """

    kind: BaselineKind = "trivial"

    def __init__(self, name: str, probabilities: Tensor, *, context: int) -> None:
        self.name = name
        self.probabilities = probabilities
        self._block = max(1, _BLOCK_TOKENS // context)

    def metrics(self, split: Split, *, check: Check) -> dict[str, float]:
        """Return what the meter of next tokens would, without a logit for each token of the vocabulary."""
        entropy, correct, count = 0.0, 0, 0
        for batch in blocks(split, self._block):
            check()
            tokens, following = batch.inputs.flatten().long(), batch.targets.flatten()  # (B, T) -> (B T,)
            entropy -= self.of_next(tokens, following).log().sum().item()
            correct += int((self.likeliest(tokens) == following).sum())
            count += len(following)
        return {
            "perplexity": torch.tensor(entropy / count, dtype=torch.float64).exp().item(),
            "accuracy": correct / count,
        }

    def of_next(self, tokens: Tensor, following: Tensor) -> Tensor:
        """Return the probability of `following`, (N,) int64, after `tokens`, (N,) int64: (N,) float64."""
        del tokens
        return self.probabilities[following]

    def likeliest(self, tokens: Tensor) -> Tensor:
        """Return the likeliest next token, (N,) int64."""
        return self.probabilities.argmax().expand(len(tokens))


class Bigrams(TokenFrequencies):
    """The probability of the next token by the present one, mixed with its frequency (Witten and Bell 1991).

    After a token with n successors in training, d of them distinct: (count of the pair + d * frequency) / (n + d).
    keys: (M,) int64, sorted, token * V + next of each distinct pair; counts: (M,) of each pair.
    """

    kind: BaselineKind = "simple"

    def __init__(self, name: str, probabilities: Tensor, keys: Tensor, counts: Tensor, *, context: int) -> None:
        super().__init__(name, probabilities, context=context)
        size = len(probabilities)
        self._keys, self._counts = keys, counts.double()
        first, second = keys // size, keys % size
        self._total = torch.zeros(size, dtype=torch.float64).index_add_(0, first, self._counts)
        self._distinct = torch.bincount(first, minlength=size).double()
        self._likeliest = self._find_likeliest(first, second)

    def of_next(self, tokens: Tensor, following: Tensor) -> Tensor:
        wanted = tokens * len(self.probabilities) + following
        place = torch.searchsorted(self._keys, wanted).clamp(max=len(self._keys) - 1)
        seen = torch.where(self._keys[place] == wanted, self._counts[place], 0.0)
        frequency = self.probabilities[following]
        distinct, total = self._distinct[tokens], self._total[tokens]
        mixed = (seen + distinct * frequency) / (total + distinct).clamp(min=1)
        return torch.where(total > 0, mixed, frequency)

    def likeliest(self, tokens: Tensor) -> Tensor:
        return self._likeliest[tokens]

    def _find_likeliest(self, first: Tensor, second: Tensor) -> Tensor:
        """The likeliest successor of each token, (V,): one that was seen, or the commonest token."""
        commonest = self.probabilities.argmax()
        scores = self._counts + self._distinct[first] * self.probabilities[second]
        order = torch.argsort(scores, stable=True)
        order = order[torch.argsort(first[order], stable=True)]  # by token, the best of its pairs last
        seen = torch.nonzero(self._distinct)[:, 0]  # (tokens with a successor,)
        best = order[self._distinct[seen].long().cumsum(0) - 1]
        likeliest = torch.full((len(self.probabilities),), int(commonest))
        unseen = self._distinct[seen] * self.probabilities[commonest]
        likeliest[seen] = torch.where(scores[best] >= unseen, second[best], commonest)
        return likeliest


def next_token_baselines(
    spec: DataSpec, train: Split, *, num_tokens: int, seed: int, check: Check
) -> tuple[TokenFrequencies, Bigrams]:
    """Return both baselines of a text's training windows, or of a sample of them."""
    context = spec.shape[0]
    index = sample(len(train), max(1, _MOST_TOKENS // context), seed=seed)
    singles = torch.zeros(num_tokens, dtype=torch.int64)
    pairs: list[Tensor] = []
    for batch in blocks(train, max(1, _BLOCK_TOKENS // context), index):
        check()
        singles += torch.bincount(batch.targets.flatten(), minlength=num_tokens)
        pairs.append((batch.inputs.long() * num_tokens + batch.targets).flatten())  # (B, T) -> (B T,)
    probabilities = (singles + 1).double() / (singles.sum() + num_tokens)
    keys, counts = torch.unique(torch.cat(pairs), return_counts=True)
    frequencies = TokenFrequencies(on_rows("token frequencies", len(index), len(train)), probabilities, context=context)
    return frequencies, Bigrams(
        on_rows("bigrams", len(index), len(train)), probabilities, keys, counts, context=context
    )
