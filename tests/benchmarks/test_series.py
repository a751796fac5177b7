"""`python -m benchmarks.series`: windows, naive forecasts and summaries by hand; a small series where pandas is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import series
from benchmarks.series_list import SERIES

SHORT = next(each for each in SERIES if each.name == "datasets/UKgas")


def result(dlrun: float | None, last: float) -> dict[str, Any]:
    return {"scores": {"dlrun": dlrun, "last": last}, "seconds": {"dlrun": 2.0, "last": 0.0}}


def test_windows_and_naive_forecasts_by_hand() -> None:
    past, future = series.windows(np.arange(10.0), first=6, window=4, horizon=3)
    assert past.tolist() == [[2, 3, 4, 5], [3, 4, 5, 6]]
    assert future.tolist() == [[6, 7, 8], [7, 8, 9]]
    assert series.naive(past, season=2, horizon=3).tolist() == [[4, 5, 4], [5, 6, 5]]
    assert series.naive(past, season=1, horizon=3).tolist() == [[5, 5, 5], [6, 6, 6]]
    assert series.rmse(future, future + 2) == 2
    assert (series.test_from(100, 4), series.test_from(20, 12)) == (80, 8)


def test_the_summary_counts_wins_and_means() -> None:
    assert series.summary(
        [result(0.5, 2.0), result(2.0, 1.0), result(None, 0.5)],
        (
            "dlrun",
            "last",
        ),
    ) == [
        "dlrun    forecast 2 of 3; better than seasonal naive on 1; its RMSE times 1.000, median 1.250; 2.0 s",
        "last     forecast 3 of 3; better than seasonal naive on 1; its RMSE times 1.000, median 1.000; 0.0 s",
    ]
    assert series.summary([result(None, 1.0)], ("dlrun",)) == ["dlrun    forecast none of 1 series"]


def test_both_halves_have_series_of_all_kinds_and_none_is_there_twice() -> None:
    assert len({(each.package, each.name, each.target) for each in SERIES}) == len(SERIES) >= 40
    for half in ("choose", "report"):
        own = [each for each in SERIES if each.half == half]
        assert len(own) >= 20
        assert {1, 4, 12} <= {each.season for each in own}


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas", reason="the extra tables_benchmark is not installed")
    values = 10 * (np.arange(80) % 4) + np.random.default_rng(0).normal(size=80)
    monkeypatch.setattr(series, "read", lambda of: pandas.DataFrame({of.target: values}))


def test_a_series_is_measured_on_the_same_rows_by_all(short: None) -> None:
    measured = series.measure(SHORT, ["model=forecast", "dataset.season=4", "device.threads=1"], series.CONTESTANTS)
    assert measured["errors"] == []
    assert measured["scores"]["last"] > 1
    assert measured["scores"]["linear"] < 1  # the mean of two seasons
    assert 0 < measured["scores"]["dlrun"] < 2


def test_a_failure_is_a_result(short: None) -> None:
    measured = series.measure(SHORT, ["model=nothing"], ("dlrun",))
    assert measured["scores"] == {"dlrun": None}
    assert "nothing" in measured["errors"][0]


def test_the_rows_in_the_interval_are_counted(short: None, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["model=forecast", "dataset.season=4", "trainer.epochs=1", "device.threads=1"]
    series.main(["--series", "UKgas", "--intervals", *words])
    *_, last = capsys.readouterr().out.splitlines()
    assert last in [f"{count} of 4 in the 90 % interval ({count / 4:.0%})" for count in (2, 3, 4)]


def test_the_command_prints_series_and_writes_every_number(
    short: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    series.main(["--series", "AirPassengers", "--contestants", "last,linear", "--json", str(tmp_path / "all.json")])
    assert "AirPassengers" in capsys.readouterr().out
    assert [each["season"] for each in json.loads((tmp_path / "all.json").read_text())] == [12]
