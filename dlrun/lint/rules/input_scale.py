"""Inputs that are not standardised and far from unit scale."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from dlrun.errors import Problem
from dlrun.lint.columns import columns_of, shown
from dlrun.lint.rows import sample
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject, data_keys

_SCALED_WITHIN = ("tabular", "forecast")
"""Models that scale their inputs by themselves."""

_ROWS = 1000
_APART = 100.0  # how many times as large the largest feature may be as the smallest
_LARGE, _LARGE_ALONE, _SMALL = 30.0, 1000.0, 0.01  # typical sizes; one feature alone only needs its own learning rate


def _check(subject: Subject) -> Iterator[Problem]:
    settings, spec = subject.config.dataset_settings, subject.spec
    is_scaled = settings.standardise or spec.scaling is not None or spec.kind == "tokens"
    if is_scaled or subject.config.model.name in _SCALED_WITHIN:
        return
    sizes = subject.once("input sizes", data_keys(subject), lambda: _sizes(subject))
    moving = sizes[sizes > 0]
    if not len(moving):
        return
    low, high = float(moving.min()), float(moving.max())
    what = ""
    if high > _APART * low:
        what = f"{_named(subject, sizes, low)} is about {low:.3g}, and {_named(subject, sizes, high)} {high:.3g}"
    elif high > (_LARGE if len(sizes) > 1 else _LARGE_ALONE):
        what = f"{_named(subject, sizes, high)} is about {high:.3g}"
    elif high < _SMALL:
        what = f"all inputs are below {high:.3g} or so"
    if what:
        what = f"Inputs are not standardised: {what}."
        yield Problem("dataset.standardise", what, fix="dataset.standardise=true")


def _sizes(subject: Subject) -> Tensor:
    """The root mean square of each feature or channel that is a number, (F,), in a sample of the training rows."""
    spec = subject.spec
    inputs = sample(subject.data.train, _ROWS).inputs.double()
    if spec.kind == "image":
        return inputs.square().mean(dim=(0, 2, 3)).sqrt()  # (N, C, H, W) -> (C,)
    if spec.kind == "sequence":
        return inputs.square().mean(dim=(0, 1)).sqrt()  # (N, T, F) -> (F,)
    numbers = inputs.flatten(1)[:, : spec.num_numbers]
    return numbers.square().mean(dim=0).sqrt() if numbers.numel() else torch.zeros(0)  # (N, F) -> (F,)


def _named(subject: Subject, sizes: Tensor, size: float) -> str:
    """The feature that has a size, in words."""
    place = int((sizes == size).nonzero()[0])
    if subject.spec.kind != "dense":
        return f"{'channel' if subject.spec.kind == 'image' else 'feature'} {place}"
    every = columns_of(subject.data)
    return shown([column for column in every if place in column.numbers], every)


RULE = Rule(
    "unscaled-inputs",
    "A step that suits weights of large inputs leaves those of small ones where they are, and the other way diverges.",
    _check,
)
