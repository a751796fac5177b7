"""dlrun.report.sweeps.progress: a live table on a terminal, lines in a pipe or CI, nothing with --quiet."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.report.sweeps.progress import make_watch
from dlrun.runs.sweeps.jobs import Ended, Submitted
from dlrun.runs.sweeps.rows import SweepRow
from tests.conftest import SHORT
from tests.report.emulator import Emulator
from tests.report.test_console import on_a_terminal

Dlrun = Callable[..., tuple[int, str, str]]


def test_a_pipe_gets_a_line_for_each_point(capsys: pytest.CaptureFixture[str]) -> None:
    with make_watch([], quiet=False, num_points=2) as watch:
        watch(Submitted(0, ["seed=0"]))
        watch(Ended(SweepRow(0, ["seed=0"], "completed", seconds=1.0)))
    assert capsys.readouterr() == ("", "[1/2] seed=0  1.0 s\n")


def test_quiet_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with make_watch([], quiet=True, num_points=2) as watch:
        watch(Ended(SweepRow(0, ["seed=0"], "failed", error="no")))
    assert capsys.readouterr() == ("", "")


def test_a_sweep_in_a_pipe(dlrun: Dlrun, own_folder: Path) -> None:
    code, out, err = dlrun("-m", *SHORT, "seed=0,1", "--json")
    assert code == 0, err
    assert out.startswith("[\n")
    # two points run at once: either may end first, and a running one may be the best so far
    line = r"^\[([12])/2\] seed=([01])  val/accuracy ([\d.]+)  [\d.]+ s(  ← best so far)?$"
    lines = re.findall(line, err, re.MULTILINE)
    assert [number for number, _, _, _ in lines] == ["1", "2"], err
    assert {seed for _, seed, _, _ in lines} == {"0", "1"}
    best = max(lines, key=lambda found: float(found[2]))
    assert best[3], err
    assert "epoch" not in err  # the points show nothing themselves


def test_a_sweep_on_a_terminal(own_folder: Path) -> None:
    shown = on_a_terminal("-m", *SHORT, "optimizer.lr=0.1,0.2")
    assert re.search(r"[012] of 2 done · [01] running", shown)
    left = Emulator(24).feed(shown).shown()  # the live table is gone, the final one follows
    assert left[0].startswith("point  optimizer.lr  val/accuracy")
    assert [line.split()[-1] for line in left[1:3]] == ["completed", "completed"], left
    assert " ".join(left).endswith(": sweep.jsonl and one folder per point")  # lines end at words


def test_ci_gets_lines_even_on_a_terminal(own_folder: Path) -> None:
    shown = on_a_terminal("-m", *SHORT, "seed=0,1", CI="1")
    assert re.search(r"\[2/2\] seed=[01]  val/accuracy", shown)  # two points run at once: either may be the last
    assert "\x1b[K" not in shown
