"""The spread of each row of a table, learned from its own repetitions and from those of all rows. Imports no torch.

A few seeds measure a spread badly, but a table has many rows. The variance of a row is estimated as the weighted mean
of its own and of a common one; how much the common one weighs follows from how alike the variances of all rows are
(Smyth, Statistical Applications in Genetics and Molecular Biology 3, 2004: "moderated t"). It is never less than the
row's own, so that a noisy row among steady ones is not believed to be steady.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Values = Mapping[tuple[str, ...], float]
"""The values of a row, by what was repeated: its seed."""

FEWEST_ROWS = 5
"""With at least three values each; fewer say too little of how alike spreads are."""

_MOST_FREEDOM = 200  # of a spread; more makes no difference
_MOST_PRIOR = 1e6  # degrees of freedom, where all variances are as alike as chance makes them


@dataclass(frozen=True)
class Spread:
    """The variance of a row's repetitions, and with how many degrees of freedom it is known."""

    variance: float
    freedom: float


def spreads(rows: Sequence[Values]) -> list[Spread] | None:
    """Return the spread of each row, each with at least two values; None if the rows are too few to learn from.

    What a seed does to all rows alike is taken out first, if all have the same seeds: it does not move one against
    another. Rows whose values are all equal do not say how alike spreads are.
    """
    variances = [statistics.variance(values) for values in _without_common(rows)]
    freedoms = [len(row) - 1 for row in rows]
    least = 1e-12 * max((statistics.variance(row.values()) for row in rows), default=0.0)
    pairs = zip(variances, freedoms, strict=True)
    known = [(each, freedom) for each, freedom in pairs if freedom > 1 and each > least]
    if len(known) < FEWEST_ROWS:
        return None
    prior, common = _prior([each for each, _ in known], [freedom for _, freedom in known])
    most = min(sum(freedoms), _MOST_FREEDOM)
    return [
        Spread(max(each, (prior * common + freedom * each) / (prior + freedom)), min(prior + freedom, most))
        for each, freedom in zip(variances, freedoms, strict=True)
    ]


def _without_common(rows: Sequence[Values]) -> list[list[float]]:
    """The values of each row without the median effect of each seed, if all rows have the same seeds."""
    keys = list(rows[0])
    means = [statistics.fmean(row.values()) for row in rows]
    if any(row.keys() != rows[0].keys() for row in rows):
        return [list(row.values()) for row in rows]
    common = {key: statistics.median(row[key] - mean for row, mean in zip(rows, means, strict=True)) for key in keys}
    return [[row[key] - common[key] for key in keys] for row in rows]


def _prior(variances: Sequence[float], freedoms: Sequence[int]) -> tuple[float, float]:
    """The degrees of freedom and the value of the common variance, from the moments of the logarithms."""
    logs = [
        math.log(variance) - digamma(freedom / 2) + math.log(freedom / 2)
        for variance, freedom in zip(variances, freedoms, strict=True)
    ]
    centre = statistics.fmean(logs)
    beyond_chance = statistics.variance(logs) - statistics.fmean(trigamma(freedom / 2) for freedom in freedoms)
    if beyond_chance <= trigamma(_MOST_PRIOR / 2):
        return _MOST_PRIOR, math.exp(centre)
    prior = 2 * _inverse_trigamma(beyond_chance)
    return prior, math.exp(centre + digamma(prior / 2) - math.log(prior / 2))


def digamma(x: float) -> float:
    """Return the derivative of the logarithm of the gamma function (Abramowitz and Stegun 6.3.5 and 6.3.18)."""
    shift = 0.0
    while x < 10:
        shift -= 1 / x
        x += 1
    return shift + math.log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4) - 1 / (252 * x**6)


def trigamma(x: float) -> float:
    """Return the derivative of `digamma` (Abramowitz and Stegun 6.4.6 and 6.4.12)."""
    shift = 0.0
    while x < 10:
        shift += 1 / x**2
        x += 1
    return shift + 1 / x + 1 / (2 * x**2) + 1 / (6 * x**3) - 1 / (30 * x**5) + 1 / (42 * x**7)


def _inverse_trigamma(value: float) -> float:
    """The x whose trigamma is `value`; trigamma falls, so it is searched by halving."""
    low, high = 1e-6, _MOST_PRIOR
    for _ in range(80):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if trigamma(middle) > value else (low, middle)
    return low
