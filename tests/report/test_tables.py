"""Tables and sentences on a narrow terminal."""

from __future__ import annotations

import io
import os
import re

import pytest

from dlrun.report.tables import print_sentences, print_table


class Terminal(io.StringIO):
    """Text that is taken for a terminal's."""

    def isatty(self) -> bool:
        return True


def narrow(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Make standard output a terminal of 30 columns."""
    found = Terminal()
    monkeypatch.setattr("sys.stdout", found)
    monkeypatch.setattr("shutil.get_terminal_size", lambda *_: os.terminal_size((30, 24)))
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("TERM", "xterm")
    return found


def lines_of(terminal: Terminal) -> list[str]:
    return [line.rstrip() for line in re.sub(r"\x1b\[\d*m", "", terminal.getvalue()).splitlines()]


def test_sentences_end_at_words_on_a_terminal_and_are_whole_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = narrow(monkeypatch)
    print_sentences(["", "cannot be told apart (paired t-test, level 5%)", "in /a/folder/that/no/line/is/long/for"])
    assert lines_of(terminal) == [
        "",
        "cannot be told apart (paired",
        "t-test, level 5%)",
        "in",
        "/a/folder/that/no/line/is/long/for",
    ]
    pipe = io.StringIO()
    print_sentences(["cannot be told apart (paired t-test, level 5%)"], stream=pipe)
    assert pipe.getvalue() == "cannot be told apart (paired t-test, level 5%)\n"


def test_a_heading_of_several_words_is_broken_before_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = narrow(monkeypatch)
    print_table(["model.hidden", "seeds to tell", "a"], [["[16]", ">1,000", "1 ± 0"]])  # 12 + 13 + 5, and 3 x 2 > 30
    assert lines_of(terminal) == [
        "              seeds",
        "model.hidden  to tell  a",
        "[16]          >1,000   1 ± 0",
    ]


def test_a_cell_is_broken_before_the_word_of_a_heading(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = narrow(monkeypatch)
    print_table(["model.hidden", "val/accuracy"], [["[16]", "1.0000 ± 0.0000"]])  # 12 + 15, and 2 x 2 > 30
    assert lines_of(terminal) == ["model.hidden  val/accuracy", "[16]          1.0000 ±", "              0.0000"]


def test_a_table_that_cannot_fit_breaks_its_widest_heading(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = narrow(monkeypatch)
    print_table(["model.hidden", "val/accuracy", "device"], [["1", "2", "3"]])  # 12 + 12 + 6, and 3 x 2 > 30
    assert all(len(line) <= 30 for line in lines_of(terminal))
    assert "".join(lines_of(terminal)).count("device") == 1
