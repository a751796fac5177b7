"""A column that gives the target away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dlrun.baselines.ridge import fit_ridge
from dlrun.data.goals import has_classes
from dlrun.errors import Problem
from dlrun.lint.columns import FeatureColumn, columns_of, ignoring, shown
from dlrun.lint.rows import sample
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject, data_keys

_ROWS, _FEWEST_ROWS, _FEWEST_OF_CLASS = 2000, 40, 10
_MOST_VALUES = 400_000
_PERFECT = {"classes": 0.999, "numbers": 0.9998}  # mean recall of the classes; share of the variance
_OTHERS = {"classes": 0.95, "numbers": 0.99}  # up to which the other columns leave something to give away


@dataclass(frozen=True)
class _Leak:
    """columns: each predicts `target` alone. others: the score of all others together, as in `_PERFECT`."""

    target: str
    kind: str
    columns: Sequence[FeatureColumn]
    others: float


def _check(subject: Subject) -> Iterator[Problem]:
    if subject.spec.kind != "dense" or subject.supervised is None:
        return
    for leak in subject.once("target leak", data_keys(subject), lambda: _leaks(subject)):
        every = columns_of(subject.data)
        told = "the class" if leak.kind == "classes" else "the number"
        others = f"explain {leak.others:.0%} of its variance"
        if leak.kind == "classes":
            others = f"get {leak.others:.0%} of each class right on average"
        what = (
            f"{shown(leak.columns, every)} alone {'tells' if len(leak.columns) == 1 else 'tell'} {told}{leak.target} "
            f"of every row; all other columns together {others}."
        )
        yield Problem("dataset.columns", what, fix=ignoring(subject, leak.columns))


def _leaks(subject: Subject) -> list[_Leak]:
    """What the columns of a sample of the training rows give away, of each target."""
    batch = sample(subject.data.train, max(200, min(_ROWS, _MOST_VALUES // subject.spec.num_features)))
    columns = [column for column in columns_of(subject.data) if not column.block]
    if len(columns) < 2 or len(batch.targets) < _FEWEST_ROWS:
        return []
    found: list[_Leak] = []
    for name, is_class, targets in _targets(subject, batch.targets):
        rows = _of_frequent_classes(targets) if is_class else torch.arange(len(targets))
        if len(rows) < _FEWEST_ROWS or bool((targets[rows] == targets[rows[0]]).all()):
            continue
        found += _of_target(name, batch.inputs[rows], targets[rows], columns, kind="classes" if is_class else "numbers")
    return found


def _of_target(
    name: str, inputs: Tensor, targets: Tensor, columns: Sequence[FeatureColumn], *, kind: str
) -> Iterator[_Leak]:
    values = [column.values(inputs) for column in columns]
    owners = [number for number, part in enumerate(values) for _ in range(part.shape[1])]
    scores = _alone(torch.cat(values, dim=1), targets, kind)
    perfect = {owners[place] for place in (scores >= _PERFECT[kind]).nonzero().flatten().tolist()}
    rest = [place for number, column in enumerate(columns) if number not in perfect for place in column.features]
    if not perfect or not rest:
        return
    others = _together(inputs[:, rest], targets, kind)
    if others < _OTHERS[kind]:
        yield _Leak(name, kind, [columns[number] for number in sorted(perfect)], max(0.0, others))


def _targets(subject: Subject, targets: Tensor) -> Iterator[tuple[str, bool, Tensor]]:
    """The name in words, whether it has classes, and the values, (B,), of each target."""
    spec = subject.spec
    if has_classes(spec.goal):
        yield "", True, targets
        return
    for column in range(targets.shape[1]):
        part = spec.parts[column] if spec.parts else None
        of = "" if part is None else f' of "{part.name}"'
        yield of, part is not None and has_classes(part.goal), targets[:, column]


def _of_frequent_classes(targets: Tensor) -> Tensor:
    """The rows of classes that have enough of them not to be told apart by chance."""
    codes = targets.long()
    return (torch.bincount(codes)[codes] >= _FEWEST_OF_CLASS).nonzero().flatten()


def _alone(values: Tensor, targets: Tensor, kind: str) -> Tensor:
    """How well each value tells the target of every other row from its neighbours among the rest, (B, V) -> (V,)."""
    known, wanted = values[0::2].T.contiguous(), values[1::2].T.contiguous()  # (V, B / 2)
    known, order = known.sort(dim=1)
    answers = targets[0::2][order]  # (V, B / 2)
    last = known.shape[1] - 1
    after = torch.searchsorted(known, wanted).clamp(max=last)
    before = (after - 1).clamp(min=0)
    low, high = known.gather(1, before), known.gather(1, after)
    share = torch.where(high > low, (wanted - low) / (high - low), torch.ones_like(low)).clamp(0, 1)
    first, second = answers.gather(1, before), answers.gather(1, after)
    if kind == "classes":
        return _mean_recall(torch.where(share < 0.5, first, second), targets[1::2])
    between = first + (second - first) * share
    truth = targets[1::2].double()
    explained = 1 - (between - truth).square().mean(dim=1) / truth.var(correction=0).clamp(min=1e-30)
    of_ranks = _correlation(_ranks(values), _ranks(targets.unsqueeze(1))[:, 0])
    return torch.stack([explained, _correlation(values, targets), of_ranks]).amax(dim=0)  # (3, V) -> (V,)


def _mean_recall(answers: Tensor, truth: Tensor) -> Tensor:
    """The mean over the classes of the share of their rows that are answered right, (V, B), (B,) -> (V,)."""
    is_right = (answers == truth).double()
    each = [is_right[:, truth == code].mean(dim=1) for code in _codes_of(truth)]
    return torch.stack(each).mean(dim=0)


def _codes_of(targets: Tensor) -> list[int]:
    """The classes that some row has."""
    return torch.bincount(targets.long()).nonzero().flatten().tolist()


def _correlation(values: Tensor, targets: Tensor) -> Tensor:
    """Squared correlation of each column with the targets, (B, V), (B,) -> (V,)."""
    rows, truth = values.double(), targets.double()
    rows, truth = rows - rows.mean(dim=0), truth - truth.mean()
    square = rows.square().sum(dim=0) * truth.square().sum()
    return (rows * truth.unsqueeze(1)).sum(dim=0).square() / square.clamp(min=1e-30)


def _ranks(values: Tensor) -> Tensor:
    """The rank of each value in its column, (B, V) -> (B, V); equal ones have that of the first."""
    columns = values.T.contiguous()  # (V, B)
    return torch.searchsorted(columns.sort(dim=1).values, columns).T


def _together(features: Tensor, targets: Tensor, kind: str) -> float:
    """How well a linear model of the features, fitted on every other row, tells the target of the rest."""
    codes = torch.unique(targets.long(), return_inverse=True)[1] if kind == "classes" else None
    wanted = targets.double().unsqueeze(1) if codes is None else F.one_hot(codes).double()
    rows = features.double()
    answers = fit_ridge(rows[0::2], wanted[0::2]).predict(rows[1::2])
    if codes is not None:
        return float(_mean_recall(answers.argmax(dim=1).unsqueeze(0), codes[1::2]))
    truth = wanted[1::2]
    return float(1 - (answers - truth).square().mean() / truth.var(correction=0).clamp(min=1e-30))


RULE = Rule(
    "target-leak",
    "A column that is written with the target, or from it, makes every score perfect and is not there for new rows.",
    _check,
)
