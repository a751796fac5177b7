"""`dlrun.data.files.bad_rows`: the first bad row stops, or all are skipped, counted and listed."""

from __future__ import annotations

import pytest

from dlrun.data.files.bad_rows import BadRows, cure_of_duplicates
from dlrun.errors import DataError


def test_the_first_bad_row_stops_with_what_to_do() -> None:
    bad = BadRows(skip=False, where="x.csv: ")
    with pytest.raises(DataError) as caught:
        bad.add("line 3: the text is empty.")
    assert str(caught.value) == (
        "x.csv: line 3: the text is empty. Fix the row, or skip bad rows with dataset.on_bad_row=skip."
    )
    assert bad.notices() == []


def test_skipped_rows_are_counted_and_the_first_listed() -> None:
    bad = BadRows(skip=True, where="x.csv: ")
    assert bad.notices() == []
    bad.add("line 2: a")
    assert bad.notices() == ["x.csv: 1 bad row skipped (dataset.on_bad_row=skip):\n  line 2: a"]
    for line in range(3, 1204):
        bad.add(f"line {line}: a")
    assert bad.count == 1202
    assert bad.listed == [f"line {line}: a" for line in range(2, 22)]
    (notice,) = bad.notices()
    assert notice.startswith("x.csv: 1,202 bad rows skipped (dataset.on_bad_row=skip):\n  line 2: a\n  line 3: a\n")
    assert notice.endswith("line 21: a\n  and 1,182 more")


def test_all_are_listed_where_no_limit_is_set() -> None:
    bad = BadRows(skip=True, max_listed=None)
    for number in range(30):
        bad.add(f"{number}.png: is empty, 0 bytes.")
    assert len(bad.listed) == bad.count == 30
    assert bad.notices()[0].endswith("19.png: is empty, 0 bytes.\n  and 10 more")


@pytest.mark.parametrize(
    ("names", "cure"),
    [
        (["1", "1"], "all names are numbers: if the file has no heading, put a line of names first."),
        (["a", "a"], "rename one of them."),
        (
            ["yes", "76", "yes"],
            'rename one of them. In the first line, "76" is a number: if the file has no heading, put a line of names '
            "first.",
        ),
    ],
)
def test_a_name_that_is_there_twice_may_be_a_cell(names: list[str], cure: str) -> None:
    assert cure_of_duplicates(names) == cure
