"""Which way texts are read. Hebrew letters stand for every script that is read from right to left."""

from __future__ import annotations

import pytest

from dlrun.report.plots.direction import is_text_from_right, parts_by_direction, visual_order


def test_the_first_letter_decides_how_a_text_is_read() -> None:
    assert not is_text_from_right(["good", "טוב"])
    assert is_text_from_right(["(7)", "טוב", "good"])  # a number is no letter
    assert not is_text_from_right(["7", "..."])


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ("one two three", "one two three"),
        ("א ב ג", "ג ב א"),
        ("א New York ב", "ב New York א"),  # words of one direction follow each other
        ("א , ב", "ב , א"),
        ("one א ב two", "one ב א two"),
        ("one א , two", "one א , two"),  # between two directions: as the text
        ("א 7 8 ב", "ב 7 8 א"),
        ("א ...", "... א"),
    ],
)
def test_words_stand_as_they_are_read(words: str, seen: str) -> None:
    listed = words.split()
    order = visual_order(listed, from_right=is_text_from_right(listed))
    assert " ".join(listed[place] for place in order) == seen


def test_parts_of_one_direction() -> None:
    assert parts_by_direction("val/אב גד (7)") == ["val/", "אב גד", " (7)"]
    assert parts_by_direction("") == []
