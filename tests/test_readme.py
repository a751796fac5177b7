"""README: its first screen, its length, and the part that the command line's records generate.

That its commands work and print what it shows is tested with those of the other pages (tests/docs/test_commands.py).
"""

from __future__ import annotations

from tests.docs.pages import README, blocks

LINES = README.read_text(encoding="utf-8").splitlines()


def test_it_opens_with_the_two_commands_that_set_everything_up() -> None:
    first = blocks(README)[0]
    assert first.line < 12
    commands = [line.partition("  ")[0] for line in first.lines]
    assert commands == ["pip install -e . && dlrun", 'pip install -e ".[test]" && pytest']


def test_the_first_screen_shows_a_run_and_says_who_should_take_something_else() -> None:
    screen = "\n".join(LINES[:40])
    assert "$ dlrun recipe=mlp_digits" in screen
    assert "**Use something else if**" in screen
    assert "Windows" in screen


def test_it_is_short() -> None:
    assert len(LINES) < 150


def test_the_table_of_commands_stands_between_its_markers() -> None:
    assert LINES.index("<!-- commands -->") < LINES.index("<!-- /commands -->")


def test_every_exit_code_has_its_meaning() -> None:
    text = "\n".join(LINES)
    for code in ("0 done", "2 the command", "3 the data", "4 the training", "5 a checkpoint", "6 ", "130", "143"):
        assert code in text
