"""The split into training, validation and test rows: drawn by seed, stratified by class, limited in number."""

from __future__ import annotations

import torch
from torch import Tensor

from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.goals import has_classes
from dlrun.data.groups import deal
from dlrun.data.loading.randomness import generator
from dlrun.data.source import Rows, Source
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.wording import plural

_ALONE = 2  # rows of a class up to which all are trained on


def hold_out(source: Source, settings: DatasetSettings) -> dict[str, Rows]:
    """Return the rows of each split, in their own order; a split may have none.

    Validation and test rows that the source does not have are held out of the training rows, but for those of a class
    of one or two rows. `limit` bounds the training rows before any are held out, and the validation and test rows of
    the source.
    With `folds`, the test rows are those of one fold, and the validation rows are drawn from the rest.
    Raises DataError if there are too few rows or groups, and ConfigError for folds that the source cannot have.
    """
    chosen = choose_rows(source, settings)  # its other tensors, as large, are free before rows are copied
    parts = source.splits
    return {split: parts[part] if index is None else parts[part][index] for split, (part, index) in chosen.items()}


def choose_rows(source: Source, settings: DatasetSettings) -> dict[str, tuple[str, Tensor | None]]:
    """Return for each split the part of the source that its rows are from, and their indices there, ascending.

    None stands for all rows, which then need no copy. Raises as `hold_out` does.
    """
    chosen: dict[str, tuple[str, Tensor | None]] = {
        split: ("train", index) for split, index in _drawn(source, settings).items()
    }
    if source.val is not None:  # a copy only where rows are excluded: validation rows may be large
        within = settings.limit is None or len(source.val) <= settings.limit
        chosen["val"] = ("val", None if within else _limited("val", source.val, settings))
    if source.test is not None:  # a copy always: results may differ in the last bit by where rows are in memory
        chosen["test"] = ("test", _limited("test", source.test, settings))
    return chosen


def _drawn(source: Source, settings: DatasetSettings) -> dict[str, Tensor]:
    """The indices of the rows that each split has of the training rows, ascending."""
    order = torch.randperm(len(source.train), generator=generator(settings.split_seed, "split"))[: settings.limit]
    test = settings.test_fraction if source.test is None else 0.0
    val = settings.val_fraction if source.val is None else 0.0
    if settings.folds is None:
        return _divided(source, order, val=val, test=test, seed=settings.split_seed)
    in_fold = _fold(source, order, settings)
    rest = _divided(source, order[~in_fold], val=val, test=0.0, seed=settings.split_seed)
    return {**rest, "test": order[in_fold].sort().values}


def _divided(source: Source, order: Tensor, *, val: float, test: float, seed: int) -> dict[str, Tensor]:
    """The indices of each split among those in `order`, ascending."""
    classes = _classes(source, order)
    if source.groups is None:
        masks = _by_row(len(order), classes, val=val, test=test)
    else:
        shares = {"train": (1 - test) * (1 - val), "val": (1 - test) * val, "test": test}
        split = deal(source.groups[order], classes, list(shares.values()), generator(seed, "groups"))
        masks = {name: split == number for number, name in enumerate(shares)}
    return {name: order[mask].sort().values for name, mask in masks.items()}


def _fold(source: Source, order: Tensor, settings: DatasetSettings) -> Tensor:
    """Mask of the rows in `order` that are the fold to test, (N,).

    Each row is in one of the folds, but for those of a class of one or two rows, which are in none.
    """
    folds = settings.folds or 0
    if settings.fold is None or settings.fold >= folds:
        raise ConfigError(
            Problem(
                "dataset.fold", f"Expected the fold to test, 0 to {folds - 1}, got {settings.fold}.", id="contradiction"
            )
        )
    why = "its rows are in order, and what comes before a fold must not be tested by what comes after it"
    if not source.in_order:
        why = "it has test rows of its own, a published test set or dataset.test"
    if source.in_order or source.test is not None:
        what = f"This dataset cannot be cross-validated: {why}. Leave dataset.folds out."
        raise ConfigError(Problem(f"dataset.folds={folds}", what, id="contradiction", fix="dataset.folds=null"))
    if len(order) <= folds:
        raise DataError(f"dataset.folds={folds}: there are only {plural(len(order), 'row')}.")
    classes = _classes(source, order)
    if source.groups is not None:
        drawn_by = generator(settings.split_seed, "folds")
        return deal(source.groups[order], classes, [1 / folds] * folds, drawn_by) == settings.fold
    place = torch.empty(len(order), dtype=torch.int64)
    place[torch.arange(len(order)) if classes is None else classes.argsort(stable=True)] = torch.arange(len(order))
    in_fold = place % folds == settings.fold
    return in_fold if classes is None else in_fold & (torch.bincount(classes)[classes] > _ALONE)


def _classes(source: Source, order: Tensor) -> Tensor | None:
    """The class of each row, (N,) int64, to stratify by; None for numbers.

    Of several targets it is that of the first one with classes; a row with a rare class of any is a class of its own.
    """
    if has_classes(source.goal):
        return source.train.targets[order]
    codes = [
        source.train.targets[order, column].to(torch.int64)
        for column, part in enumerate(source.parts)
        if has_classes(part.goal)
    ]
    if not codes:
        return None
    is_rare = torch.stack([torch.bincount(each)[each] <= _ALONE for each in codes]).any(dim=0)  # (P, N) -> (N,)
    own = int(codes[0].max()) + 1 + torch.arange(len(order))
    return torch.where(is_rare, own, codes[0])


def _by_row(count: int, classes: Tensor | None, *, val: float, test: float) -> dict[str, Tensor]:
    """Masks of the rows of each split, (N,), by their place in the drawn order, or in that of their class."""
    if classes is not None:
        rank, size = _rank_in_class(classes)
    else:
        rank = torch.arange(count, dtype=torch.float64)
        size = torch.full((count,), float(count), dtype=torch.float64)
    can_split = size > (0 if classes is None else _ALONE)
    test_end = (size * test).round() * can_split
    val_end = test_end + ((size - test_end) * val).round() * can_split
    return {"train": rank >= val_end, "val": (rank >= test_end) & (rank < val_end), "test": rank < test_end}


def _limited(split: str, rows: Rows, settings: DatasetSettings) -> Tensor:
    """The indices of at most `limit` rows, drawn by seed, ascending."""
    order = torch.randperm(len(rows), generator=generator(settings.split_seed, split))
    return order[: settings.limit].sort().values


def _rank_in_class(classes: Tensor) -> tuple[Tensor, Tensor]:
    """The number of each row among the rows of its class, and the size of that class; both (N,) float64."""
    by_class = torch.argsort(classes, stable=True)
    counts = torch.bincount(classes)
    starts = counts.cumsum(0) - counts
    rank = torch.empty(len(classes), dtype=torch.float64)
    rank[by_class] = (torch.arange(len(classes)) - starts[classes[by_class]]).to(torch.float64)
    return rank, counts[classes].to(torch.float64)
