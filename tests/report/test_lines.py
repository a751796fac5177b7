"""dlrun.report.lines: the last line of a run."""

from __future__ import annotations

from dlrun.report.lines import summary_line


def test_the_summary_counts_one_step_as_one() -> None:
    result = {"steps": 1, "seconds": {"total": 0.6, "train": 0.1}, "samples_per_second": 627.0, "best": None}
    assert summary_line(result) == "1 step in 0.6 s (0.1 s training, 627 rows per second)"
    best = {"metric": "val/accuracy", "value": 0.93, "epoch": 2}
    later = {**result, "steps": 1500, "samples_per_second": None, "best": best}
    assert summary_line(later) == "1,500 steps in 0.6 s; best val/accuracy 0.9300 at epoch 2"
