"""Ramps: functions of numbers between knots, the columns that fit them, and which numbers are codes."""

from __future__ import annotations

import torch

from dlrun.data.spec import Scaling
from dlrun.options.models._ramps import COARSE, CODES, FINE, Ramps, code_columns, forms_for

QUARTERS = torch.tensor([[0.0], [1.0], [2.0], [4.0], [8.0]], dtype=torch.float64)  # their own quantiles


def placed(numbers: torch.Tensor, *, codes: tuple[int, ...] = ()) -> Ramps:
    ramps = Ramps(numbers.shape[1], 1)
    ramps.place(numbers, codes)
    return ramps


def test_a_ramp_rises_between_its_knots_and_is_flat_beyond() -> None:
    columns = placed(QUARTERS).columns(torch.tensor([[-1.0], [0.5], [3.0], [99.0]]), (COARSE, (0,)))
    assert columns.tolist() == [[0, 0, 0, 0], [0.5, 0, 0, 0], [1, 1, 0.5, 0], [1, 1, 1, 1]]


def test_equal_quantiles_and_constants_have_no_ramps() -> None:
    numbers = torch.tensor([[0.0, 5.0]] * 3 + [[1.0, 5.0], [2.0, 5.0]], dtype=torch.float64)
    ramps = placed(numbers)
    assert ramps.num_columns((COARSE, (0, 1))) == 2  # 0 to 1 and 1 to 2; quantiles are 0, 0, 0, 1, 2
    assert ramps.columns(numbers.float(), (COARSE, (1,))).shape == (5, 0)


def test_the_functions_are_what_was_fitted_to_the_columns() -> None:
    ramps = placed(QUARTERS)
    weights = torch.tensor([[1.0], [-2.0], [3.0], [4.0]])
    asked = torch.tensor([[-1.0], [0.5], [3.0], [99.0]])
    lowest = ramps.add((COARSE, (0,)), weights)
    assert lowest.tolist() == [0.0]
    torch.testing.assert_close(ramps(asked), ramps.columns(asked, (COARSE, (0,))) @ weights)
    assert ramps(asked)[:, 0].tolist() == [0.0, 0.5, 0.5, 6.0]


def test_a_code_has_an_indicator_of_each_value() -> None:
    numbers = torch.tensor([[0.0, 3.0], [1.0, 1.0], [1.5, 7.0]], dtype=torch.float64)
    ramps = placed(numbers, codes=(1,))
    part = (CODES, (1,))
    assert ramps.columns(numbers.float(), part).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]  # of 1, 3 and 7
    lowest = ramps.add(part, torch.tensor([[10.0], [20.0], [50.0]]))
    found = ramps(torch.tensor([[0.0, 3.0], [0.0, 1.0], [0.0, 7.0], [0.0, 5.0], [0.0, 99.0]])) + lowest
    assert found[:, 0].tolist() == [20.0, 10.0, 50.0, 35.0, 50.0]  # between two values, and beyond the last


def test_codes_are_whole_numbers_with_few_values() -> None:
    count = torch.arange(60.0, dtype=torch.float64)
    numbers = torch.stack([count % 4, count % 2, (count % 4) / 2, count, count % 20], dim=1)
    assert code_columns(numbers, None) == [0]  # the others: two values, halves, all different, 3 rows for each value


def test_codes_are_found_in_scaled_numbers() -> None:
    raw = torch.arange(60.0, dtype=torch.float64).remainder(5).unsqueeze(1)
    scaled = ((raw - 2) / 1.5).float().double()
    assert code_columns(scaled, Scaling((2.0,), (1.5,), 0, 4)) == [0]
    assert code_columns(scaled, None) == []


def test_forms_go_from_few_columns_to_many() -> None:
    assert forms_for(2, []) == [((COARSE, (0, 1)),), ((FINE, (0, 1)),)]
    assert forms_for(2, [1])[1:3] == [((CODES, (1,)),), ((CODES, (1,)), (FINE, (0,)))]
    assert len(forms_for(1, [0])) == 3  # no number is left for fine ramps beside the code
