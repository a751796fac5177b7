"""dlrun.cli.ranks.ends: of many ends with one cause, the user reads the cause."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dlrun.cli.ranks.ends import cause
from dlrun.cli.ranks.launched import ProcessError
from dlrun.cli.ranks.process import RankProcess
from dlrun.cli.ranks.worker import described
from dlrun.errors import ConfigError, DataError, DivergedError, Interrupted, PeerLostError, StorageError


@dataclass
class Ended(RankProcess):
    """A process that has ended, without one."""

    rank: int
    status: int | None
    report: dict[str, Any] = field(default_factory=dict)
    was_ended: bool = False
    printed_last: str = ""

    @property
    def pid(self) -> int:
        return 4711 + self.rank

    def output(self) -> str:
        return self.printed_last


def told(rank: int, error: Exception, *, at: float = 0.0) -> Ended:
    found = {**described(error), "time": at}
    return Ended(rank, found["exit_code"], {"error": found})


LOST = PeerLostError("Another process of this run ended (closed).")


def test_a_killed_process_is_the_cause_of_what_the_others_tell(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last").touch()
    error = cause([told(0, LOST), Ended(1, -signal.SIGKILL)], tmp_path)
    assert isinstance(error, PeerLostError)
    assert error.exit_code == 7
    assert str(error) == (
        "Process 2 of 2 (rank 1, pid 4712) was killed by SIGKILL, perhaps for lack of memory, so all were ended. "
        f"What was saved is intact.\n      dlrun resume {tmp_path}   goes on with it"
    )
    error = cause([told(0, RuntimeError("gloo"), at=1.0), Ended(1, -signal.SIGKILL)], None)
    assert str(error).startswith("Process 2 of 2 (rank 1, pid 4712) was killed by SIGKILL")


def test_a_crash_is_told_with_what_it_printed_last() -> None:
    ends = [told(0, LOST), Ended(1, -signal.SIGSEGV, printed_last="Fatal Python error: Segmentation fault\n\n  line 4")]
    assert str(cause(ends, None)) == (
        "Process 2 of 2 (rank 1, pid 4712) was killed by signal 11 (SIGSEGV), so all were ended. "
        "It printed last: Fatal Python error: Segmentation fault /   line 4"
    )
    assert str(cause([Ended(0, 130), told(1, LOST)], None)) == (
        "Process 1 of 2 (rank 0, pid 4711) ended with exit code 130, so all were ended."
    )


def test_a_run_that_had_saved_nothing_does_not_go_on(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").touch()
    assert str(cause([Ended(0, 3, printed_last="line 4"), told(1, LOST)], tmp_path)) == (
        "Process 1 of 2 (rank 0, pid 4711) ended with exit code 3, so all were ended. It printed last: line 4\n"
        f"      Nothing was saved.\n      dlrun resume {tmp_path}   repeats it"
    )


def test_what_the_launcher_ended_is_no_cause() -> None:
    ends = [Ended(0, -signal.SIGKILL, was_ended=True), told(1, DataError("rows.csv: no such file"))]
    error = cause(ends, None)
    assert isinstance(error, DataError)
    assert str(error) == "rank 1 of 2: rows.csv: no such file"


def test_an_error_of_one_process_names_it_and_keeps_its_kind() -> None:
    error = cause([told(0, LOST, at=1.0), told(1, ConfigError("Out of memory"), at=2.0)], None)
    assert isinstance(error, ConfigError)
    assert str(error) == "rank 1 of 2: Out of memory"
    error = cause([told(0, DataError("missing"), at=1.0), told(1, LOST, at=2.0)], None)
    assert str(error) == "rank 0 of 2: missing"
    error = cause([told(0, LOST), told(1, KeyError("a")), told(2, LOST)], None)
    assert isinstance(error, ProcessError)
    assert str(error) == "rank 1 of 3: KeyError: 'a'"
    assert "in rank 1\n" in str(error.__cause__)


def test_an_error_of_the_disk_names_no_rank_since_only_one_writes() -> None:
    error = cause([told(0, StorageError("a/metrics.jsonl: no space"), at=1.0), told(1, LOST, at=2.0)], None)
    assert isinstance(error, StorageError)
    assert str(error) == "a/metrics.jsonl: no space"


@pytest.mark.parametrize("at", [(1.0, 2.0), (2.0, 1.0)])
def test_an_error_that_all_have_is_that_of_the_first(at: tuple[float, float]) -> None:
    ends = [told(0, DivergedError("at step 3"), at=at[0]), told(1, DivergedError("rank 0 says where"), at=at[1])]
    error = cause(ends, None)
    assert isinstance(error, DivergedError)
    assert str(error) == "at step 3"


def test_a_stop_keeps_its_signal() -> None:
    error = cause([told(0, LOST, at=2.0), told(1, Interrupted(signal.SIGTERM, "Stopped."), at=1.0)], None)
    assert isinstance(error, Interrupted)
    assert (error.exit_code, str(error)) == (143, "Stopped.")


def test_processes_that_only_lost_each_other_say_so() -> None:
    error = cause([told(0, LOST, at=1.0), told(1, LOST, at=2.0)], None)
    assert isinstance(error, PeerLostError)
    assert str(error) == "Another process of this run ended (closed)."
