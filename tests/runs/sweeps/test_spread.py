"""The spread of each row, learned from all rows."""

from __future__ import annotations

import math
import random
import statistics

import pytest

from dlrun.runs.sweeps.spread import Values, digamma, spreads, trigamma

EULER = 0.5772156649015329


def row(*values: float) -> Values:
    return {(str(seed),): value for seed, value in enumerate(values)}


def test_digamma_and_trigamma_are_those_of_printed_tables() -> None:
    assert digamma(1) == pytest.approx(-EULER, abs=1e-9)
    assert digamma(0.5) == pytest.approx(-EULER - 2 * math.log(2), abs=1e-9)
    assert trigamma(1) == pytest.approx(math.pi**2 / 6, abs=1e-9)
    assert trigamma(0.5) == pytest.approx(math.pi**2 / 2, abs=1e-9)
    assert trigamma(50) == pytest.approx(0.0202013, abs=1e-7)


def test_variances_that_are_all_alike_are_one() -> None:
    """Five rows with variance 1 and 2 degrees of freedom: log 1 - digamma(1) + log 1 is Euler's constant for each."""
    values = [(-1, 0, 1), (1, 0, -1), (0, 1, -1), (1, -1, 0), (-1, 1, 0)]
    found = spreads([row(*each) for each in values])
    assert found is not None
    seeds = [sorted(each[seed] for each in values)[2] for seed in range(3)]
    assert seeds == [0, 0, 0]  # no seed does anything to all rows
    assert [each.variance for each in found] == pytest.approx([math.exp(EULER)] * 5, rel=1e-3)
    assert [each.freedom for each in found] == [10] * 5  # as many as all rows have


def test_what_a_seed_does_to_all_rows_is_taken_out() -> None:
    values = [(-1, 0, 1), (1, 0, -1), (0, 1, -1), (1, -1, 0), (-1, 1, 0)]
    shifted = [tuple(value + shift for value, shift in zip(each, (50, 0, -50), strict=True)) for each in values]
    assert spreads([row(*each) for each in shifted]) == spreads([row(*each) for each in values])


def test_unlike_variances_stay_their_own_and_none_is_made_smaller() -> None:
    source = random.Random(0)
    scales = [0.01, 0.1, 1, 10, 100, 1000]
    rows = [row(*(scale * source.gauss(0, 1) for _ in range(20))) for scale in scales]
    alone = [{(f"{place}-{key[0]}",): value for key, value in each.items()} for place, each in enumerate(rows)]
    found = spreads(alone)
    assert found is not None
    for spread, each in zip(found, alone, strict=True):
        assert 0.999 <= spread.variance / statistics.variance(each.values()) <= 3
        assert spread.freedom == pytest.approx(19, abs=0.5)
    steady = [row(*(source.gauss(0, 1) for _ in range(5))) for _ in range(30)]
    noisy = row(-30, 30, 20, -20, 0)
    found = spreads([noisy, *steady])
    assert found is not None
    assert found[0].variance >= 650 * 0.9  # its own: 2600 / 4


def test_a_row_without_a_spread_gets_that_of_the_others() -> None:
    source = random.Random(0)
    rows = [row(*(source.gauss(0, 1) for _ in range(5))) for _ in range(10)]
    found = spreads([row(1, 1, 1, 1, 1), *rows])
    assert found is not None
    assert 0.3 <= found[0].variance <= 2


def test_few_rows_or_few_values_are_not_learned_from() -> None:
    assert spreads([row(1, 2, 3)] * 4) is None
    assert spreads([row(1, 2)] * 9) is None
    assert spreads([row(1, 1, 1)] * 9) is None
