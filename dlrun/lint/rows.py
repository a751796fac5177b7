"""Rows as numbers that rules can compare: samples of a split, and hashes by which equal rows are found."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.data.loading.randomness import generator
from dlrun.data.loading.split import Split
from dlrun.data.spec import Batch

_VALUES_AT_ONCE = 1 << 20
_BYTES = 8  # of an int64


def sample(split: Split, count: int) -> Batch:
    """Return at most `count` rows of a split on the CPU, scaled, without weights, in their order; always the same."""
    rows = torch.arange(len(split))
    if len(split) > count:
        rows = torch.randperm(len(split), generator=generator(0, "rows to examine"))[:count].sort().values
    batch = split.fetch(rows.to(split.index_device))
    lengths = None if batch.lengths is None else batch.lengths.cpu()
    return Batch(batch.inputs.cpu(), batch.targets.cpu(), lengths)


def hashes(inputs: Tensor) -> Tensor:
    """Return a hash of each row, (N, ...) -> (N,) int64: equal for equal rows, and by chance for 1 in 2^40 others.

    Multilinear hashing (Dietzfelbinger 1996): a sum of the row's words times random odd numbers, modulo 2^64.
    """
    factors = _factors(_as_words(inputs[:1]).shape[1])
    return _by_block(inputs, lambda block: (_as_words(block) * factors).sum(dim=1))  # (B, W) -> (B,)


def hashes_by_part(inputs: Tensor, parts: Sequence[Sequence[int]]) -> Tensor:
    """Return a hash of each part of each row, (N, ...) -> (N, P) int64; the sum of some is the hash of these.

    parts: the places of each part's values in the flat row.
    """
    factors = _factors(inputs[:1].numel())
    part_of = torch.zeros(len(factors), dtype=torch.int64)
    for number, places in enumerate(parts):
        part_of[list(places)] = number

    def of_block(block: Tensor) -> Tensor:
        terms = _as_whole_numbers(block) * factors  # (B, F)
        return torch.zeros(len(block), len(parts), dtype=torch.int64).index_add_(1, part_of, terms)  # -> (B, P)

    return _by_block(inputs, of_block)


def _by_block(inputs: Tensor, measure: Callable[[Tensor], Tensor]) -> Tensor:
    """What `measure` returns for blocks of rows on the CPU, as one: intermediate results stay in the cache."""
    rows = max(1, _VALUES_AT_ONCE // max(1, inputs[:1].numel()))
    return torch.cat([measure(block.cpu()) for block in torch.split(inputs, rows)])


def _as_words(rows: Tensor) -> Tensor:
    """(B, ...) -> (B, W) int64; eight bytes are one word."""
    if rows.dtype != torch.uint8:
        return _as_whole_numbers(rows)
    flat = rows.reshape(len(rows), -1)
    return F.pad(flat, (0, -flat.shape[1] % _BYTES)).view(torch.int64)


def _as_whole_numbers(rows: Tensor) -> Tensor:
    """(B, ...) -> (B, F) int64; equal numbers are equal."""
    flat = rows.reshape(len(rows), -1)
    if flat.dtype == torch.float32:
        flat = (flat + 0.0).view(torch.int32)  # -0.0 + 0.0 is 0.0
    return flat.to(torch.int64)


def _factors(count: int) -> Tensor:
    return torch.randint(-(2**63), 2**63 - 1, (count,), generator=generator(0, "row hashes")) | 1
