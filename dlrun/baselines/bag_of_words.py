"""The simple model for texts: TF-IDF of their tokens, without order, and a linear model on it."""

from __future__ import annotations

import torch
from torch import Tensor

from dlrun.baselines.baseline import BaselineKind, Check, OutputBaseline, blocks, on_rows, sample
from dlrun.baselines.descent import Sparse, fit_linear
from dlrun.baselines.linear import fit_classes
from dlrun.data.loading.split import Split
from dlrun.data.spec import Batch, DataSpec
from dlrun.tasks.goals import goal_of

_MOST_WORK = 6_000_000  # tokens * outputs that one evaluation multiplies, of up to 125
_MOST_TOKENS = 4_000_000  # padding included
_STRENGTH = 0.1  # of the penalty: scikit-learn's C is 10
_BLOCK_TOKENS = 1 << 20


class Weighting:
    """Turns token ids into sparse rows: (1 + log count) * idf, scaled to length 1, as scikit-learn's sublinear TF-IDF.

    idf: (V,) float32, log((1 + N) / (1 + texts with the token)) + 1.
    """

    def __init__(self, idf: Tensor) -> None:
        self.idf = idf

    @classmethod
    def fitted(cls, batch: Batch, num_tokens: int) -> Weighting:
        """Return the weighting of training texts."""
        _, tokens, _ = _counts(batch, num_tokens)
        found = torch.bincount(tokens, minlength=num_tokens).double()
        return cls((((1 + len(batch.targets)) / (1 + found)).log() + 1).float())

    def rows(self, batch: Batch) -> Sparse:
        """Return rows, (B, V) float32, from the token ids of texts, (B, T)."""
        rows, tokens, counts = _counts(batch, len(self.idf))
        values = (1 + counts.float().log()) * self.idf[tokens]
        squares = torch.zeros(len(batch.targets)).index_add_(0, rows, values.square())
        values = values / squares.sqrt().clamp(min=1e-12)[rows]
        return Sparse(rows, tokens, values, size=(len(batch.targets), len(self.idf)))


class BagOfWords(OutputBaseline):
    """TF-IDF times weights plus intercept. weights: (V, K); intercept: (K,)."""

    kind: BaselineKind = "simple"

    def __init__(self, spec: DataSpec, name: str, weighting: Weighting, weights: Tensor, intercept: Tensor) -> None:
        super().__init__(spec, width=4 * spec.shape[0])
        self.name = name
        self._weighting, self._weights, self._intercept = weighting, weights.float(), intercept.float()

    def outputs(self, batch: Batch) -> Tensor:
        return self._weighting.rows(batch).times(self._weights) + self._intercept  # (B, V) -> (B, K)


def bag_of_words(
    spec: DataSpec, train: Split, *, num_tokens: int, most_rows: int, seed: int, check: Check
) -> BagOfWords:
    """Return the model of the training texts, or of a sample of them. num_tokens: ids that texts may contain."""
    most = max(1, _MOST_TOKENS // spec.shape[0])
    lengths = torch.full((len(train),), spec.shape[0]) if train.lengths is None else train.lengths.cpu()
    outputs = goal_of(spec).num_logits(spec)
    most = min(most, most_rows, int(_MOST_WORK / (outputs * max(1.0, lengths.double().mean().item()))))
    index = sample(len(train), max(1, most), seed=seed)
    check()
    pieces = list(blocks(train, max(1, _BLOCK_TOKENS // spec.shape[0]), index))
    texts = Batch(
        torch.cat([piece.inputs for piece in pieces]),
        torch.cat([piece.targets for piece in pieces]),
        None if train.lengths is None else lengths[index],
    )
    weighting = Weighting.fitted(texts, num_tokens)
    matrix = weighting.rows(texts)
    if goal_of(spec).predicts_numbers:
        weights, intercept = fit_linear(matrix, texts.targets, loss="squared", strength=_STRENGTH, check=check)
    else:
        weights, intercept = fit_classes(
            spec,
            lambda targets, loss: fit_linear(matrix, targets, loss=loss, strength=_STRENGTH, check=check),
            texts.targets,
        )
    return BagOfWords(spec, on_rows("bag of words", len(index), len(train)), weighting, weights, intercept)


def _counts(batch: Batch, num_tokens: int) -> tuple[Tensor, Tensor, Tensor]:
    """Each text's distinct tokens: row, token and count, (M,) int64 each, by row and then by token."""
    ids = batch.inputs.long()  # (B, T)
    keys = ids + torch.arange(len(ids)).unsqueeze(1) * num_tokens
    if batch.lengths is not None:
        keys = keys[torch.arange(ids.shape[1]) < batch.lengths.unsqueeze(1)]  # (B, T) -> (tokens,)
    found, counts = torch.unique(keys, return_counts=True)
    return found // num_tokens, found % num_tokens, counts
