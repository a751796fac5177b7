"""dlrun.cli.ranks.records: a run's folder says why its processes ended."""

from __future__ import annotations

import json
from pathlib import Path

from dlrun.cli.ranks.records import record
from dlrun.errors import ConfigError, PeerLostError
from tests.cli.ranks.test_ends import LOST, Ended, told

ERROR = PeerLostError("Process 2 of 2 was killed.")


def write(folder: Path, status: str, error: str) -> None:
    (folder / "result.json").write_text(json.dumps({"status": status, "error": error, "steps": 3}))


def test_the_cause_replaces_what_the_first_process_knew(tmp_path: Path) -> None:
    write(tmp_path, "failed", str(LOST))
    record(ERROR, [told(0, LOST), Ended(1, -9)], tmp_path)
    expected = {"status": "failed", "error": "Process 2 of 2 was killed.", "steps": 3}
    assert json.loads((tmp_path / "result.json").read_text()) == expected
    assert (tmp_path / "dlrun.log").read_text() == "error: Process 2 of 2 was killed.\n"


def test_its_own_error_stays(tmp_path: Path) -> None:
    write(tmp_path, "failed", "Out of memory")
    record(ConfigError("rank 0 of 2: Out of memory"), [told(0, ConfigError("Out of memory")), Ended(1, 1)], tmp_path)
    assert json.loads((tmp_path / "result.json").read_text())["error"] == "Out of memory"
    write(tmp_path, "completed", "")  # of a run that ended before another process was lost
    record(ERROR, [told(0, LOST), Ended(1, -9)], tmp_path)
    assert json.loads((tmp_path / "result.json").read_text())["error"] == ""


def test_what_other_processes_printed_is_kept_even_without_a_result(tmp_path: Path) -> None:
    record(ERROR, [told(0, LOST), Ended(1, -9, printed_last="line 4")], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["rank-1.log"]
    assert (tmp_path / "rank-1.log").read_text() == "line 4\n"
    record(ERROR, [told(0, LOST)], tmp_path / "none")
    assert not (tmp_path / "none").exists()
