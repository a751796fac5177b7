"""dlrun.report.sweeps.screen: a block is drawn again in its place, and what others print appears above it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

from tests.processes import read_terminal
from tests.report.emulator import Emulator

BEGIN = """
import os, subprocess, sys, time
from dlrun.report.sweeps.screen import Screen
drawn = []
def frame(width, height):
    drawn.append((width, height))
    return [f"row {number} of drawing {len(drawn)}" for number in range(3)]
print("before", file=sys.stderr)
"""
DRAWN = """
def wait(number):  # until the block was drawn so often
    deadline = time.monotonic() + 20
    while len(drawn) < number and time.monotonic() < deadline:
        screen.change()
        time.sleep(0.01)
"""


def on_a_terminal(program: str, *, width: int = 60, height: int = 12) -> tuple[str, int]:
    """What a program writes to a terminal, and its exit code."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
    with subprocess.Popen([sys.executable, "-c", program], stdout=theirs, stderr=theirs, stdin=theirs) as process:
        os.close(theirs)
        try:
            written = read_terminal(ours, patience_s=60)
        except AssertionError:
            process.kill()
            raise
    return written.decode(), process.returncode


def test_what_others_print_is_above_the_block_once_and_the_block_is_gone_at_the_end() -> None:
    written, code = on_a_terminal(
        f"""{BEGIN}{DRAWN}
with Screen(frame, refresh_hz=50) as screen:
    wait(2)
    print("notice: a", file=sys.stderr)
    os.write(2, b"from a handler\\n")
    subprocess.run([sys.executable, "-c", "import os; os.write(2, b'from a worker\\\\n')"])
    print("notice: a", file=sys.stderr)
    print("half a li", end="", file=sys.stderr)
    wait(5)
    print("ne\\nred \\x1b[31m", file=sys.stderr)
    wait(8)
    print("a last word", end="", file=sys.stderr)
print("after", file=sys.stderr)
"""
    )
    assert code == 0, written
    lines = Emulator(12).feed(written).shown()
    said = ["notice: a", "from a handler", "from a worker", "half a line", "red \\x1b[31m", "a last word"]
    assert lines == ["before", *said, "after"]


def test_the_block_stays_where_an_error_ends_it() -> None:
    written, code = on_a_terminal(
        f"""{BEGIN}{DRAWN}
with Screen(frame, refresh_hz=50) as screen:
    wait(30)
    drawn[:] = []
    raise SystemExit("stopped")
"""
    )
    assert code == 1
    lines = Emulator(12).feed(written).shown()
    assert lines[0] == "before"
    assert [line[:5] for line in lines[1:4]] == ["row 0", "row 1", "row 2"]
    assert lines[4:] == ["stopped"]


def test_it_is_drawn_at_most_so_often_and_knows_the_size_of_the_terminal() -> None:
    written, code = on_a_terminal(
        f"""{BEGIN}
with Screen(frame) as screen:
    end = time.monotonic() + 1.1
    while time.monotonic() < end:
        screen.change()
        time.sleep(0.001)
print(len(drawn), drawn[0])
""",
        width=70,
        height=20,
    )
    assert code == 0, written
    count, size = Emulator(20).feed(written).shown()[-1].split(" ", 1)
    assert 3 <= int(count) <= 5
    assert size == "(69, 19)"


def test_a_block_as_high_as_the_terminal_leaves_nothing_behind(tmp_path: Path) -> None:
    written, code = on_a_terminal(
        f"""{BEGIN.replace("range(3)", "range(height)")}{DRAWN}
with Screen(frame, refresh_hz=50) as screen:
    wait(5)
    print("notice: a", file=sys.stderr)
    wait(10)
""",
        height=6,
    )
    assert code == 0, written
    assert Emulator(6).feed(written).shown() == ["before", "notice: a"]


def test_a_defect_in_what_is_drawn_is_told_and_standard_error_works_meanwhile() -> None:
    written, code = on_a_terminal(
        f"""{BEGIN}
def broken(width, height):
    drawn.append(1)
    raise ZeroDivisionError("a bug")
with Screen(broken, refresh_hz=50) as screen:
    while not drawn:
        time.sleep(0.01)
    time.sleep(0.2)
    print("x" * 100_000, file=sys.stderr)
print("not reached")
"""
    )
    assert code == 1
    assert "x" * 100_000 in written
    assert "ZeroDivisionError: a bug" in written
    assert "not reached" not in written
