"""dlrun.runs.sweeps.rows: lines of sweep.jsonl, and the order of points."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlrun.errors import ConfigError, Interrupted, StorageError
from dlrun.runs.sweeps.rows import SweepRow, append_row, best_first, read_rows, row_of_error


def test_rows_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"sweep.jsonl: could not be written \(No such file or directory\)"):
        append_row(tmp_path / "gone" / "sweep.jsonl", SweepRow(0, [], "completed"))
    assert read_rows(tmp_path / "gone" / "sweep.jsonl") == []


def test_the_best_point_is_first_and_failures_are_last() -> None:
    def row(point: int, status: str, metric: str | None = None, value: float = 0.0) -> SweepRow:
        best = None if metric is None else {"metric": metric, "value": value, "epoch": 1, "step": 1}
        return SweepRow(point, [], status, best=best)

    rows = [row(0, "failed"), row(1, "completed"), row(2, "completed", "val/accuracy", 0.5)]
    rows += [row(3, "completed", "val/accuracy", float("nan")), row(4, "completed", "val/accuracy", 0.75)]
    assert [each.point for each in best_first(rows)] == [4, 2, 1, 3, 0]
    losses = [row(0, "completed", "val/loss", 0.5), row(1, "completed", "val/loss", 0.25)]
    assert [each.point for each in best_first(losses)] == [1, 0]


def test_a_row_is_one_line_of_json(tmp_path: Path) -> None:
    append_row(tmp_path / "sweep.jsonl", SweepRow(7, ["seed=1"], "failed", error="no", exit_code=3))
    (line,) = (tmp_path / "sweep.jsonl").read_text().splitlines()
    assert json.loads(line) == {
        "point": 7, "overrides": ["seed=1"], "status": "failed", "metrics": {}, "best": None, "seconds": 0.0,
        "run_dir": "", "error": "no", "exit_code": 3, "device": "", "reused": None, "parameters": None,
    }  # fmt: skip


def test_a_point_that_was_stopped_has_the_time_of_its_result(tmp_path: Path) -> None:
    result = {"status": "interrupted", "error": "Stopped at step 8.", "seconds": {"total": 2.5}}
    (tmp_path / "result.json").write_text(json.dumps(result))
    row = row_of_error(3, ["seed=1"], Interrupted(2, "Stopped at step 8."), tmp_path)
    assert (row.status, row.seconds, row.exit_code, row.error) == ("interrupted", 2.5, 130, "Stopped at step 8.")
    other = row_of_error(3, ["seed=1"], ConfigError("There is no such file."), tmp_path)  # of an earlier attempt
    assert (other.status, other.seconds, other.exit_code) == ("failed", 0.0, 2)
