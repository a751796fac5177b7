"""Student's t-tests against the best row, Holm's correction, and how many seeds would tell."""

from __future__ import annotations

import math
import random

import pytest

from dlrun.runs.sweeps.noise import (
    LEVEL,
    MODERATED,
    PAIRED,
    SHUFFLES,
    SIGNS,
    WELCH,
    Difference,
    Values,
    compare,
    holm,
    judge,
    seeds_to_tell,
)


def row(*values: float, first: int = 0) -> Values:
    """Values of the seeds `first`, `first` + 1, ..."""
    return {(str(seed),): value for seed, value in enumerate(values, start=first)}


def test_rows_with_the_same_seeds_are_paired() -> None:
    """Differences 1, 2, 3: mean 2, deviation 1, t = 2 sqrt(3); with 2 degrees of freedom p = 1 - t / sqrt(2 + t²)."""
    found = compare(row(11, 22, 33), row(10, 20, 30), higher=True)
    assert (found.test, found.value, found.deviation) == (PAIRED, 2, 1)
    assert found.p == pytest.approx(1 - math.sqrt(12) / math.sqrt(14))  # 0.0742


def test_two_pairs_have_one_degree_of_freedom() -> None:
    """Differences 1 and 3: mean 2, deviation sqrt(2), t = 2; p = 1 - 2/pi atan(2)."""
    assert compare(row(1, 3), row(0, 0), higher=True).p == pytest.approx(1 - 2 / math.pi * math.atan(2))  # 0.2952


def test_lower_values_are_better_for_a_loss() -> None:
    found = compare(row(10, 20, 30), row(11, 22, 33), higher=False)
    assert (found.test, found.value) == (PAIRED, 2)


def test_rows_with_other_seeds_are_compared_by_welchs_test() -> None:
    """4, 5, 6 against 1, 2, 3: t = 3 / sqrt(2/3) = 3.674 with 4 degrees of freedom, p = 0.0213."""
    found = compare(row(4, 5, 6), row(1, 2, 3, first=7), higher=True)
    assert (found.test, found.value) == (WELCH, 3)
    assert found.p == pytest.approx(0.02131, abs=1e-5)


def test_a_lost_seed_leaves_the_others_paired_and_few_common_ones_do_not() -> None:
    assert compare(row(1, 2, 3, 5, 4), row(0, 0, 0, 1), higher=True).test == PAIRED
    assert compare(row(1, 2, 3, 5, 4), row(0, 1), higher=True).test == WELCH


def test_welchs_degrees_of_freedom_are_rounded_down() -> None:
    """Variances 1/3 and 4/3 of the means: (5/3)² / ((1/9 + 16/9) / 2) = 2.94, so 2: p = 1 - t / sqrt(2 + t²)."""
    found = compare(row(11, 12, 13), row(0, 2, 4, first=7), higher=True)
    t = 10 / math.sqrt(5 / 3)
    assert found.p == pytest.approx(1 - t / math.sqrt(2 + t * t))


def test_differences_that_are_all_the_same_are_judged_by_their_signs() -> None:
    """A t-test would call 5 differences of 1/30 certain; 5 equal signs have the probability 2/32."""
    found = compare(row(*[29 / 30] * 5), row(*[28 / 30] * 5), higher=True)
    assert (found.test, found.p) == (SIGNS, 2 / 32)
    found = compare(row(2, 2, 2), row(1, 1, 1, first=7), higher=True)
    assert (found.test, found.p) == (SHUFFLES, 2 / 20)  # 6 over 3 ways to divide six values


def test_equal_rows_cannot_be_told_apart() -> None:
    for other in (row(1, 1, 1), row(1, 1, 1, first=7)):
        found = compare(row(1, 1, 1), other, higher=True)
        assert (found.value, found.p) == (0, 1)
        assert judge([row(1, 1, 1), other], higher=True)[1].is_hopeless


def test_a_row_that_is_better_on_the_common_seeds_is_not_called_worse() -> None:
    best, other = row(0.5, 0.5, 0.5, 0.5, 9.0), row(0.6, 0.7, 0.6, 0.7)
    assert compare(best, other, higher=True).p == 1


def test_holms_correction_is_that_worked_out_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])  # 3 · 0.01, 2 · 0.03, at least the one before
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("test", "deviation", "freedom", "seeds"),
    [
        (WELCH, math.sqrt(2), (2, -2), 17),  # two samples whose means are one deviation apart: printed tables say 17
        (PAIRED, 2.0, (1, -1), 34),  # pairs whose mean difference is half a deviation: 34
        (PAIRED, 100.0, (1, -1), None),  # about 78,500
    ],
)
def test_seeds_that_would_tell_are_those_of_printed_tables(
    test: str, deviation: float, freedom: tuple[int, int], seeds: int | None
) -> None:
    difference = Difference(test, 1.0, 0.5, deviation, freedom)
    assert seeds_to_tell(difference, level=0.05, least=6) == seeds


def test_it_takes_more_seeds_than_did_not_tell() -> None:
    difference = Difference(PAIRED, 10.0, 0.06, 1.0, (1, -1))
    assert seeds_to_tell(difference, level=0.05, least=6) == 6
    assert seeds_to_tell(Difference(SIGNS, 1.0, 0.06, 0.0, (1, -1)), level=0.05, least=6) == 6  # 2/64
    assert seeds_to_tell(Difference(SHUFFLES, 1.0, 0.1, 0.0, (2, -2)), level=0.05, least=4) == 4  # 2/70


def test_the_seeds_that_are_told_find_the_difference_as_often_as_stated() -> None:
    source, found = random.Random(1), 0
    for _ in range(500):  # differences of mean 0.5 and deviation 1: 34 pairs
        differences = [source.gauss(0.5, 1) for _ in range(34)]
        found += compare(row(*differences), row(*[0.0] * 34), higher=True).p <= 0.05
    assert 0.76 <= found / 500 <= 0.84


def test_verdicts_of_a_table() -> None:
    rows = [row(1.0, 1.1, 1.2, 1.05, 1.15), row(1.0, 1.05, 1.25, 1.0, 1.1), row(0.1, 0.25, 0.3, 0.1, 0.2), row(0.0)]
    verdicts = judge(rows, higher=True)
    assert [verdict.kind for verdict in verdicts] == ["best", "unclear", "worse", "unknown"]
    assert verdicts[1].seeds is not None
    assert verdicts[1].seeds > 5
    assert judge([], higher=True) == []
    assert [each.kind for each in judge([row(1.0), row(0.5, 0.6)], higher=True)] == ["unknown", "unknown"]


@pytest.mark.parametrize("is_paired", [True, False])
@pytest.mark.parametrize("num_rows", [2, 8])
def test_the_truly_best_row_is_seldom_called_worse(num_rows: int, *, is_paired: bool) -> None:
    """All rows are equally good, so that the first is as much the best as any other: 5 % at most, and some chance."""
    source, wrong, times = random.Random(num_rows), 0, 400
    for _ in range(times):
        rows = [[source.gauss(0, 1) for _ in range(5)] for _ in range(num_rows)]
        order = sorted(range(num_rows), key=lambda place: -sum(rows[place]))
        verdicts = judge([row(*rows[place], first=0 if is_paired else 10 * place) for place in order], higher=True)
        wrong += verdicts[order.index(0)].kind == "worse"
    assert wrong / times <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / times)


def test_of_many_rows_the_spreads_are_learned_from_all() -> None:
    """Twenty rows, the best by three deviations: paired tests of five seeds, corrected for nineteen, find fewer."""
    source, found, alone, times = random.Random(0), 0, 0, 20
    for _ in range(times):
        rows = [row(*(source.gauss(0 if place else 3, 1) for _ in range(5))) for place in range(20)]
        verdicts = judge(rows, higher=True)
        assert {each.difference.test for each in verdicts if each.difference is not None} == {MODERATED}
        found += sum(each.kind == "worse" for each in verdicts)
        p_values = holm([compare(rows[0], other, higher=True).p for other in rows[1:]])
        alone += sum(p <= LEVEL for p in p_values)
    assert found / times / 19 > 0.9
    assert alone / times / 19 < 0.5


def test_a_noisy_row_among_steady_ones_is_seldom_called_worse_than_it_is() -> None:
    source, wrong, times = random.Random(5), 0, 300
    for _ in range(times):
        rows = [[source.gauss(0, 1 if place else 3) for _ in range(5)] for place in range(10)]
        order = sorted(range(10), key=lambda place: -sum(rows[place]))
        verdicts = judge([row(*rows[place]) for place in order], higher=True)
        wrong += verdicts[order.index(0)].kind == "worse"
    assert wrong / times <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / times)


def test_a_row_with_one_value_does_not_shift_the_spreads_of_the_others() -> None:
    source = random.Random(0)
    rows = [row(*(5 - place + source.gauss(0, 0.01) for _ in range(3))) for place in range(6)]
    rows.insert(1, row(4.5))
    kinds = [each.kind for each in judge(rows, higher=True)]
    assert kinds == ["best", "unknown", "worse", "worse", "worse", "worse", "worse"]


@pytest.mark.parametrize("scale", [1e-200, 1e-80, 1e80, 1e149])
@pytest.mark.parametrize("num_rows", [3, 8])
def test_verdicts_do_not_depend_on_the_unit(scale: float, num_rows: int) -> None:
    source = random.Random(0)
    rows = [[source.gauss(place / 3, 1) for _ in range(4)] for place in range(num_rows, 0, -1)]
    for first in (0, 10):  # the same seeds, other seeds
        plain = judge([row(*each, first=first * place) for place, each in enumerate(rows)], higher=True)
        scaled = [row(*(value * scale for value in each), first=first * place) for place, each in enumerate(rows)]
        found = judge(scaled, higher=True)
        assert [each.kind for each in found] == [each.kind for each in plain]
        assert [each.seeds for each in found] == [each.seeds for each in plain]
        assert found[1].difference is not None
        assert plain[1].difference is not None
        assert found[1].difference.value == pytest.approx(plain[1].difference.value * scale)
