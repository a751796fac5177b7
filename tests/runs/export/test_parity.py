"""dlrun.runs.export.parity: a file's predictions against the run's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dlrun.data.source import Encoded
from dlrun.errors import PromiseError
from dlrun.runs.export.parity import check, compare, noise_rows
from dlrun.runs.export.real_rows import RealRows

ROWS = RealRows({}, Encoded(torch.zeros(2, 1)), "2 rows of x.csv")
NUMBERS = [{"name": "prediction", "role": "numbers", "names": ["price"]}]


def test_numbers_are_held_against_the_largest_of_them() -> None:
    own = {"price": np.array([100.0, -1000.0])}
    found = check(own, lambda inputs: {"prediction": np.array([[100.05], [-1000.0]])}, NUMBERS, ROWS)
    assert found.difference == pytest.approx(0.05)
    assert found.bound == pytest.approx(0.1)  # 1e-4 of 1000
    assert found.describe() == (
        "largest difference from the run's own predictions: 0.05 of price (at most 0.1), on 2 rows of x.csv"
    )
    assert found.as_json() == {"rows": 2, "output": "price", "largest_difference": found.difference, "bound": 0.1}


@pytest.mark.parametrize("wrong", [100.2, float("nan"), float("inf")])
def test_a_file_beyond_the_bound_is_refused(wrong: float) -> None:
    own = {"price": np.array([100.0, -1000.0])}
    with pytest.raises(PromiseError, match="does not predict what the run does, and was not kept: largest difference"):
        check(own, lambda inputs: {"prediction": np.array([[wrong], [-1000.0]])}, NUMBERS, ROWS)


def test_the_output_furthest_from_its_own_bound_counts() -> None:
    own = {"prediction": np.array(["a", "b"]), "probability_a": np.array([0.9, 0.2]), "price": np.array([1e6, 2e6])}
    found = {**own, "probability_a": np.array([0.9, 0.2001]), "price": np.array([1e6, 2e6 + 1])}
    assert compare(own, found, ROWS).what == "probability_a"


def test_noise_is_the_same_every_time() -> None:
    assert np.array_equal(noise_rows(3).inputs["noise"], noise_rows(3).inputs["noise"])
    assert noise_rows(3).inputs["noise"].shape == (64, 3)
