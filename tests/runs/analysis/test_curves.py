"""ROC and precision-recall curves, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from dlrun.runs.analysis.curves import class_curves, thinned


def test_four_rows() -> None:
    curves = class_curves("a", np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False]), np.ones(4))
    assert curves is not None
    assert curves.roc == [(0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1)]
    assert curves.auroc == 0.75
    assert curves.recall == [(0, 1), (0.5, 1), (0.5, 0.5), (1, pytest.approx(2 / 3)), (1, 0.5)]
    assert curves.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_rows_with_equal_scores_are_one_step() -> None:
    curves = class_curves("a", np.full(4, 0.5), np.array([True, False, False, False]), np.ones(4))
    assert curves is not None
    assert curves.roc == [(0, 0), (1, 1)]
    assert (curves.auroc, curves.average_precision) == (0.5, 0.25)


def test_weights_count_as_so_many_rows() -> None:
    scores, positive = np.array([0.9, 0.8, 0.7]), np.array([True, False, True])
    weighted = class_curves("a", scores, positive, np.array([1.0, 2.0, 3.0]))
    repeated = class_curves("a", np.repeat(scores, [1, 2, 3]), np.repeat(positive, [1, 2, 3]), np.ones(6))
    assert weighted is not None
    assert repeated is not None
    assert weighted.auroc == repeated.auroc == 0.25
    assert weighted.average_precision == pytest.approx(repeated.average_precision)


@pytest.mark.parametrize("positive", [True, False])
def test_no_curve_without_two_kinds_of_rows(positive: bool) -> None:
    assert class_curves("a", np.array([0.1, 0.2]), np.full(2, positive), np.ones(2)) is None


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    found = thinned(np.linspace(0, 1, 5000), np.linspace(0, 1, 5000) ** 2)
    assert len(found) <= 161
    assert (found[0], found[-1]) == ((0, 0), (1, 1))
    assert all(y == pytest.approx(x**2) for x, y in found)
    assert thinned([0.0, 1.0], [1.0, 1.0]) == [(0, 1), (1, 1)]
