"""Texts of users and data in a page."""

from __future__ import annotations

import pytest

from dlrun.report.pages.text import escape


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("</script>", "&lt;/script&gt;"),
        ("a\"b'c&d", "a&quot;b&#x27;c&amp;d"),
        ("\x1b[31m\x00\u202e", "\\x1b[31m\\x00\\u202e"),
        ("\ud800", "\\ud800"),  # half a character cannot be encoded
        ("日本 ü\n\t", "日本 ü\n\t"),
        (0.5, "0.5"),
    ],
)
def test_nothing_in_a_text_is_markup_and_controls_are_shown(text: object, shown: str) -> None:
    assert escape(text) == shown
    assert escape(text).encode()
