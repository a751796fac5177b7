"""Which rows are held out for validation and test: drawn by seed, so that classes keep their shares."""

from __future__ import annotations

import torch
from torch import Tensor

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.loading.randomness import generator
from dlrun.data.source import Rows, Source


def hold_out(source: Source, settings: DatasetSettings) -> dict[str, Rows]:
    """Return the rows of each split; one without rows is empty.

    A split that the source has is not held out. `limit` is a bound for the training rows before any are held out.
    """
    order = torch.randperm(len(source.train), generator=generator(settings.split_seed, "split"))
    if settings.limit is not None:
        order = order[: settings.limit]
    if source.goal in ("regression", "language"):
        rank = torch.arange(len(order), dtype=torch.float64)
        size = torch.full((len(order),), float(len(order)), dtype=torch.float64)
    else:
        rank, size = _rank_in_class(source.train.targets[order])
    test_end = (size * (settings.test_fraction if source.test is None else 0.0)).round()
    val_end = test_end + ((size - test_end) * (settings.val_fraction if source.val is None else 0.0)).round()
    chosen = {"train": rank >= val_end, "val": (rank >= test_end) & (rank < val_end), "test": rank < test_end}
    splits = {split: source.train[order[mask].sort().values] for split, mask in chosen.items()}
    if source.val is not None:
        splits["val"] = source.val
    if source.test is not None:
        kept = torch.randperm(len(source.test), generator=generator(settings.split_seed, "test"))
        splits["test"] = source.test[kept[: settings.limit].sort().values]
    return splits


def _rank_in_class(classes: Tensor) -> tuple[Tensor, Tensor]:
    """For each row its number among the rows of its class, and that class's size; both (N,) float64."""
    by_class = torch.argsort(classes, stable=True)
    counts = torch.bincount(classes)
    starts = counts.cumsum(0) - counts
    rank = torch.empty(len(classes), dtype=torch.float64)
    rank[by_class] = (torch.arange(len(classes)) - starts[classes[by_class]]).to(torch.float64)
    return rank, counts[classes].to(torch.float64)
