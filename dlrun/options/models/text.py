"""A classifier of texts: a linear model on words and pairs of words, beside embeddings and a convolution."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dlrun.configuration.schema.fields import Fraction, Range, Width
from dlrun.data.loading.split import Split
from dlrun.data.spec import DataSpec
from dlrun.errors import ConfigError, Problem
from dlrun.tasks.goals import goal_of, num_logits

_FIT_TOKENS = 1 << 20  # padding included: how many are counted at once
_LEAST_TEXTS = 2  # in which a pair of words must occur, to count
_EMBEDDING_STD = 0.1


def text(
    spec: DataSpec,
    *,
    embedding: Width,
    filters: Width,
    window: Annotated[int, Range(low=1, high=63)],
    pairs: Annotated[int, Range(low=0, high=16_777_216)],
    dropout: Fraction,
    embedding_dropout: Fraction,
) -> nn.Module:
    """Classifier of texts, (B, T) tokens -> (B, K): the sum of a linear model and a network.

    The linear model is on TF-IDF of words and pairs of neighbours (hashed, as in Joulin et al. 2016, fastText). The
    network joins the mean of the words' embeddings, weighted by TF-IDF, with the largest outputs of a convolution over
    them (Kim 2014), which sees the order of a few words.
    Raises ConfigError if the rows are not texts, or the next token is to be predicted.
    """
    if spec.kind != "tokens" or spec.vocabulary_size is None:
        what = f"It classifies texts, but this dataset has {spec.describe()}; use another model."
        raise ConfigError(Problem("model=text", what, id="model-mismatch"))
    if goal_of(spec).predicts_each_step:
        what = "It looks at a whole text at once, so it cannot predict the next token. Use model=rnn or transformer."
        raise ConfigError(Problem("model=text", what, id="model-mismatch"))
    return _Text(
        spec.vocabulary_size,
        num_logits(spec),
        embedding=embedding,
        filters=filters,
        window=window,
        pairs=pairs,
        dropout=dropout,
        embedding_dropout=embedding_dropout,
    )


class Terms(NamedTuple):
    """The distinct words and pairs of each text, sorted by row. rows, terms, counts: (M,) int64."""

    rows: Tensor
    terms: Tensor
    counts: Tensor


class _Text(nn.Module):
    idf: Tensor

    def __init__(
        self,
        num_words: int,
        outputs: int,
        *,
        embedding: int,
        filters: int,
        window: int,
        pairs: int,
        dropout: float,
        embedding_dropout: float,
    ) -> None:
        super().__init__()
        self._num_words, self._pairs = num_words, pairs
        self.register_buffer("idf", torch.ones(num_words + pairs))
        self.linear = nn.Embedding(num_words + pairs, outputs)
        nn.init.zeros_(self.linear.weight)
        self.embedding = nn.Embedding(num_words, embedding, padding_idx=0)
        nn.init.normal_(self.embedding.weight, std=_EMBEDDING_STD)
        nn.init.zeros_(self.embedding.weight.data[0])
        self.embedding_dropout = nn.Dropout(embedding_dropout)
        self._window = window
        self.convolution = nn.Conv1d(embedding, filters, window)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(embedding + filters, outputs)

    def fit_to(self, train: Split) -> None:
        """Measure how many training texts have each word and pair; pairs of a single text get weight 0."""
        found = torch.zeros(len(self.idf), dtype=torch.float64)
        step = max(1, _FIT_TOKENS // max(1, train.row_bytes // 4))
        for first in range(0, len(train), step):
            batch = train.fetch(slice(first, first + step))
            terms = self._terms(batch.inputs, batch.lengths).terms.cpu()
            found += torch.bincount(terms, minlength=len(found))
        idf = ((1 + len(train)) / (1 + found)).log() + 1
        idf[self._num_words :] *= found[self._num_words :] >= _LEAST_TEXTS
        self.idf.copy_(idf)

    def forward(self, inputs: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, T) tokens, and the length of each row without padding, (B,) -> (B, K)."""
        if torch.compiler.is_exporting():
            return self._by_position(inputs, lengths)
        # training batches are cut already; on other devices, reading the number would wait
        if lengths is not None and not self.training and inputs.device.type == "cpu":
            inputs = inputs[:, : max(1, int(lengths.max()))]  # (B, T) -> (B, longest)
        rows, terms, counts = self._terms(inputs, lengths)
        weights = (1 + counts.float().log()) * self.idf[terms]
        norms = torch.zeros(len(inputs), device=inputs.device).index_add_(0, rows, weights.square()).sqrt()
        weights = weights / norms.clamp(min=1e-9)[rows]
        linear = _weighted_sums(self.linear.weight, rows, terms, weights, len(inputs))  # -> (B, K)
        words = terms < self._num_words
        mean = _weighted_sums(self.embedding.weight, rows[words], terms[words], weights[words], len(inputs))
        features = torch.cat([mean, self._convolved(inputs, lengths)], dim=1)  # -> (B, E + filters)
        out: Tensor = linear + self.output(self.dropout(features))
        return out

    def _by_position(self, inputs: Tensor, lengths: Tensor | None) -> Tensor:
        """The same as `forward` without lists of terms, whose lengths depend on the texts: for a graph.

        Each position adds its term's weight, divided by how often the text has the term; (T, T) comparisons count them.
        """
        ids = inputs.long()
        order = torch.arange(ids.shape[1], device=ids.device)
        mask = torch.ones_like(ids, dtype=torch.bool) if lengths is None else order < lengths.unsqueeze(1)
        words, of_words, squares = self._position_weights(ids, mask)
        linear = (self.linear(words) * of_words).sum(dim=1)  # (B, T, K) -> (B, K)
        mean = (self.embedding(words) * of_words).sum(dim=1)  # (B, T, E) -> (B, E)
        if self._pairs:
            after = (order + 1).clamp(max=ids.shape[1] - 1)  # of a slice, a graph would fix the least length
            is_pair = mask & mask[:, after] & (order < after)
            pairs, of_pairs, more = self._position_weights(self._hashed(ids, ids[:, after]), is_pair)
            linear, squares = linear + (self.linear(pairs) * of_pairs).sum(dim=1), squares + more
        norm = squares.sqrt().clamp(min=1e-9).unsqueeze(1)  # (B,) -> (B, 1)
        linear, mean = linear / norm, mean / norm
        features = torch.cat([mean, self._convolved(inputs, lengths)], dim=1)  # -> (B, E + filters)
        out: Tensor = linear + self.output(features)
        return out

    def _position_weights(self, terms: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Terms, (B, T), with 0 where there are none; each one's share of its weight, (B, T, 1); squares, (B,)."""
        terms = terms.masked_fill(~mask, 0)
        same = (terms.unsqueeze(2) == terms.unsqueeze(1)) & mask.unsqueeze(1)  # (B, T, T)
        counts = same.sum(dim=2).clamp(min=1).float()  # (B, T, T) -> (B, T)
        weights = ((1 + counts.log()) * self.idf[terms]).masked_fill(~mask, 0.0)
        return terms, (weights / counts).unsqueeze(2), (weights.square() / counts).sum(dim=1)

    def _convolved(self, inputs: Tensor, lengths: Tensor | None) -> Tensor:
        """The largest output of each filter over a text, (B, T) -> (B, filters)."""
        mask = None if lengths is None else torch.arange(inputs.shape[1], device=inputs.device) < lengths.unsqueeze(1)
        if mask is not None:
            inputs = inputs.masked_fill(~mask, 0)
        steps = self.embedding_dropout(self.embedding(inputs)).transpose(1, 2)  # (B, T) -> (B, E, T)
        before = (self._window - 1) // 2
        found = self.convolution(F.pad(steps, (before, self._window - 1 - before)))  # -> (B, filters, T)
        if mask is not None:
            found = found.masked_fill(~mask.unsqueeze(1), 0.0)
        largest: Tensor = found.amax(dim=2).relu()
        return largest

    def _terms(self, inputs: Tensor, lengths: Tensor | None) -> Terms:
        """Words and hashed pairs of each text, (B, T) -> (M,) each; padding is none of them."""
        ids = inputs.long()
        mask = torch.ones_like(ids, dtype=torch.bool)
        if lengths is not None:
            mask = torch.arange(ids.shape[1], device=ids.device) < lengths.unsqueeze(1)
        size = self._num_words + self._pairs
        keys = ids + torch.arange(len(ids), device=ids.device).unsqueeze(1) * size
        found = [keys[mask]]
        if self._pairs and ids.shape[1] > 1:
            left, right = ids[:, :-1], ids[:, 1:]
            hashed = self._hashed(left, right) + torch.arange(len(ids), device=ids.device).unsqueeze(1) * size
            found.append(hashed[mask[:, 1:]])
        distinct, counts = torch.unique(torch.cat(found), return_counts=True)
        return Terms(distinct // size, distinct % size, counts)

    def _hashed(self, left: Tensor, right: Tensor) -> Tensor:
        """The number of each pair of neighbours among the terms."""
        return (left * 1_000_003 + right * 8_191 + left * right % 65_521) % self._pairs + self._num_words


def _weighted_sums(table: Tensor, rows: Tensor, terms: Tensor, weights: Tensor, num_rows: int) -> Tensor:
    """The sum of each row's weighted entries of a table: (R, K) and (M,) three times, by row -> (num_rows, K)."""
    counts = torch.bincount(rows, minlength=num_rows)
    return F.embedding_bag(terms, table, counts.cumsum(0) - counts, mode="sum", per_sample_weights=weights)
