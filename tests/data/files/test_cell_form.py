"""How cells are written: decimal commas and spaces."""

from __future__ import annotations

from dlrun.data.files.cell_form import columns_with_commas, with_point, with_points


def test_a_number_gets_a_point_and_loses_its_thousands() -> None:
    assert [with_point(text) for text in ("12,5", "-0,25", ",5", "1.234,56", "12.345.678,9")] == [
        "12.5", "-0.25", ".5", "1234.56", "12345678.9",
    ]  # fmt: skip
    assert with_points(["1,5", None, "a, b", "1,2,3", "12", "1.5"]) == ["1.5", None, "a, b", "1,2,3", "12", "1.5"]


def test_a_comma_that_divides_thousands_is_no_decimal_mark() -> None:
    columns = {
        "price": ["12,5", "7", None],
        "weight": ["1,250", "2,500"],  # each with three decimals
        "rate": ["0,125", "3"],
        "salary": ["1,234", "987"],
        "people": ["1,234,567", "1,234"],
        "cost": ["1,234.50", "12,5"],
        "name": ["a,b", "c"],
        "count": ["12", "13"],
    }
    assert columns_with_commas(columns) == {"price", "weight", "rate"}
