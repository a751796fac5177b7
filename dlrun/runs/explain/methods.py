"""The two methods of attribution, by captum: Shapley values and integrated gradients."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from dlrun.data.files.optional import import_optional

Forward = Callable[[Tensor], Tensor]
"""From inputs, (B, ...), to the number that is explained, (B,)."""
MOST_ORDERS = 128
"""In which the parts of a row are added; with at most five parts, that is every order."""
_FEWEST_ORDERS = 2  # an order and its reverse
_FIRST_STEPS, _MOST_STEPS = 32, 512  # of integrated gradients
_TOLERANCE = 0.01  # of the difference that the attributions add up to


def captum() -> Any:
    """Import captum's methods. Raises ConfigError if it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the plotting library that it imports
        return import_optional("captum.attr", extra="explain", needed_by="dlrun explain RUN_DIR INPUT")


def num_orders(num_parts: int, *, most_rows: int) -> int:
    """Return how many orders are used for so many parts, so that the model sees at most so many rows."""
    return _every_order(num_parts) or min(MOST_ORDERS, max(_FEWEST_ORDERS, most_rows // num_parts // 2 * 2))


def shapley(
    forward: Forward, row: Tensor, baseline: Tensor, groups: Tensor, *, orders: int, seed: int, at_once: int
) -> tuple[Tensor, Tensor]:
    """Return what each part of a row adds on average over orders in which parts replace those of the baseline, (G,).

    Also returns the standard error of each amount: 0 if all orders are used, NaN if there are but two.
    Every order's amounts add up to the difference of the outputs, so the result does. Each random order is followed by
    its reverse, which makes the amounts of functions of single parts and of pairs exact (Castro, Gomez and Tejada 2009;
    Mitchell et al. 2022). row, baseline: (1, F). groups: the part of each feature, (F,) int64 from 0.
    """
    count = int(groups.max()) + 1
    rounds = _rounds(count, orders, seed=seed)
    sampler = captum().ShapleyValueSampling(forward)
    amounts = torch.zeros(len(rounds), count, dtype=torch.float64)
    for place, each in enumerate(rounds):
        sampler.permutation_generator = partial(_given, each)
        with torch.no_grad():
            found: Tensor = sampler.attribute(
                row,
                baselines=baseline,
                feature_mask=groups.unsqueeze(0),
                n_samples=len(each),
                perturbations_per_eval=at_once,
            )  # (1, F): each feature has the amount of its part
        amounts[place, groups.cpu()] = found[0].double().cpu()
    if orders == _every_order(count):
        return amounts[0], torch.zeros(count, dtype=torch.float64)
    if len(rounds) == 1:
        return amounts[0], torch.full((count,), torch.nan, dtype=torch.float64)
    return amounts.mean(dim=0), amounts.std(dim=0) / math.sqrt(len(rounds))


def _every_order(count: int) -> int:
    """How many orders there are of few parts; 0 of more."""
    return math.factorial(count) if count < 6 else 0


def _rounds(count: int, orders: int, *, seed: int) -> list[list[Sequence[int]]]:
    """Orders whose amounts are averaged at once: all there are, or random ones with their reverse."""
    if orders == _every_order(count):
        return [list(itertools.permutations(range(count)))]
    generator = torch.Generator().manual_seed(seed)
    random = [torch.randperm(count, generator=generator).tolist() for _ in range(orders // 2)]
    return [[order, order[::-1]] for order in random]


def _given(each: Sequence[Sequence[int]], count: int, times: int) -> Iterator[Sequence[int]]:
    """What captum asks for orders with: so many of so many parts."""
    del count, times
    return iter(each)


def integrated(forward: Forward, row: Tensor, baseline: Tensor, *, at_once: int) -> tuple[Tensor, int]:
    """Return the integrated gradients of a row, (1, ...), and how many steps they took (Sundararajan et al. 2017).

    Steps are doubled until the attributions add up to the difference of the outputs within a hundredth, or 512 are
    taken.
    """
    method = captum().IntegratedGradients(forward)
    with torch.no_grad():
        difference = float(forward(row)[0] - forward(baseline)[0])
    steps = _FIRST_STEPS
    while True:
        found: Tensor = method.attribute(row, baselines=baseline, n_steps=steps, internal_batch_size=at_once).detach()
        apart = abs(float(found.double().sum()) - difference)
        if apart <= _TOLERANCE * max(abs(difference), _TOLERANCE) or steps >= _MOST_STEPS:
            return found, steps
        steps *= 2
