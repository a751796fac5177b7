"""benchmarks/searching.py: tpe against random search, with rows written by hand."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import searching
from benchmarks.searching import Found, found_in, report


def row(point: int, loss: float, *, status: str = "completed") -> dict[str, Any]:
    metrics = {"val/loss": loss, "test/loss": loss + 1, "test/accuracy": 1 - loss}
    return {"point": point, "status": status, "overrides": [f"optimizer.lr={point}"], "metrics": metrics}


def test_the_best_so_far_is_kept_in_the_order_of_points() -> None:
    rows = [row(2, 0.3), row(0, 0.5), row(1, 0.7), row(3, 0.1, status="diverged"), row(4, 0.4)]
    found = found_in(rows, seconds=2.0)
    assert found == Found([0.5, 0.5, 0.3, 0.3, 0.3], 0.7, 1.3, "optimizer.lr=2", 2.0)


def test_both_are_compared_in_pairs() -> None:
    def of(*losses: float) -> list[Found]:
        return [Found([2 * loss, loss], 1 - loss, loss + 1, "optimizer.lr=1", 1.0) for loss in losses]

    lines = report({"random": of(0.3, 0.4), "tpe": of(0.1, 0.3)})
    assert lines[2] == "| 0 | 0.3000 | 1.3000 | 0.7000 | 0.1000 | 1.1000 | 0.9000 |"
    assert "| 1 | 0.7000 | 0.4000 |" in lines
    assert "| 2 | 0.3500 | 0.2000 |" in lines
    # Gains of 0.2 and 0.1: t = 0.15 / (0.0707 / sqrt(2)) = 3, one degree of freedom: p = 1 - 2 atan(3) / pi = 0.205.
    assert lines[-3:] == [
        f"{metric}: tpe is better with 2 of 2 seeds, by 0.1500 on average (paired t-test: p = 0.205)."
        for metric in ("val/loss", "test/loss", "test/accuracy")
    ]


def test_a_worse_search_is_called_worse() -> None:
    lines = report({"random": [Found([0.1], 0.9, 0.1, "", 1.0)], "tpe": [Found([0.2], 0.8, 0.2, "", 1.0)]})
    assert lines[-3] == "val/loss: tpe is better with 0 of 1 seeds, by -0.1000 on average."


def test_it_searches_with_both(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("optuna")
    searching.main(["--seeds", "1", "--trials", "2", "--at-once", "1"])
    out = capsys.readouterr().out
    assert "val/loss: tpe is better with " in out
