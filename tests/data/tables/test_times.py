"""Times are continued where they are regular, and written as the last one is."""

from __future__ import annotations

import pytest

from dlrun.data.tables.times import as_number, continue_times, parse_time


@pytest.mark.parametrize(
    ("times", "following"),
    [
        (["1", "2", "3"], ["4", "5"]),
        (["10", "12.5", "15.0"], ["17.5", "20.0"]),
        (["1949", "1949.083", "1949.167", "1949.25"], ["1949.333", "1949.417"]),  # months, rounded
        (["1e3", "2e3", "3e3"], ["4000.0", "5000.0"]),
        (["2024-02-27", "2024-02-28", "2024-02-29"], ["2024-03-01", "2024-03-02"]),
        (["2024-01-01", "2024-02-01", "2024-03-01"], ["2024-04-01", "2024-05-01"]),
        (["2024-01-31", "2024-02-29", "2024-03-31"], ["2024-04-30", "2024-05-31"]),  # the last day
        (["2023-11-30", "2023-12-30", "2024-01-30"], ["2024-02-29", "2024-03-30"]),  # the 30th, if there is one
        (["2023-04-01", "2023-07-01", "2023-10-01"], ["2024-01-01", "2024-04-01"]),
        (["2022-01-01", "2023-01-01", "2024-01-01"], ["2025-01-01", "2026-01-01"]),
        (["2024-01-01 22:00", "2024-01-01 23:00", "2024-01-02 00:00"], ["2024-01-02 01:00", "2024-01-02 02:00"]),
        (
            ["2024-01-01T00:00:00Z", "2024-01-01T00:00:30Z", "2024-01-01T00:01:00Z"],
            ["2024-01-01T00:01:30Z", "2024-01-01T00:02:00Z"],
        ),
        (
            ["2024-01-01T00:00:00+02:00", "2024-01-02T00:00:00+02:00", "2024-01-03T00:00:00+02:00"],
            ["2024-01-04T00:00:00+02:00", "2024-01-05T00:00:00+02:00"],
        ),
    ],
)
def test_regular_times_are_continued(times: list[str], following: list[str]) -> None:
    assert continue_times(times, 2) == following


@pytest.mark.parametrize(
    "times",
    [
        [],
        ["1", "2"],
        ["1", "2", "4"],
        ["1", "1", "1"],
        ["1", "2024-01-01", "3"],
        ["noon", "one", "two"],
        ["2024-01-04", "2024-01-05", "2024-01-08"],  # a weekend
        ["2024-01-15", "2024-02-15", "2024-03-14"],
        ["2024-01-01 00:00", "2024-02-01 00:00", "2024-03-01 01:00"],
        ["2024-01-01", "2024-01-02T00:00:00+02:00", "2024-01-03"],
    ],
)
def test_irregular_times_are_not(times: list[str]) -> None:
    assert continue_times(times, 2) is None


def test_a_time_is_a_number_that_increases_with_it() -> None:
    assert parse_time("3.5") == 3.5
    assert parse_time("1970-01-02") == 86400
    assert parse_time("1970-01-01T00:00:00Z") == 0
    assert parse_time("nan") is parse_time("noon") is None
    assert as_number("inf") == float("inf")
    assert as_number("x") is None
