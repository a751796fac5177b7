"""dlrun.runs.sweeps.engines.local.endings: how processes ended, in words."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from dlrun.runs.sweeps.engines.local.endings import how_it_ended, row_of_death, row_of_waiting
from dlrun.runs.sweeps.engines.local.processes import Nursery, Worker
from tests.runs.sweeps.engines.local.actors import job

UNUSED: Any = None


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (-9, "was killed by signal 9 (SIGKILL), perhaps because memory ran out"),
        (-11, "was killed by signal 11 (SIGSEGV)"),
        (-40, "was killed by signal 40"),
        (3, "ended with exit code 3"),
        (None, "ended, and nothing is left that knows how: the process it was forked from ended too"),
    ],
)
def test_how_a_process_ended(status: int | None, words: str) -> None:
    assert how_it_ended(status) == words


def test_a_row_says_what_was_printed_last_and_how_to_go_on(tmp_path: Path) -> None:
    (point,) = job(tmp_path, 4, "dies").points
    worker = Worker(1, UNUSED, Nursery(0, UNUSED), io.BytesIO(), status=-6)
    printed = "notice: a notice\n" + "".join(f"line {number}\x1b\n" for number in range(9))
    row = row_of_death(point, worker, printed)
    last = " / ".join(f"line {number}\\x1b" for number in range(3, 9))
    assert row.error == f"Its process was killed by signal 6 (SIGABRT). It printed last: {last}"
    assert (row.point, row.overrides, row.status, row.exit_code) == (4, [], "failed", 1)
    (point.folder / "checkpoints").mkdir(parents=True)
    (point.folder / "checkpoints" / "last").touch()
    expected = "Its process was killed by signal 6 (SIGABRT). dlrun resume continues the run from its last checkpoint."
    assert row_of_death(point, worker, "").error == expected


def test_a_point_that_never_began_has_the_reason_in_its_row(tmp_path: Path) -> None:
    row = row_of_waiting(job(tmp_path, 2, "waits").points[0], "the time is up")
    assert (row.status, row.error, row.exit_code) == ("interrupted", "the time is up", 0)
