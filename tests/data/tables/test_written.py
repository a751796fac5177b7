"""Texts that are numbers or dates in another form."""

from __future__ import annotations

import pytest

from dlrun.data.tables.written import written_otherwise


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["9,228", "10,080", "987"], 'numbers written as "9,228"; expected the form 1234.5'),
        (["$1,380", "-$2.50", "$7"], 'numbers written as "$1,380"; expected the form 1234.5'),
        (["261,96 €", "1.731,94 €", "0,00 €"], 'numbers written as "261,96 €"; expected the form 1234.5'),
        (["0%", "20%", "12.5%"], 'numbers written as "0%"; expected the form 1234.5'),
        (["31.12.2026", "01.02.2026 13:30", "3.4.26"], 'dates written as "31.12.2026"; expected the form 2026-01-31'),
        (["12/31/2026", "1/2/2026", "2/2/2026"], 'dates written as "12/31/2026"; expected the form 2026-01-31'),
        (["2026/01/31 12:00", "2026/02/28 13:00", "2026/03/01 14:00"], 'dates written as "2026/01/31 12:00"; exp'),
        (
            ["Jan 1 2000", "Feb 1 2000", "December 31, 2000"],
            'dates written as "Jan 1 2000"; expected the form 2026-01-31',
        ),
        (["31 May 2000", "1-Jun-99", "3. Feb 2001"], 'dates written as "31 May 2000"; expected the form 2026-01-31'),
        (["01234", "99123", "20095"], ""),  # postcodes
        (["1.2.3", "1.2.4", "10.0.1"], ""),  # versions
        (["192.168.0.1", "10.0.0.1", "10.0.0.2"], ""),
        (["1st", "2nd", "3rd"], ""),
        (["10%", "20%"], ""),  # two are names of classes
        (["red", "green", "1,5"], ""),
        ([], ""),
    ],
)
def test_numbers_and_dates_in_another_form_are_known(texts: list[str], found: str) -> None:
    told = written_otherwise(dict.fromkeys(texts, 2))
    assert told.startswith(found)
    assert bool(told) == bool(found)


def test_nine_in_ten_rows_decide() -> None:
    assert written_otherwise({"10%": 5, "20%": 4, "none": 1}) == 'numbers written as "10%"; expected the form 1234.5'
    assert written_otherwise({"10%": 5, "20%": 3, "none": 2}) == ""
