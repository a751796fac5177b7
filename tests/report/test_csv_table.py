"""CSV: RFC 4180, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io

from dlrun.report.csv_table import to_csv


def test_lines_end_with_cr_lf_and_texts_are_quoted_where_they_must_be() -> None:
    text = to_csv(["run", "a,b"], [["x", 'say "no"'], ["two\nlines", None], ["y", -0.5]])
    assert text == 'run,"a,b"\r\nx,"say ""no"""\r\n"two\nlines",\r\ny,-0.5\r\n'
    assert list(csv.reader(io.StringIO(text)))[1] == ["x", 'say "no"']


def test_texts_that_are_formulas_get_an_apostrophe_and_numbers_do_not() -> None:
    cells = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "a=b", -1, 1e-3]
    assert to_csv(["=h"], [[cell] for cell in cells]).splitlines() == [
        "'=h", "'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", "a=b", "-1", "0.001",
    ]  # fmt: skip


def test_control_characters_are_escaped() -> None:
    assert to_csv(["a"], [["\x1b[2J\rx"]]) == "a\r\n\\x1b[2J\\rx\r\n"
