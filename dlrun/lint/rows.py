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
    """Return a hash of each row, (N, ...) -> (N,) int64: equal for equal rows, and by chance for 1 in 2^30 others.

    Multilinear hashing (Dietzfelbinger 1996): a sum of the row's words times random odd numbers, modulo 2^64.
    """
    factors = _factors(_as_words(inputs[:1]).shape[1])
    return _by_block(inputs, lambda block: _mixed(_as_words(block)).mul_(factors).sum(dim=1))  # (B, W) -> (B,)


def hashes_by_part(inputs: Tensor, parts: Sequence[Sequence[int]]) -> Tensor:
    """Return a hash of each part of each row, (N, ...) -> (N, P) int64; the sum of some is a hash of these.

    parts: the places of each part's values in the flat row; the sum of all is not what `hashes` returns.
    """
    factors = _factors(inputs[:1].numel())
    places = [_index(part) for part in parts]

    def of_block(block: Tensor) -> Tensor:
        terms = _as_whole_numbers(block) * factors  # (B, F)
        return torch.stack([terms[:, place].sum(dim=1) for place in places], dim=1)  # (B, F) -> (B, P)

    return _by_block(inputs, of_block)


def _index(places: Sequence[int]) -> slice | list[int]:
    """Places to index with: a slice, which copies nothing, where they are next to each other."""
    first, last = places[0], places[-1]
    return slice(first, last + 1) if list(places) == list(range(first, last + 1)) else list(places)


def _by_block(inputs: Tensor, measure: Callable[[Tensor], Tensor]) -> Tensor:
    """What `measure` returns for blocks of rows on the CPU, as one: intermediate results stay in the cache."""
    rows = max(1, _VALUES_AT_ONCE // max(1, inputs[:1].numel()))
    return torch.cat([measure(block.cpu()) for block in torch.split(inputs, rows)])


def _mixed(words: Tensor) -> Tensor:
    """The same words with their high bits in the low ones too, which alone a product passes on to all of its bits."""
    return words ^ (words >> 29)


def _as_words(rows: Tensor) -> Tensor:
    """(B, ...) -> (B, W) int64; eight bytes are one word, equal for equal numbers."""
    flat = rows.reshape(len(rows), -1)
    if flat.dtype.is_floating_point:
        flat = flat + 0.0  # -0.0 + 0.0 is 0.0
    in_word = _BYTES // flat.element_size()
    return F.pad(flat, (0, -flat.shape[1] % in_word)).contiguous().view(torch.int64)


def _as_whole_numbers(rows: Tensor) -> Tensor:
    """(B, ...) -> (B, F) int64; equal numbers are equal."""
    flat = rows.reshape(len(rows), -1)
    if flat.dtype == torch.float32:
        flat = (flat + 0.0).view(torch.int32)  # -0.0 + 0.0 is 0.0
    return flat.to(torch.int64)


def _factors(count: int) -> Tensor:
    return torch.randint(-(2**63), 2**63 - 1, (count,), generator=generator(0, "row hashes")) | 1
