"""Whether rows of a table can be told apart from the best one, given how far repetitions spread. Imports no torch.

Each row is compared with the best one. In a table of at least five rows with three values each it is by Welch's test
with spreads that are learned from all rows ("moderated": `spread`). Of fewer rows it is by Student's t-test of paired
values where both rows have the same repetitions, which holds whatever the correlation that a common seed brings, else
by Welch's. The p-values of a table are corrected for their number by Holm's method (Scandinavian Journal of Statistics
6, 1979).
"""

from __future__ import annotations

import dataclasses
import functools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dlrun.runs.intervals import student_t, two_sided_p
from dlrun.runs.sweeps.spread import Spread, Values, spreads

LEVEL = 0.05
"""A row is called worse if a difference as large as measured, or larger, has no higher probability by chance."""

POWER = 0.8
"""The probability with which the number of seeds that is told finds a difference as large as the one measured."""

MOST_SEEDS = 1000
"""More are called hopeless."""

PAIRED = "paired t-test"
WELCH = "Welch's t-test"
MODERATED = "moderated t-test"
SIGNS = "sign test"  # all differences are the same: their spread is 0, which no t-test can take
SHUFFLES = "permutation test"  # neither row has a spread

Kind = Literal["best", "unclear", "worse", "unknown"]


@dataclass(frozen=True)
class Difference:
    """How a row differs from the best one.

    deviation: of the difference of one repetition. freedom: how many degrees of freedom n repetitions have, as a pair
    (a, b) for a n + b.
    """

    test: str
    value: float  # above 0: the other row is worse
    p: float
    deviation: float
    freedom: tuple[int, int]


@dataclass(frozen=True)
class Verdict:
    """What can be said of a row beside the best one.

    kind: "unknown" if one of both has fewer than two repetitions. p: corrected. seeds: how many of each would tell;
    None if that is no question, or more than `MOST_SEEDS`.
    """

    kind: Kind
    difference: Difference | None = None
    p: float | None = None
    seeds: int | None = None

    @property
    def is_hopeless(self) -> bool:
        """Whether no affordable number of seeds would tell."""
        return self.kind == "unclear" and self.seeds is None


def judge(rows: Sequence[Values], *, higher: bool) -> list[Verdict]:
    """Return a verdict for each row of a table, the best of which comes first."""
    if not rows:
        return []
    scale = max((abs(value) for row in rows for value in row.values()), default=0.0) or 1.0
    # so that no square is too large or too small
    best, *others = [{key: value / scale for key, value in row.items()} for row in rows]
    found = _differences(best, others, higher=higher)
    corrected = iter(holm([each.p for each in found if each is not None]))
    p_values = [None if each is None else next(corrected) for each in found]
    num_unclear = sum(p is not None and p > LEVEL for p in p_values)
    verdicts = []
    for other, difference, p in zip(others, found, p_values, strict=True):
        if difference is None or p is None:
            verdicts.append(Verdict("unknown"))
        elif p <= LEVEL:
            verdicts.append(Verdict("worse", difference, p))
        else:
            least = max(len(best), len(other)) + 1
            seeds = seeds_to_tell(difference, level=LEVEL / num_unclear, least=least)
            verdicts.append(Verdict("unclear", difference, p, seeds))
    verdicts = [_scaled(each, scale) for each in verdicts]
    return [Verdict("best" if any(each is not None for each in found) else "unknown"), *verdicts]


def _scaled(verdict: Verdict, scale: float) -> Verdict:
    """The verdict in the metric's own unit."""
    found = verdict.difference
    if found is None:
        return verdict
    found = dataclasses.replace(found, value=found.value * scale, deviation=found.deviation * scale)
    return dataclasses.replace(verdict, difference=found)


def _differences(best: Values, others: Sequence[Values], *, higher: bool) -> list[Difference | None]:
    """Compare each row with the best one; None where one of both has fewer than two values."""
    if len(best) < 2:
        return [None] * len(others)
    known = spreads([row for row in (best, *others) if len(row) > 1])
    if known is None:
        return [None if len(other) < 2 else compare(best, other, higher=higher) for other in others]
    own, *rest = known
    following = iter(rest)
    return [
        None if len(other) < 2 else _moderated(best, other, (own, next(following)), higher=higher) for other in others
    ]


def compare(best: Values, other: Values, *, higher: bool) -> Difference:
    """Compare two rows with at least two repetitions each.

    They are paired by what they have in common if that is more than half of the longer one.
    """
    sign = 1 if higher else -1
    common = [key for key in best if key in other]
    if len(common) > 1 and 2 * len(common) > max(len(best), len(other)):
        return _paired([sign * (best[key] - other[key]) for key in common])
    return _welch([sign * value for value in best.values()], [sign * value for value in other.values()])


def _paired(differences: Sequence[float]) -> Difference:
    count, mean = len(differences), statistics.fmean(differences)
    deviation = statistics.stdev(differences)
    if deviation <= 1e-9 * abs(mean) or mean <= 0:
        p = 1.0 if mean <= 0 else 2 * 0.5**count
        return Difference(SIGNS if mean > 0 else PAIRED, mean, p, deviation if mean <= 0 else 0.0, (1, -1))
    t = mean / (deviation / math.sqrt(count))
    return Difference(PAIRED, mean, two_sided_p(t, count - 1), deviation, (1, -1))


def _welch(best: Sequence[float], other: Sequence[float]) -> Difference:
    """The degrees of freedom are those of Welch and Satterthwaite, rounded down."""
    mean = statistics.fmean(best) - statistics.fmean(other)
    variances = [statistics.variance(values) for values in (best, other)]
    parts = [variance / len(values) for variance, values in zip(variances, (best, other), strict=True)]
    deviation = math.sqrt(sum(variances))
    if mean <= 0:
        return Difference(WELCH, mean, 1.0, deviation, (2, -2))
    if deviation <= 1e-9 * mean:
        p = 2 / math.comb(len(best) + len(other), len(best))
        return Difference(SHUFFLES, mean, min(p, 1.0), 0.0, (2, -2))
    below = sum(part**2 / (len(values) - 1) for part, values in zip(parts, (best, other), strict=True))
    freedom = max(1, math.floor(sum(parts) ** 2 / below + 1e-9))
    return Difference(WELCH, mean, two_sided_p(mean / math.sqrt(sum(parts)), freedom), deviation, (2, -2))


def _moderated(best: Values, other: Values, known: tuple[Spread, Spread], *, higher: bool) -> Difference:
    """Welch's test with spreads that are learned from all rows."""
    mean = (statistics.fmean(best.values()) - statistics.fmean(other.values())) * (1 if higher else -1)
    parts = [each.variance / len(row) for each, row in zip(known, (best, other), strict=True)]
    deviation = math.sqrt(sum(each.variance for each in known))
    below = sum(part**2 / each.freedom for part, each in zip(parts, known, strict=True))
    freedom = max(1, math.floor(sum(parts) ** 2 / below + 1e-9))
    p = two_sided_p(mean / math.sqrt(sum(parts)), freedom) if mean > 0 else 1.0
    return Difference(MODERATED, mean, p, deviation, (2, max(-2, freedom - len(best) - len(other))))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number: each may be held against the level of all together."""
    corrected, highest = [1.0] * len(p_values), 0.0
    for rank, number in enumerate(sorted(range(len(p_values)), key=lambda each: p_values[each])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[number]))
        corrected[number] = highest
    return corrected


def seeds_to_tell(difference: Difference, *, level: float, least: int) -> int | None:
    """Return how many repetitions of each row would find the difference at `level` with the probability `POWER`.

    It is the least n for which the difference is at least (t(1 - level/2) + t(POWER)) deviation / sqrt(n), with the
    degrees of freedom of n repetitions (Zar, Biostatistical Analysis, 7.6 and 8.4). None: more than `MOST_SEEDS`.
    """
    if difference.value <= 0:
        return None
    if difference.deviation == 0:  # as in the exact tests above
        exact = (lambda n: 2 * 0.5**n) if difference.test == SIGNS else (lambda n: 2 / math.comb(2 * n, n))
        return next(n for n in range(least, MOST_SEEDS + 1) if exact(n) <= level)
    a, b = difference.freedom
    ratio = (difference.deviation / difference.value) ** 2
    normal = statistics.NormalDist()
    start = (normal.inv_cdf(1 - level / 2) + normal.inv_cdf(POWER)) ** 2 * ratio
    for count in range(max(least, min(math.ceil(start), MOST_SEEDS + 1)), MOST_SEEDS + 1):
        quantiles = _quantile(1 - level / 2, a * count + b) + _quantile(POWER, a * count + b)
        if quantiles**2 * ratio <= count:
            return count
    return None


@functools.lru_cache(maxsize=4096)
def _quantile(probability: float, freedom: int) -> float:
    """The quantile of Student's t; from 30 degrees of freedom on by its series (Abramowitz and Stegun 26.7.5)."""
    if freedom < 30:
        return student_t(probability, freedom)
    z = statistics.NormalDist().inv_cdf(probability)
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
