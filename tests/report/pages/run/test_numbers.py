"""The sections of a run about numbers."""

from __future__ import annotations

import numpy as np

from dlrun.report.pages.run.numbers import number_sections
from dlrun.runs.analysis.reports import NumberReport
from tests.report.pages.test_sweep_page import EVIL, read


def text_of(*reports: NumberReport) -> str:
    return " ".join(read("".join(number_sections(reports, split="test"))).text.split())


def test_the_figures_of_each_target() -> None:
    text = text_of(NumberReport("price", np.array([[1.0], [2.0]]), np.array([[4.0], [6.0]]), 4, False))
    assert "target RMSE MAE mean residual 9 of 10 within largest price 3.5355 3.5000 3.5000 3.9000 4" in text
    assert "Made of 2 of 4 rows, taken evenly." in text
    assert "Residuals of price" in text
    assert "steps ahead" not in text


def test_a_forecast_over_time_and_by_step() -> None:
    truth = np.zeros((3, 2))
    text = text_of(NumberReport("load", truth, truth + np.array([1.0, 2.0]), 3, True))
    assert "All 2 steps ahead together." in text
    assert "window, in the order of time" in text
    assert "mean absolute error" in text


def test_of_many_targets_the_first_are_drawn_and_of_many_dots_some() -> None:
    many = NumberReport("y", np.zeros((2000, 1)), np.ones((2000, 1)), 2000, False)
    page = "".join(number_sections([many] * 8, split="test"))
    assert "The first 6 of 8 targets are drawn." in page
    assert "Dots show 900 of 2,000 predictions at most." in page
    assert page.count("<h2>Residuals of y</h2>") == 6
    assert page.count("<circle") == 6 * 2 * 667  # every third


def test_hostile_names_and_values() -> None:
    values = np.array([[float("nan")], [float("inf")], [1e300]])
    page = "".join(number_sections([NumberReport(EVIL[1], values, values, 3, True)], split="test"))
    assert "<img" not in page
    assert "2 predictions left out, since not finite." in page
    constant = NumberReport("c", np.zeros((3, 1)), np.zeros((3, 1)), 3, False)
    assert "c 0 0 0 0 0" in text_of(constant)
