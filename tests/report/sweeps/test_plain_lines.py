"""dlrun.report.sweeps.plain_lines: a line for each point that ended, and some for those that take long."""

from __future__ import annotations

from dlrun.report.sweeps.board import Board
from dlrun.report.sweeps.plain_lines import SweepLines
from dlrun.runs.sweeps.jobs import Ended, Event, Measured, Started, Submitted
from dlrun.runs.sweeps.rows import SweepRow
from tests.report.sweeps.test_board import Clock, best


def lines_of(*events: Event | float, num_points: int | None = 40) -> list[str]:
    """The lines for events; a number lets so many seconds pass."""
    clock = Clock()
    written: list[str] = []
    with SweepLines(Board(num_points, clock), written.append) as lines:
        for event in events:
            if isinstance(event, float):
                clock.now_s += event
            else:
                lines(event)
    return written


def submitted(point: int, *overrides: str) -> Submitted:
    return Submitted(point, overrides)


def completed(point: int, value: float, *overrides: str) -> Ended:
    return Ended(SweepRow(point, list(overrides), "completed", best=best(value), seconds=1.2))


def test_each_point_that_ended_has_a_line_and_the_best_is_marked() -> None:
    words = (["optimizer.lr=0.01", "seed=1"], ["optimizer.lr=9", "seed=1"])
    first, second = completed(0, 0.973, *words[0]), completed(1, 0.5, *words[1])
    assert lines_of(submitted(0, *words[0]), first, submitted(1, *words[1]), second) == [
        "[1/40] optimizer.lr=0.01 seed=1  val/accuracy 0.9730  1.2 s  ← best so far",
        "[2/40] optimizer.lr=9 seed=1  val/accuracy 0.5000  1.2 s",
    ]


def test_a_failure_has_the_first_line_of_its_reason() -> None:
    row = SweepRow(3, ["optimizer.lr=9"], "diverged", error="The loss is not finite.\nLower optimizer.lr.", exit_code=4)
    assert lines_of(submitted(3), Ended(row), num_points=None) == [
        "[1] optimizer.lr=9  diverged: The loss is not finite."
    ]


def test_points_done_before_are_told_in_one_line_and_reused_ones_each() -> None:
    before = [completed(point, 0.1 * point, f"seed={point}") for point in range(3)]
    reused = Ended(SweepRow(3, ["seed=3"], "completed", best=best(0.1), reused="/earlier/3"))
    assert lines_of(*before, reused, num_points=4) == [
        "3 points done before; best val/accuracy 0.2000 (seed=2)",
        "[4/4] seed=3  val/accuracy 0.1000  reused",
    ]
    assert lines_of(before[0], num_points=1) == ["1 point done before; best val/accuracy 0 (seed=0)"]


def test_points_that_take_long_have_a_line_every_thirty_seconds() -> None:
    def measured(epoch: int) -> Measured:
        return Measured(0, epoch, 10 * epoch, 1.0, {"val/accuracy": 0.5}, 40, best(0.5))

    begun = (submitted(0, "seed=0"), Started(0))
    shown = lines_of(*begun, 20.0, measured(1), 20.0, measured(2), 20.0, measured(3), 20.0, measured(4))
    assert shown == [
        "1 running: seed=0 50 % epoch 2 val/accuracy 0.5000",
        "1 running: seed=0 100 % epoch 4 val/accuracy 0.5000",
    ]


def test_points_that_are_not_evaluated_have_a_line_too() -> None:
    measured = Measured(0, 3, 30, 1.0, {}, 40, None)  # no validation rows
    assert lines_of(submitted(0, "seed=0"), 30.0, Started(0), measured) == ["1 running: seed=0 75 % epoch 3"]


def test_a_line_names_three_running_points_the_rate_and_the_time_left() -> None:
    events: list[Event | float] = [submitted(9, "seed=9"), 60.0, completed(9, 0.1, "seed=9")]
    events += [event for point in range(5) for event in (submitted(point, f"seed={point}"), Started(point))]
    events += [30.0, Measured(0, 1, 20, 1.0, {"val/accuracy": 0.5}, 40, best(0.5))]
    # One point in 90 s. 34 wait, five run: one has half of 60 s left, the others 60 - 30: (34 * 60 + 5 * 30) / 5 s.
    assert lines_of(*events)[-1] == (
        "5 running: seed=0 50 % epoch 1 val/accuracy 0.5000; seed=1; seed=2; 2 more, 0.67 points/min, 7 min 18 s left"
    )


def test_settings_cannot_control_the_terminal() -> None:
    (line,) = lines_of(submitted(0), completed(0, 0.5, "model.name=\x1b[2Jred", "x=[bold]"))
    assert line == "[1/40] model.name=\\x1b[2Jred x=[bold]  val/accuracy 0.5000  1.2 s  ← best so far"


def test_a_point_without_settings_is_named_by_its_number() -> None:
    assert lines_of(submitted(7), Ended(SweepRow(7, [], "failed", error=None)), num_points=None) == [
        "[1] point 7  failed"
    ]
