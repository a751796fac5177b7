"""What differs by goal in the data: the type and shape of targets, the number of outputs, and their description."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from dlrun.wording import plural, printable

Goal = Literal["regression", "binary", "multiclass", "language", "several"]


@dataclass(frozen=True)
class Part:
    """One of several targets: a number, or a class whose code is one of the numbers of a row's targets."""

    name: str
    goal: Goal
    class_names: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return "price (number)" or "colour (3 classes)"."""
        what = plural(len(self.class_names), "class") if has_classes(self.goal) else "number"
        return f"{printable(self.name)} ({what})"


def goal_of_classes(num_classes: int) -> Goal:
    """Return the goal of a classification with so many classes."""
    return "binary" if num_classes == 2 else "multiclass"


def has_classes(goal: Goal) -> bool:
    """Whether each row has one class: classes have names and counts, and splits are stratified."""
    return goal in ("binary", "multiclass")


def has_one_logit(goal: Goal) -> bool:
    """Whether one logit decides between two classes: above 0 it is the second one."""
    return goal == "binary"


def has_numbers(goal: Goal) -> bool:
    """Whether targets are float32, numbers with a unit, rather than codes, int64 from 0 up.

    Several targets are numbers and, as exact float32, the codes of classes.
    """
    return goal in ("regression", "several")


def has_tokens(goal: Goal) -> bool:
    """Whether each row has one target for each of its tokens: the next one."""
    return goal == "language"


def mixes_kinds(goal: Goal) -> bool:
    """Whether a row has several targets of different kinds, whose losses are added up."""
    return goal == "several"


def typed_targets(goal: Goal, targets: Tensor) -> Tensor:
    """Return raw targets in their goal's type and shape: numbers as (N, K) float32, codes as they are."""
    if not has_numbers(goal):
        return targets
    targets = targets.to(torch.float32)
    return targets.unsqueeze(1) if targets.ndim == 1 else targets  # (N,) -> (N, 1)


def num_outputs(goal: Goal, targets: Tensor, *, class_names: Sequence[str], vocabulary_size: int | None) -> int:
    """Return the number of classes, of possible next tokens, or of numbers to predict.

    targets: of all training rows, at least one, as `typed_targets` returns them.
    """
    if has_numbers(goal):
        return targets.shape[1]
    known = len(class_names) if has_classes(goal) else vocabulary_size
    return known or int(targets.max()) + 1


def words_for_targets(goal: Goal) -> str:
    """Return what the targets are, in a word or two."""
    return {"regression": "numbers to predict", "language": "tokens"}.get(goal, "classes")


def describe_task(goal: Goal, inputs: str, *, num_outputs: int, window: int) -> str:
    """Return inputs and goal in one line. inputs: in words; window: tokens of a row, for a language model."""
    if has_numbers(goal):
        return f"{inputs}, {plural(num_outputs, 'number')} to predict"
    if has_classes(goal):
        return f"{inputs}, {plural(num_outputs, 'class')}"
    return f"windows of {plural(window, 'token')}, the next out of {num_outputs} to predict"
