"""Classes learned as numbers, and numbers learned as classes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from dlrun.data.goals import has_classes
from dlrun.errors import Problem
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject, data_keys

_OF_BOTH_KINDS = ("table", "arrays")  # datasets whose targets may be read as numbers or as classes
_MOST_CLASSES = 20
_ROWS_OF_CLASS = 2


def _check(subject: Subject) -> Iterator[Problem]:
    spec = subject.spec
    if subject.config.dataset.name not in _OF_BOTH_KINDS:
        return
    if spec.goal == "regression" and spec.num_outputs == 1 and not spec.parts:
        if subject.once("two values", data_keys(subject), lambda: _have_two_values(subject)):
            what = (
                "The numbers to predict have two values only, as classes do: as numbers they have no accuracy, and "
                "errors beyond the values count as errors."
            )
            yield Problem("dataset.task", what, fix="dataset.task=binary")
    elif has_classes(spec.goal) and spec.num_outputs > _MOST_CLASSES and _are_numbers(spec.class_names):
        counts = torch.tensor(spec.class_counts)
        rare = int((counts <= _ROWS_OF_CLASS).sum())
        if 2 * rare > len(counts):
            what = (
                f"{rare:,} of {len(counts):,} classes have at most {_ROWS_OF_CLASS} training rows, and all are "
                "numbers: as classes, near ones are as wrong as far ones."
            )
            yield Problem("dataset.task", what, fix="dataset.task=regression")


def _have_two_values(subject: Subject) -> bool:
    return len(np.unique(subject.data.train.targets.cpu().numpy())) == 2


def _are_numbers(names: tuple[str, ...]) -> bool:
    try:
        [float(name) for name in names]
    except ValueError:
        return False
    return True


RULE = Rule(
    "target-kind",
    "The loss has to fit what is predicted: a squared error knows no classes, and a cross entropy no distance.",
    _check,
)
