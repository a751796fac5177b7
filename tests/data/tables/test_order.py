"""`dlrun.data.tables.order`: rows that are not in the order of their dates are told."""

from __future__ import annotations

from pathlib import Path

from dlrun.data.files.records import open_records
from dlrun.data.tables.order import order_notices


def told(heading: str, *rows: str) -> list[str]:
    Path("s.csv").write_text("\n".join([heading, *rows]) + "\n")
    first = dict(zip(heading.split(","), rows[0].split(","), strict=True))
    return order_notices(open_records(Path("s.csv")), first)


CURE = "If the file has several series, keep the rows of one; else sort it by time."


def test_dates_that_increase_are_no_news() -> None:
    assert told("date,y", "2020-01-01,1", "2020-01-02,2", "2020-01-04,3") == []
    assert told("y,z", "2,1", "1,2", "2,3") == []
    assert told("date,hour,y", "2020-01-01,0,1", "2020-01-01,1,2") == []


def test_dates_that_repeat_or_go_back_may_be_several_series() -> None:
    assert told("date,shop,y", "2020-01-01,A,1", "2020-01-01,B,9", "2020-01-02,A,2") == [
        's.csv: dates in "date" are there more than once (2020-01-01: line 2 and line 3), but '
        f"all rows are taken for one series. {CURE}"
    ]
    assert told("shop,date,y", "A,2020-01-01,1", "A,2020-01-02,2", "B,2020-01-01,9", "B,2020-01-02,8") == [
        's.csv: dates in "date" go back (line 4: 2020-01-01 comes after 2020-01-02), but all rows are taken for one '
        f"series. {CURE}"
    ]
    (found,) = told("date,y", "1/2/2020,1", "1/3/2020,2", "1/2/2020,3")  # the month may be first
    assert "(1/2/2020: line 2 and line 4)" in found


def test_the_newest_row_first_is_told() -> None:
    assert told("day,y", "03.01.2020,1", "02.01.2020,2", "01.01.2020,3") == [
        's.csv: dates in "day" begin with the newest, but rows are taken in the order of the file: what is forecast is '
        "the past. Sort the file by time; dataset.time=day checks it."
    ]
