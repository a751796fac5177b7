"""Whole groups of rows dealt to splits: drawn by seed, and stratified by class as well as the groups allow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dlrun.errors import DataError
from dlrun.wording import plural

_MOST_WEIGHED = 20_000  # groups that are dealt one by one; the smaller ones are dealt by size alone
_MOST_COUNTS = 5_000_000  # of these, groups x classes


def deal(groups: Tensor, classes: Tensor | None, shares: Sequence[float], drawn_by: torch.Generator) -> Tensor:
    """Return the number of the split that each row is dealt to, (N,) int64; rows of one group have the same.

    groups: (N,) int64, the group of each row. classes: (N,) int64, to stratify by. shares: the share of the rows that
    each split should have, with the sum 1; one whose share is 0 gets none, and every other one at least one group.
    The larger groups are dealt first, each to the split whose rows of those classes are farthest below their share.
    Raises DataError if there are fewer groups than splits.
    """
    _, index = torch.unique(groups, return_inverse=True)  # (N,), from 0 up
    sizes = torch.bincount(index)  # (G,)
    wanted = [number for number, share in enumerate(shares) if share > 0]
    if len(sizes) < len(wanted):
        raise DataError(_too_few(len(sizes), len(wanted)))
    noise = 0.25 + 0.75 * torch.rand(len(sizes), generator=drawn_by, dtype=torch.float64)
    order = (sizes * noise).argsort(descending=True, stable=True)  # roughly by size, so that the seed matters
    labels = torch.zeros_like(index) if classes is None else classes
    counts = _counts(index, labels, order)  # (L, C) of the first L groups
    part = np.array([share for share in shares if share > 0])
    dealt = _weighed(counts, np.outer(part, np.bincount(labels.numpy(), minlength=counts.shape[1])))
    rest = order[len(counts) :]
    placed = np.bincount(dealt, weights=counts.sum(axis=1), minlength=len(part))
    by_size = _by_size(sizes[rest].numpy(), (part * len(index) - placed).clip(min=0))
    split_of = _none_empty(np.concatenate([dealt, by_size]), len(part))  # (G,) in that order
    split = torch.empty(len(sizes), dtype=torch.int64)
    split[order] = torch.tensor(wanted)[torch.from_numpy(split_of)]
    return split[index]  # (G,) -> (N,)


def _too_few(num_groups: int, num_splits: int) -> str:
    return (
        f"dataset.group: there are rows of {plural(num_groups, 'group')}, and {num_splits} splits need one each. "
        "Hold out less (dataset.val_fraction=0, dataset.test_fraction=0, fewer dataset.folds), or use another column."
    )


def _counts(index: Tensor, labels: Tensor, order: Tensor) -> NDArray[np.float64]:
    """Rows of the first groups in `order` by class, (L, C)."""
    num_classes = int(labels.max()) + 1
    count = min(len(order), _MOST_WEIGHED, max(1, _MOST_COUNTS // num_classes))
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order))
    place = rank[index]  # (N,)
    chosen = place < count
    flat = torch.bincount(place[chosen] * num_classes + labels[chosen], minlength=count * num_classes)
    return flat.reshape(count, num_classes).double().numpy()  # (L * C,) -> (L, C)


def _weighed(counts: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.int64]:
    """Deal groups one by one, so that the sum of (have - wanted)² / wanted stays smallest; (L, C), (S, C) -> (L,)."""
    have = np.zeros_like(wanted)
    scale = 1 / wanted.clip(min=1e-9)
    dealt = np.empty(len(counts), dtype=np.int64)
    for number, count in enumerate(counts):
        rise = ((2 * (have - wanted) + count) * count * scale).sum(axis=1)  # (S,)
        dealt[number] = rise.argmin()
        have[dealt[number]] += count
    return dealt


def _by_size(sizes: NDArray[np.int64], lacking: NDArray[np.float64]) -> NDArray[np.int64]:
    """Deal many small groups in their order, so that each split gets the rows that it lacks; (R,), (S,) -> (R,)."""
    if not len(sizes):
        return np.empty(0, dtype=np.int64)
    middle = (np.cumsum(sizes) - sizes / 2) / sizes.sum()
    ends = np.cumsum(lacking) / lacking.sum()
    found: NDArray[np.int64] = np.searchsorted(ends, middle).clip(0, len(lacking) - 1).astype(np.int64)
    return found


def _none_empty(split_of: NDArray[np.int64], num_splits: int) -> NDArray[np.int64]:
    """Give each split without a group the smallest one of the split with most groups; they are largest first."""
    counts = np.bincount(split_of, minlength=num_splits)
    while not counts.all():
        most = int(counts.argmax())
        split_of[np.flatnonzero(split_of == most)[-1]] = counts.argmin()
        counts = np.bincount(split_of, minlength=num_splits)
    return split_of
