"""dlrun.report.sweeps.board: the order of points, how many are done, the rate and the time left."""

from __future__ import annotations

import time
from typing import Any

import pytest

from dlrun.report.sweeps.board import Board
from dlrun.runs.sweeps.jobs import Ended, Measured, Started, Submitted
from dlrun.runs.sweeps.rows import SweepRow
from tests.report.replayed_sweep import events_of


def best(value: float, metric: str = "val/accuracy", epoch: int = 1) -> dict[str, Any]:
    return {"metric": metric, "value": value, "epoch": epoch, "step": 10 * epoch}


def ended(point: int, status: str = "completed", value: float | None = None, **more: Any) -> Ended:
    found = None if value is None else best(value)
    return Ended(SweepRow(point, [f"seed={point}"], status, best=found, seconds=2.0, **more))


class Clock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def begin(board: Board, *points: int) -> None:
    for point in points:
        board.take(Submitted(point, [f"seed={point}"]))
        board.take(Started(point))


def order(board: Board) -> list[int]:
    return [rank[2] for rank in board.ranking]


def test_points_are_in_order_of_their_best_value_also_while_they_run() -> None:
    board = Board(4)
    begin(board, 0, 1, 2)
    board.take(ended(0, value=0.8))
    board.take(Measured(1, 1, 10, 0.5, {"val/accuracy": 0.7}, 40, best(0.7)))
    assert order(board) == [0, 1]
    state = board.take(Measured(1, 2, 20, 1.0, {"val/accuracy": 0.9}, 40, best(0.9, epoch=2)))
    assert order(board) == [1, 0]
    assert (state.newest, state.best, state.share, state.status) == (0.9, 0.9, 0.5, "running")
    board.take(Measured(1, 3, 30, 1.5, {"val/accuracy": 0.6}, 40, best(0.9, epoch=2)))
    assert (state.newest, state.best, state.epoch) == (0.6, 0.9, 3)
    assert board.best is state
    assert (board.num_ended, board.num_waiting, sorted(board.running)) == (1, 1, [1, 2])


def test_a_low_loss_is_better_and_other_metrics_come_after() -> None:
    board = Board(4)
    for point, (value, metric) in enumerate(
        [(0.5, "val/loss"), (0.2, "val/loss"), (0.9, "val/accuracy"), (1, "val/own")]
    ):
        board.take(Ended(SweepRow(point, [], "completed", best=best(value, metric))))
    assert order(board) == [1, 0, 2]
    assert board.others == [3]  # nobody knows whether a high val/own is good


def test_a_value_that_is_not_a_number_has_no_place() -> None:
    board = Board(1)
    begin(board, 0)
    board.take(Measured(0, 1, 10, 0.5, {}, 40, best(0.5)))
    board.take(ended(0, value=float("nan")))
    assert order(board) == []
    assert board.others == [0]


def test_a_stopped_point_keeps_what_it_reached() -> None:
    board = Board(2)
    begin(board, 0)
    board.take(Measured(0, 1, 10, 0.5, {"val/accuracy": 0.3}, 40, best(0.3)))
    state = board.take(ended(0, "pruned", error="hopeless"))
    assert (state.status, state.best, state.error, board.counts["pruned"]) == ("pruned", 0.3, "hopeless", 1)
    board.take(ended(1, reused="/elsewhere/3", value=0.4))
    assert board.counts["reused"] == 1


def test_the_time_left_is_unknown_before_the_first_point_ended_and_then_counts_what_runs() -> None:
    clock = Clock()
    board = Board(6, clock)
    begin(board, 0, 1)
    clock.now_s += 8
    assert (board.seconds_left(), board.points_per_minute()) == (None, None)
    board.take(ended(0))
    board.take(Submitted(2, ["seed=2"]))
    # 3 wait and 2 run, two at once: of 8 s each, point 1 has nothing left, point 2 all: (3 * 8 + 0 + 8) / 2.
    assert board.seconds_left() == 16.0
    assert board.points_per_minute() == 60 / 8
    board.take(Measured(1, 3, 30, 8.0, {}, 40, best(0.5)))  # it is slower: 3 of 4 epochs, so 2 s are left
    assert board.seconds_left() == (24 + 2 + 8) / 2
    board.take(ended(1))
    for point in (3, 4, 5):
        begin(board, point)
        board.take(ended(point))
    clock.now_s += 3
    assert board.seconds_left() == pytest.approx(16 / 5 - 3)  # 16 s for five points, and point 2 began 3 s ago


def test_points_that_were_done_before_do_not_count_as_speed() -> None:
    clock = Clock()
    board = Board(None, clock)
    for point in range(3):
        board.take(ended(point, value=0.1 * point))
    assert (board.num_ended, board.points_per_minute(), board.num_waiting) == (3, None, None)
    begin(board, 3)
    clock.now_s += 30
    board.take(ended(3))
    assert board.points_per_minute() == 2.0
    assert board.seconds_left() is None  # nobody knows how many there will be


def test_a_point_that_begins_again_or_has_a_newer_row_counts_once() -> None:
    board = Board(2)
    board.take(ended(0, "interrupted"))
    begin(board, 0)
    assert (board.num_ended, board.others) == (0, [])
    board.take(ended(0, "failed", error="no"))
    board.take(ended(0, value=0.5))
    assert (dict(+board.counts), order(board), board.others) == ({"completed": 1}, [0], [])


def test_an_event_of_a_thousand_points_takes_less_than_a_millisecond() -> None:
    board, events = Board(1000), list(events_of(1000))
    started = time.process_time()
    for event in events:
        board.take(event)
    assert (time.process_time() - started) / len(events) < 1e-3
    assert board.num_ended == 1000
    assert board.ranking == sorted(board.ranking)
