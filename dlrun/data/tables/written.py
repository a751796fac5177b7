"""Texts that are numbers or dates in another form than tables are read in: 1.234,56 €, 12%, 31.12.2026."""

from __future__ import annotations

import re
from collections.abc import Mapping

from dlrun.wording import printable

NUMBERS, DATES = "numbers written as ", "dates written as "
_LEAST_TEXTS = 3  # different ones; two are names of classes more often
_MOSTLY = 0.9
_DIGITS = r"(\d{1,3}([.,'\u2019 \u00a0\u202f]\d{3})+|\d+)([.,]\d+)?"
_SIGN = r"[-+\u2212]?"
_MONEY = r"(?:[$\u20ac\u00a3\u00a5\u20b9]|EUR|USD|CHF|GBP)"
_NUMBER = re.compile(rf"\s*{_SIGN}\s*{_MONEY}?\s*{_SIGN}{_DIGITS}\s*(?:%|{_MONEY})?\s*")
_PLAIN = re.compile(r"[-+]?\d+(\.\d+)?")
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DATE = re.compile(
    rf"\s*(?:\d{{4}}([./-])\d\d?\1\d\d?|\d\d?([./-])\d\d?\2(?:\d{{4}}|\d\d)|\d\d?[. -]+{_MONTH}[ -]+(?:\d{{4}}|\d\d)"
    rf"|{_MONTH} +\d\d?,? +\d{{4}})(?:[ T,]+\d\d?:\d\d.*)?\s*",
    re.IGNORECASE,
)
_FORMS = ((DATES, _DATE, "2026-01-31"), (NUMBERS, _NUMBER, "1234.5"))


def written_otherwise(counts: Mapping[str, int]) -> str:
    """Return what nine in ten of a column's texts are, an example, and the form that is read; "" if they are neither.

    counts: how often each text is there, of a column that is no number and no date.
    """
    for what, pattern, form in _FORMS:
        found = [text for text in counts if pattern.fullmatch(text) and not _PLAIN.fullmatch(text)]
        like = sum(count for text, count in counts.items() if pattern.fullmatch(text))
        if len(counts) >= _LEAST_TEXTS and found and like >= _MOSTLY * sum(counts.values()):
            if what == NUMBERS and sum(counts[text] for text in found) <= (1 - _MOSTLY) * like:
                continue  # codes with a leading zero, among which few have another form
            return f'{what}"{printable(found[0])}"; expected the form {form}'
    return ""
