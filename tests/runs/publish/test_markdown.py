"""dlrun.runs.publish.markdown: names from data stay text."""

from __future__ import annotations

import html

import pytest

from dlrun.runs.publish.markdown import fence, one_line, plain, table

HOSTILE = (
    "<script>alert(1)</script>", "[x](javascript:alert(1))", "![x](https://evil/x.png)", "**bold**", "`code`", "a|b",
    "https://evil.example", "www.evil.example", "me@evil.example", "$x$", "<!-- x", "{{x}}", "# head", "~~x~~", "_x_",
    "&lt;b&gt;", "\\`", "---", "a\n\n# head", "a\n---\nb", "\x1b[2J", "@user", ":smile:",
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_no_character_with_a_meaning_is_left(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown
    assert "\x1b" not in shown
    bare = shown.replace("&#", "")  # what entities themselves need
    assert not set(bare) & set("<>&\"'`*[](){}#+!|~$:@=\\^")
    assert "---" not in shown
    assert html.unescape(shown) == one_line(text)


def test_ordinary_names_are_easy_to_read() -> None:
    assert plain("sepal_length_cm") == "sepal_length_cm"
    assert plain("Iris versicolor, 0.5-1") == "Iris versicolor, 0.5-1"
    assert plain("_x_") == "&#95;x&#95;"
    assert plain("a.csv") == "a&#46;csv"


def test_a_long_name_is_cut() -> None:
    assert len(plain("a" * 1000)) == 200
    assert plain("a" * 1000, limit=10) == "a" * 9 + "…"


def test_a_table_has_its_rule_and_aligned_numbers() -> None:
    assert table(["a", "b"], [["1", "2"]], right=(1,)) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_nothing_ends_a_block_of_commands() -> None:
    assert fence(["dlrun x\n```\n<b>", "y ```"]) == "```bash\ndlrun x ''' <b>\ny '''\n```"
