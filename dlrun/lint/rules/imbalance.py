"""Heavily unequal classes, and accuracy as the metric."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from dlrun.data.goals import has_classes
from dlrun.errors import Problem
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.wording import printable

_LARGEST = 0.9  # share of one class from which accuracy tells nothing of the others


def _check(subject: Subject) -> Iterator[Problem]:
    spec, train = subject.spec, subject.data.train
    if subject.supervised is None or not has_classes(spec.goal) or subject.components.metric != "accuracy":
        return
    if subject.value("loss.class_weights") not in (None, "none"):
        return
    weights = None if train.weights is None else train.weights.cpu().double()
    counts = torch.bincount(train.targets.cpu(), weights=weights, minlength=spec.num_outputs).double()
    largest = int(counts.argmax())
    share = float(counts[largest] / counts.sum())
    if share < _LARGEST:
        return
    metric = "auroc" if spec.goal == "binary" else "macro_f1"
    what = (
        f"{share:.1%} of the training rows are {printable(spec.class_names[largest])}: a model that always answers so "
        f"has that accuracy. Select by {metric}, or weight the classes (loss.class_weights=balanced)."
    )
    yield Problem("metric", what, fix=f"metric={metric}")


RULE = Rule(
    "unequal-classes",
    "Accuracy selects the model that ignores a rare class, which is mostly the one that matters.",
    _check,
)
