"""dlrun.report.sweeps.live_table: what is shown of a sweep on a terminal of any size."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from dlrun.report.sweeps.board import Board
from dlrun.report.sweeps.live_table import rows_shown, table_lines
from dlrun.runs.sweeps.jobs import Ended, Measured, Submitted
from dlrun.runs.sweeps.rows import SweepRow
from tests.report.replayed_sweep import events_of, overrides_of
from tests.report.sweeps.test_board import Clock, begin, best, ended


def halfway(num_points: int = 1000) -> Board:
    """The board of a large sweep when half of its events are over."""
    board, events = Board(num_points), list(events_of(num_points))
    for event in events[: len(events) // 2]:
        board.take(event)
    return board


def shown(board: Board, width: int, height: int, **more: object) -> list[str]:
    return [line.plain for line in table_lines(board, width, height, **more)]  # type: ignore[arg-type]


@pytest.mark.parametrize(("width", "height"), [(79, 23), (199, 49), (40, 10), (20, 5), (10, 2), (1, 1)])
def test_a_thousand_points_fit_any_terminal(width: int, height: int) -> None:
    lines = shown(halfway(), width, height, plans=overrides_of(1000))
    assert 0 < len(lines) <= height
    if width >= 20:
        assert max(map(cell_len, lines)) <= width


def test_the_best_come_first_then_those_that_run_then_counts() -> None:
    board = halfway()
    lines = shown(board, 79, 23)
    assert len(lines) == 23
    assert lines[0].split() == ["point", "lr", "hidden", "seed", "val/accuracy", "newest", "time", "status"]
    values = [float(line.split()[4]) for line in lines[1:16]]
    assert values == sorted(values, reverse=True)
    assert values[0] == max(state.best or 0 for state in board.points.values())
    assert [line.split()[-3:-1] != [] and "running" in line for line in lines[16:20]] == [True] * 4
    rest = lines[20]
    waiting, running = board.num_waiting, len(board.running)
    assert rest.startswith(f"... {waiting} waiting, ")
    assert f" {board.counts['pruned']} pruned, " in rest
    assert lines[21].startswith(f"{board.num_ended} of 1,000 done (")
    assert f"{running} running" in lines[21]
    assert lines[22].startswith("point ")
    assert "diverged: The loss is no" in lines[22]


def test_a_small_sweep_shows_every_point() -> None:
    clock = Clock()
    board = Board(5, clock)
    begin(board, 0, 1, 2)
    clock.now_s += 4
    board.take(ended(0, value=0.5))
    board.take(ended(1, "failed", error="No such file."))
    board.take(Measured(2, 3, 30, 4.0, {"val/accuracy": 0.6}, 40, best(0.75, epoch=2)))
    board.take(Submitted(3, ["seed=3"]))
    assert shown(board, 100, 30, plans=[[f"seed={number}"] for number in range(5)]) == [
        "point  seed  val/accuracy  newest  epoch  steps   time  status",
        "    2  2           0.7500  0.6000      3  30/40  4.0 s  running 75 %",
        "    0  0           0.5000              1         2.0 s  completed",
        "    3  3                                                queued",
        "    1  1                                         2.0 s  failed",
        "    4  4                                                waiting",
        "2 of 5 done (1 failed) · 2 running · 4.0 s left · 30 points/min",  # of 4 s each, and point 3 has just begun
        "point 1 (seed=1) failed: No such file.",
    ]


def test_running_points_have_their_rows_even_if_many_are_better() -> None:
    board = halfway()
    running = sorted(board.running)
    assert [state.number for state in rows_shown(board, 12)][-4:] == running
    assert len(rows_shown(board, 12)) == 12
    assert len({state.number for state in rows_shown(board, 12)}) == 12
    assert [state.number for state in rows_shown(board, 1)] == running[:1]


def test_long_settings_are_cut_and_many_share_a_column() -> None:
    board = Board(None)
    words = ["model.hidden=[" + "256," * 30 + "1]", "dataset.path=/a/very/long/path/to/a/file.csv", "seed=1"]
    board.take(Ended(SweepRow(0, words, "completed", best=best(0.5), seconds=2.0)))
    heading, row, *_ = shown(board, 60, 10)
    assert heading.split() == ["point", "hidden", "path", "seed", "val/accuracy", "status"]
    assert "…" in row
    assert cell_len(row) <= 60
    board = Board(None)
    board.take(Ended(SweepRow(0, [f"a.b{number}=1" for number in range(9)], "completed")))
    assert shown(board, 79, 10)[0].split() == [
        "point",
        "settings",
        "metric",
        "newest",
        "epoch",
        "steps",
        "time",
        "status",
    ]


def test_a_key_is_shortened_only_if_no_other_ends_like_it() -> None:
    board = Board(None)
    board.take(Ended(SweepRow(0, ["optimizer.lr=1", "model.lr=2", "model.width=3"], "completed")))
    assert shown(board, 120, 10)[0].split()[:4] == ["point", "optimizer.lr", "model.lr", "width"]


def test_names_cannot_control_the_terminal() -> None:
    board = Board(1)
    row = SweepRow(0, ["model.name=\x1b[2J[red]", "\x1b[1mkey=1"], "failed", error="\x1b[31m[bold]no[/bold]\nmore")
    board.take(Ended(row))
    text = "\n".join(shown(board, 100, 10))
    assert "\x1b" not in text
    assert "\\x1b[2J[red]" in text
    assert "[bold]no[/bold]" in text
    assert "more" not in text


def test_wide_characters_take_two_cells() -> None:
    board = Board(None)
    for number, name in enumerate(("猫" * 20, "cat")):
        board.take(Ended(SweepRow(number, [f"dataset.target={name}"], "completed", best=best(0.5 - number / 10))))
    _, wide, narrow, *_ = shown(board, 100, 10)
    assert cell_len(wide) == cell_len(narrow)


def test_a_wide_terminal_has_a_bar() -> None:
    board = Board(4)
    board.take(ended(0, value=0.5))
    assert shown(board, 120, 10)[-1] == "━━━━━───────────────  1 of 4 done · 0 running"
