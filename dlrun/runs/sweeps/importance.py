"""Which settings of a sweep moved its metric, and how much: an analysis of variance that noise does not fool. No torch.

The metric is described as a sum of one effect for each setting and one for the seed, fitted by least squares. The share
of a setting is how much of the variance its effect explains beyond what as many levels explain by chance (epsilon
squared: Kelley, PNAS 21, 1935). It counts as important if permuted residuals (Freedman and Lane, Journal of Business
and Economic Statistics 1, 1983) rarely give as large an effect, corrected for the number of settings by Holm's method.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dlrun.configuration.sweeps.repeated import REPEATED
from dlrun.runs.sweeps.factors import Factor, factors_of
from dlrun.runs.sweeps.groups import Trial, is_usable
from dlrun.runs.sweeps.noise import LEVEL, holm

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

FEWEST_POINTS = 4
_PERMUTATIONS = 1999
_PERMUTATIONS_OF_MANY = 499
_MANY = 2000  # points
_MOST_PAIRED = 6  # settings whose pairs are looked at, by share
_LARGE_INTERACTION = 0.02  # of the variance
_OUTLIER = 0.5  # of the variance, by a single point


Obstacle = Literal["too few points", "no settings", "equal values"]


@dataclass(frozen=True)
class Level:
    """A value or range of a setting: its mean with all other settings being equal, or median where ranks are used."""

    label: str
    mean: float
    count: int


@dataclass(frozen=True)
class Effect:
    """What a setting, or two together, did to the metric.

    share: of the variance, 0 to 1; None, as is p, where nothing is left to tell an effect from noise. error: of the
    difference between the best and the worst level, one standard error.
    """

    keys: tuple[str, ...]
    share: float | None
    p: float | None
    levels: tuple[Level, ...] = ()
    difference: float | None = None
    error: float | None = None

    @property
    def is_important(self) -> bool:
        """Whether noise alone would rarely look like this."""
        return self.p is not None and self.p <= LEVEL and bool(self.share)


@dataclass(frozen=True)
class Importance:
    """The analysis of the points with a value.

    effects: the largest first. repeats: what the seed did, whatever the settings. obstacle: why there are no effects.
    num_means: how many means over seeds were analysed; None: the points themselves.
    """

    metric: str
    count: int
    left_out: Counter[str]
    effects: list[Effect] = field(default_factory=list)
    interactions: list[Effect] = field(default_factory=list)
    repeats: list[Effect] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    uses_ranks: bool = False
    obstacle: Obstacle | None = None
    num_means: int | None = None


def importance_of(trials: Sequence[Trial], metric: str, *, higher: bool) -> Importance:
    """Return what each setting did to a metric. Points that did not complete are left out, and counted."""
    kept = [trial for trial in trials if trial.is_completed and is_usable(trial.metrics.get(metric))]
    left_out = Counter(
        trial.status if not trial.is_completed else f"without {metric}" for trial in trials if trial not in kept
    )
    num_completed = len(kept)
    factors, skipped = factors_of(kept)
    averaged = any(each.is_ranges for each in factors)
    if averaged:
        kept = _means(kept, metric)
        factors, skipped = factors_of(kept)
    values = [trial.metrics[metric] for trial in kept]
    settings = [each for each in factors if each.key not in REPEATED]
    if obstacle := _obstacle(values, settings):
        return Importance(metric, num_completed, left_out, skipped=skipped, obstacle=obstacle)
    uses_ranks = _has_outlier(values)
    model = _Model(_ranks(values) if uses_ranks else values, factors)
    shown = values if uses_ranks else None
    effects = _corrected([model.effect(each, higher=higher, shown=shown) for each in settings])
    effects.sort(key=lambda each: -1.0 if each.share is None else each.share, reverse=True)
    by_key = {each.key: each for each in settings}
    largest = [by_key[each.keys[0]] for each in effects[:_MOST_PAIRED]]
    pairs = _corrected([model.interaction(*pair) for pair in itertools.combinations(largest, 2)])
    large = [each for each in pairs if each.is_important and (each.share or 0) >= _LARGE_INTERACTION]
    repeats = [model.effect(each, higher=higher, shown=shown) for each in factors if each.key in REPEATED]
    num_means = len(kept) if len(kept) < num_completed else None
    return Importance(
        metric, num_completed, left_out, effects, large, repeats, skipped, uses_ranks, num_means=num_means
    )


def _means(trials: Sequence[Trial], metric: str) -> list[Trial]:
    """The points with their seeds averaged: seeds of one configuration share its place in a range, so that many seeds
    of few configurations would make chance look certain."""
    together: dict[str, list[Trial]] = {}
    for trial in trials:
        own = {key: value for key, value in trial.settings.items() if key not in REPEATED}
        together.setdefault(str(sorted(own.items())), []).append(trial)
    found = []
    for members in together.values():
        settings = {key: value for key, value in members[0].settings.items() if key not in REPEATED}
        mean = statistics.fmean(trial.metrics[metric] for trial in members)
        found.append(dataclasses.replace(members[0], settings=settings, metrics={metric: mean}))
    return found


def _obstacle(values: Sequence[float], settings: Sequence[Factor]) -> Obstacle | None:
    if len(values) < FEWEST_POINTS:
        return "too few points"
    if not settings:
        return "no settings"
    return "equal values" if min(values) == max(values) else None


class _Model:
    """A sum of effects, fitted to values by least squares."""

    def __init__(self, values: Sequence[float], factors: Sequence[Factor]) -> None:
        import numpy as np

        self._np = np
        self._values = np.asarray(values, dtype=np.float64)  # (N,)
        self._factors = list(factors)
        self._total = float(((self._values - self._values.mean()) ** 2).sum())

    def effect(self, factor: Factor, *, higher: bool, shown: Sequence[float] | None) -> Effect:
        """Return the effect of a setting. shown: the metric itself, where ranks are analysed."""
        others = [self._columns(each) for each in self._factors if each is not factor]
        share, p = self._test(others, self._columns(factor))
        levels, error = self._levels(factor) if shown is None else (_medians(factor, shown), None)
        ordered = sorted(levels, key=lambda level: level.mean, reverse=higher)
        difference = abs(ordered[0].mean - ordered[-1].mean)
        if difference <= 1e-12 * max(abs(level.mean) for level in ordered):  # equal, but for rounding
            difference = 0.0
        return Effect((factor.key,), share, p, tuple(ordered), difference, error)

    def interaction(self, first: Factor, second: Factor) -> Effect:
        """Return what two settings did together, beyond the sum of both."""
        product = self._columns(first)[:, :, None] * self._columns(second)[:, None, :]  # (N, A) x (N, B) -> (N, A, B)
        extra = product.reshape(len(self._values), -1)  # (N, A, B) -> (N, A B)
        share, p = self._test([self._columns(each) for each in self._factors], extra)
        return Effect((first.key, second.key), share, p)

    def _columns(self, factor: Factor) -> Array:
        """One column of zeros and ones for each level: (N, L)."""
        columns: Array = self._np.eye(len(factor.labels))[list(factor.level)]
        return columns

    def _test(self, others: Sequence[Array], tested: Array) -> tuple[float | None, float | None]:
        """The share of the variance that the tested columns explain beyond the others, and its p-value."""
        np = self._np
        ones = np.ones((len(self._values), 1))
        reduced = self._basis(np.hstack([ones, *others]))
        full = self._basis(np.hstack([ones, *others, tested]))
        added, rest = full.shape[1] - reduced.shape[1], len(self._values) - full.shape[1]
        if added < 1 or rest < 1:
            return None, None
        residual = self._values - reduced @ (reduced.T @ self._values)
        before, after = _square(residual), _square(residual - full @ (full.T @ residual))
        if after <= 1e-12 * self._total:  # it explains all: what noise there is cannot be known
            return (None, None) if rest < 2 else (max(0.0, before - after) / self._total, 1 / (_PERMUTATIONS + 1))
        share = max(0.0, before - after - added * after / rest) / self._total
        found = (before - after) / after
        generator = np.random.default_rng(0)
        larger, batch = 0, 100
        times = _PERMUTATIONS if len(self._values) <= _MANY else _PERMUTATIONS_OF_MANY
        for start in range(0, times, batch):
            size = min(batch, times - start)
            shuffled = generator.permuted(np.tile(residual[:, None], (1, size)), axis=0)  # (N,) -> (N, size)
            whole = (shuffled**2).sum(axis=0)
            less = whole - ((reduced.T @ shuffled) ** 2).sum(axis=0)
            least = np.maximum(whole - ((full.T @ shuffled) ** 2).sum(axis=0), 1e-12 * self._total)
            larger += int(((less - least) / least >= found * (1 - 1e-9)).sum())
        return share, (1 + larger) / (1 + times)

    def _basis(self, columns: Array) -> Array:
        """An orthonormal basis of the space of the columns: (N, M) -> (N, rank)."""
        left, sizes, _ = self._np.linalg.svd(columns, full_matrices=False)
        basis: Array = left[:, sizes > 1e-9 * sizes[0]]
        return basis

    def _levels(self, factor: Factor) -> tuple[list[Level], float | None]:
        """The mean of each level, all else being equal, and the standard error of the largest difference."""
        np = self._np
        own = self._columns(factor)
        others = [self._columns(each) for each in self._factors if each is not factor]
        columns = np.hstack([own, *others])  # (N, L + others)
        inverse = np.linalg.pinv(columns.T @ columns)
        weights = inverse @ (columns.T @ self._values)
        count = len(factor.labels)
        means = weights[:count] + float((columns[:, count:] @ weights[count:]).mean())
        rest = len(self._values) - int(np.linalg.matrix_rank(columns))
        counts = [factor.level.count(number) for number in range(count)]
        levels = [Level(*each) for each in zip(factor.labels, map(float, means), counts, strict=True)]
        if rest < 1:
            return levels, None
        noise = _square(self._values - columns @ weights) / rest
        high, low = int(means.argmax()), int(means.argmin())
        variance = inverse[high, high] + inverse[low, low] - 2 * inverse[high, low]
        return levels, math.sqrt(max(0.0, noise * float(variance)))


def _corrected(effects: Sequence[Effect]) -> list[Effect]:
    """Correct the p-values for their number."""
    corrected = iter(holm([each.p for each in effects if each.p is not None]))
    return [
        each
        if each.p is None
        else Effect(each.keys, each.share, next(corrected), each.levels, each.difference, each.error)
        for each in effects
    ]


def _square(values: Array) -> float:
    return float((values**2).sum())


def _has_outlier(values: Sequence[float]) -> bool:
    """Whether a single point makes most of the variance."""
    mean = sum(values) / len(values)
    squares = [(value - mean) ** 2 for value in values]
    return len(values) >= 8 and max(squares) > _OUTLIER * sum(squares)


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1 up; equal values share the mean of theirs."""
    ordered = sorted(values)
    first = {value: ordered.index(value) for value in set(values)}
    many = Counter(values)
    return [first[value] + (many[value] + 1) / 2 for value in values]


def _medians(factor: Factor, values: Sequence[float]) -> list[Level]:
    found = []
    for number, label in enumerate(factor.labels):
        inside = [value for value, level in zip(values, factor.level, strict=True) if level == number]
        found.append(Level(label, statistics.median(inside), len(inside)))
    return found
