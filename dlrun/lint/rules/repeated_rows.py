"""Held-out rows that stand in the training rows as well."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlrun.data.loading.split import MemorySplit
from dlrun.errors import Problem
from dlrun.lint.columns import columns_of
from dlrun.lint.rows import hashes, hashes_by_part
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject, data_keys
from dlrun.wording import plural

_FEWEST, _SHARE = 3, 0.03  # of unexpected copies: real tables have up to 0.015, or many (docs/decisions/039)
_BEYOND = 0.3  # how much more often than rows within training those of a file of their own are there twice
_MOST_PARTS = 32
_NAMES = {"val": "validation", "test": "test"}


@dataclass(frozen=True)
class _Copies:
    """num_rows: held out. found: of these stand in training, with the same target. unexpected: not by chance."""

    num_rows: int
    found: int
    unexpected: int
    twice_in_training: float  # share of the training rows

    def is_leak(self, *, own_file: bool) -> bool:
        if self.unexpected >= max(_FEWEST, _SHARE * self.num_rows):
            return True
        beyond = self.found / self.num_rows - self.twice_in_training
        return own_file and self.found >= _FEWEST and beyond >= _BEYOND


def _check(subject: Subject) -> Iterator[Problem]:
    if subject.supervised is None or subject.spec.goal == "language" or subject.spec.continues:
        return  # windows of one text or series repeat where it repeats
    found = subject.once("repeated rows", data_keys(subject), lambda: _measure(subject))
    drawn = []
    for split, copies in found.items():
        path = subject.value(f"dataset.{split}")
        if path is None:
            drawn += [split] if copies.is_leak(own_file=False) else []
        elif copies.is_leak(own_file=True) or _is_training_file(subject, path):
            yield Problem(f"dataset.{split}", f"{_counted([split], found)}.", fix=f"dataset.{split}=null")
    if drawn:
        how = "Remove the copies from the file"
        if subject.value("dataset.columns") is not None:
            how += ", or name the column that says which rows belong together with dataset.group=COLUMN"
        yield Problem("dataset", f"{_counted(drawn, found)}: rows are in the data twice. {how}.")


def _counted(splits: Sequence[str], found: dict[str, _Copies]) -> str:
    each = [
        f"{found[split].found:,} of {plural(found[split].num_rows, f'{_NAMES[split]} row')} "
        f"({found[split].found / found[split].num_rows:.0%})"
        for split in splits
    ]
    return f"{' and '.join(each)} stand in the training rows too, with the same target"


def _is_training_file(subject: Subject, path: str) -> bool:
    trained_on = subject.value("dataset.path")
    return isinstance(trained_on, str) and _real(path) == _real(trained_on)


def _real(path: str) -> str:
    return os.path.realpath(os.path.expanduser(path))


def _measure(subject: Subject) -> dict[str, _Copies]:
    """The copies in each held-out split that is in memory; one read as needed is not read as a whole for this."""
    train = subject.data.train
    held_out = {name: split for name, split in subject.data.splits.items() if isinstance(split, MemorySplit)}
    if held_out.pop("train", None) is None or not isinstance(train, MemorySplit):
        return {}
    known = hashes(train.inputs)
    known_whole = _with_target(known, train)
    _, counts = torch.unique(known, return_counts=True)
    twice = float(counts[counts > 1].sum() / len(known))
    found = {}
    for name, split in held_out.items():
        is_copy = torch.isin(_with_target(hashes(split.inputs), split), known_whole)
        count = int(is_copy.sum())
        unexpected = count
        if count >= max(_FEWEST, _SHARE * len(split)):
            unexpected = int((~_have_neighbours(subject, split.inputs[is_copy], train.inputs)).sum())
        found[name] = _Copies(len(split), count, unexpected, twice)
    return found


def _with_target(inputs: Tensor, split: MemorySplit) -> Tensor:
    """Hashes of rows with their targets, (N,)."""
    return inputs * 3 + hashes(split.targets.reshape(len(split), -1))


def _have_neighbours(subject: Subject, rows: Tensor, train: Tensor) -> Tensor:
    """Whether a training row differs from each row in one part alone, (B,).

    Where values are few, rows coincide by chance, and then far more of them differ in one value than in none.
    """
    parts = _parts(subject, rows[:1].numel())
    own, others = hashes_by_part(rows, parts), hashes_by_part(train, parts)  # (B, P), (N, P)
    own_sum, sums = own.sum(dim=1), others.sum(dim=1)  # (B, P), (N, P) -> (B,), (N,)
    distinct, index = torch.unique(sums, return_inverse=True)  # (D,), (N,)
    first = torch.empty(len(distinct), dtype=torch.int64)
    first[index] = torch.arange(len(sums))
    others = others[first]  # (N, P) -> (D, P)
    found = torch.zeros(len(rows), dtype=torch.bool)
    for part in range(len(parts)):
        without, counts = torch.unique(distinct - others[:, part], return_counts=True)
        wanted = own_sum - own[:, part]
        place = torch.searchsorted(without, wanted).clamp(max=len(without) - 1)
        found |= (without[place] == wanted) & (counts[place] > 1)  # one of them is the copy itself
    return found


def _parts(subject: Subject, width: int) -> list[list[int]]:
    """The places of at most 32 parts of a row: a column each, or several columns, pixels or tokens."""
    each: list[tuple[int, ...]] = [(place,) for place in range(width)]
    if subject.spec.kind == "dense":
        each = [column.features for column in columns_of(subject.data) if column.features]
    size = -(-len(each) // _MOST_PARTS)
    return [[place for part in each[first : first + size] for place in part] for first in range(0, len(each), size)]


RULE = Rule(
    "rows-in-two-splits",
    "A model that has learned a row by heart answers it well, so the score promises more than new rows will get.",
    _check,
)
