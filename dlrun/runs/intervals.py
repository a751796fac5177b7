"""Intervals for the metrics of a new run: what a recipe promises. Imports no torch.

Over several seeds it is a prediction interval: with mean m and sample deviation s of n values that are draws from one
normal distribution, a further value lies within m ± t s sqrt(1 + 1/n) with probability `LEVEL`, t being the quantile of
Student's t with n - 1 degrees of freedom (Hahn, Meeker, Escobar, Statistical Intervals, section 4.8). One run says
nothing about how runs vary; its interval is a tolerance that is stated here.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

LEVEL = 0.99
"""The probability that a new run's value of a metric is inside; so high since a recipe promises several metrics."""

FEWEST_SEEDS = 3
_ERRORS = ("loss", "rmse", "mae", "perplexity")
_SHARES = ("accuracy", "macro_f1", "auroc", "confidence")
_OPPONENTS = ("generator_loss", "discriminator_loss", "real_confidence")
"""Metrics of a GAN that say nothing about its samples: the losses of two opponents, and its measuring classifier's."""


def promised(
    measured: Mapping[str, Sequence[float]], rows: Mapping[str, int]
) -> tuple[dict[str, list[float]], list[str]]:
    """Return an interval for each metric that can be promised, and the metrics left out.

    measured: for each metric, named `split/name`, its values: one, or one for each seed. rows: by split.
    """
    expect, left_out = {}, []
    for metric, values in measured.items():
        name = metric.rpartition("/")[2]
        if name in _OPPONENTS or not all(map(math.isfinite, values)):
            left_out.append(metric)
        elif len(values) == 1:
            expect[metric] = tolerated(name, values[0], rows.get(metric.partition("/")[0], 1))
        else:
            expect[metric] = predicted(name, values, rows.get(metric.partition("/")[0], 1))
    return expect, left_out


def meaning(num_seeds: int) -> str:
    """Return what the intervals mean, as one sentence for a recipe."""
    if num_seeds > 1:
        return (
            f"each interval contains the value of a new run with another seed with a probability of {LEVEL:.0%}: "
            f"mean ± t s sqrt(1 + 1/n) of {num_seeds} seeds (Student's t), at least as wide as what was measured and "
            "one row or 1 %"
        )
    return (
        "of one run, so not seen to vary: the measured value with dlrun's default tolerance (shares of rows: twice "
        "their binomial standard error, at least 0.01; errors: 30 %; R2: 60 % of 1 - R2; other numbers: 20 %)"
    )


def predicted(name: str, values: Sequence[float], rows: int) -> list[float]:
    """Return the interval of a new run's value, from those of at least two seeds."""
    count = len(values)
    centre, deviation = statistics.fmean(values), statistics.stdev(values)
    half = student_t((1 + LEVEL) / 2, count - 1) * deviation * math.sqrt(1 + 1 / count)
    resolution = 1 / rows if _is_of(name, _SHARES) else 0.01 * abs(centre)
    low, high = min(centre - half, *values), max(centre + half, *values)
    return _rounded(name, min(low, centre - resolution), max(high, centre + resolution))


def tolerated(name: str, value: float, rows: int) -> list[float]:
    """Return the interval around the value of a single run."""
    if _is_of(name, _SHARES):
        share = (min(max(value, 0.0), 1.0) * rows + 2) / (rows + 4)  # Agresti and Coull: not 0 where all are right
        half = max(0.01, 2 * math.sqrt(share * (1 - share) / (rows + 4)))
    elif name == "classes":
        half = 1.0
    elif _is_of(name, ("r2",)):
        half = 0.6 * (1 - value)
    elif name == "frechet_distance":
        half = 0.5 * abs(value)
    else:
        half = (0.3 if _is_of(name, _ERRORS) else 0.2) * abs(value)
    return _rounded(name, value - half, value + half)


def student_t(probability: float, freedom: int) -> float:
    """Return the quantile of Student's t with a whole number of degrees of freedom. probability: above 0.5, below 1."""
    low, high = 0.0, 1.0
    while _two_sided(high, freedom) < 2 * probability - 1:
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if _two_sided(middle, freedom) < 2 * probability - 1 else (low, middle)
    return high


def two_sided_p(t: float, freedom: int) -> float:
    """Return the probability that a value of Student's t is as far from 0 as `t`, or further."""
    return max(0.0, 1 - _two_sided(abs(t), freedom))


def _two_sided(t: float, freedom: int) -> float:
    """The probability that |T| is below t (Abramowitz and Stegun 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    cosine, total, term = math.cos(angle), 0.0, 1.0
    if freedom % 2 == 0:
        for number in range(1, freedom // 2 + 1):
            total += term
            term *= (2 * number - 1) / (2 * number) * cosine**2
        return math.sin(angle) * total
    term = cosine
    for number in range(1, (freedom - 1) // 2 + 1):
        total += term
        term *= 2 * number / (2 * number + 1) * cosine**2
    return 2 / math.pi * (angle + math.sin(angle) * total)


def _is_of(name: str, family: Sequence[str]) -> bool:
    """Whether a metric is one of a family, also of one of several targets (accuracy_LABEL)."""
    return any(name == member or name.startswith(f"{member}_") for member in family)


def _rounded(name: str, low: float, high: float) -> list[float]:
    """Widen an interval to numbers of two digits of its width, within what the metric can be."""
    if high > low:
        digits = 1 - math.floor(math.log10(high - low))
        step = 10.0**-digits
        low, high = round(math.floor(low / step) * step, digits), round(math.ceil(high / step) * step, digits)
    if _is_of(name, _SHARES):
        return [max(low, 0.0), min(high, 1.0)]
    if _is_of(name, _ERRORS) or name in ("frechet_distance", "classes"):
        return [max(low, 0.0), high]
    return [low, min(high, 1.0)] if _is_of(name, ("r2",)) else [low, high]
