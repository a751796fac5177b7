"""tests.cradle: what it forks begins as a new Python does, and ends as one does."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest

from tests.cradle import cradle

SHOW = """
import os, sys
print(__name__, sys.argv[1:], os.getcwd(), os.environ["MARK"], "torch" in sys.modules, os.getpgrp() == os.getpid())
print("told", file=sys.stderr)
sys.exit(3)
"""


def run(code: str, *words: str) -> tuple[int, str]:
    """Run code in a process of its own; return its exit code and what it printed."""
    with tempfile.TemporaryFile() as output:
        ended = cradle().start(code, words, output=output.fileno()).wait()
        output.seek(0)
        return ended, output.read().decode()


def test_code_gets_its_words_folder_and_variables(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARK", "here")
    code, printed = run(SHOW, "a", "b c")
    assert code == 3
    assert sorted(printed.splitlines()) == [f"__main__ ['a', 'b c'] {own_folder} here True True", "told"]


def test_each_begins_anew() -> None:
    assert run("import dlrun.errors; dlrun.errors.MARK = 1") == (0, "")
    assert run("import dlrun.errors; print(hasattr(dlrun.errors, 'MARK'))") == (0, "False\n")


def test_an_error_and_a_signal_are_told_by_the_exit_code() -> None:
    code, printed = run("raise KeyError('a column')")
    assert code == 1
    assert printed.endswith("KeyError: 'a column'\n")
    assert run("import os; os.kill(os.getpid(), 9)")[0] == -signal.SIGKILL


def test_handles_reach_the_code() -> None:
    reads, writes = os.pipe()
    with tempfile.TemporaryFile() as output:
        sends = cradle().start("import os; os.write(handles[0], b'sent')", (), output=output.fileno(), handles=[writes])
        assert sends.wait() == 0
    os.close(writes)
    assert os.read(reads, 10) == b"sent"
    assert os.read(reads, 10) == b""  # no other process keeps the other end
    os.close(reads)
