"""Precision, recall and F1 of each class, from how many rows of each class were predicted as each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from torch import Tensor

from dlrun.data.spec import DataSpec
from dlrun.tasks.metrics import ClassificationMetrics
from dlrun.tasks.parts import PartMetrics, labels_of
from dlrun.tasks.task import Evaluation, SupervisedEvaluation

MOST_CLASSES = 100
"""Classes of which `result.json` has the figures: of more, those with the lowest F1."""

ByClass = Mapping[str, Mapping[str, float | None]]
"""By class name: precision, recall, f1 (null where it is undefined) and support, the rows of that class."""


def per_class_of(evaluation: Evaluation, spec: DataSpec, *, split: str) -> dict[str, ByClass]:
    """Return the figures of each class, by split, or by `split/TARGET` for several targets; empty without classes."""
    return {
        f"{split}/{label}" if label else split: worst_classes(figures_of(confusion, names))
        for label, names, confusion in _confusions(evaluation, spec)
    }


def figures_of(confusion: Tensor, names: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """Return the figures of each class by name.

    confusion: (K, K), a row for each class, a column for each predicted class. Precision is undefined for a class that
    is never predicted, recall for one without rows, and F1 for one with neither.
    """
    correct = confusion.diagonal()
    predicted, support = confusion.sum(dim=0), confusion.sum(dim=1)
    ratios = {
        "precision": correct / predicted,
        "recall": correct / support,
        "f1": 2 * correct / (predicted + support),
    }
    columns: dict[str, list[float | None]] = {
        name: [None if value != value else round(value, 6) for value in column.tolist()]
        for name, column in ratios.items()
    }
    columns["support"] = [int(value) if value == int(value) else round(value, 6) for value in support.tolist()]
    return {name: {key: column[number] for key, column in columns.items()} for number, name in enumerate(names)}


def worst_classes(figures: ByClass, most: int = MOST_CLASSES) -> ByClass:
    """Return the figures of at most so many classes, those with the lowest F1, in the order of the classes."""
    if len(figures) <= most:
        return figures
    kept = set(sorted(figures, key=lambda name: lowest_f1(figures[name]))[:most])
    return {name: each for name, each in figures.items() if name in kept}


def lowest_f1(figures: Mapping[str, float | None]) -> float:
    """Return what classes are sorted by, those with the lowest F1 first and those without one last."""
    f1 = figures["f1"]
    return 2.0 if f1 is None else f1


def _confusions(evaluation: Evaluation, spec: DataSpec) -> Iterator[tuple[str, Sequence[str], Tensor]]:
    """Yield the confusion of each target with classes, with its label, empty for the only one, and its class names."""
    meter = evaluation.meter if isinstance(evaluation, SupervisedEvaluation) else None
    if isinstance(meter, ClassificationMetrics):
        yield "", spec.class_names, meter.confusion()
    elif isinstance(meter, PartMetrics):
        for label, part, of_part in zip(labels_of(spec.parts), spec.parts, meter.meters, strict=True):
            if isinstance(of_part, ClassificationMetrics):
                yield label, part.class_names, of_part.confusion()
