"""dlrun on real time series, beside naive forecasts: `python -m benchmarks.series [--half choose|report|all]`.

Each series is split in the order of time: the latest fifth of its rows, or as many as a forecast has, is for testing.
A forecast of `horizon` rows is made from each row before and in it. dlrun gets the whole series as a CSV file and the
command a new user would type, `dlrun dataset=series dataset.path=F dataset.target=COLUMN dataset.horizon=H`, and holds
out the same rows by itself; its score is the `test/rmse` of its result. The others see all rows before the test rows:
the last value; the seasonal naive forecast, whose season is given by `series_list`; and ridge regression on windows of
two seasons (at least 8 rows) minus their last value. The score is the RMSE divided by the seasonal naive forecast's,
whose season is 1 for series that have none; missing values are interpolated.

    pip install "dlrun[tables_benchmark]"
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import tables
from benchmarks.reporting import print_result, print_summary
from benchmarks.series_list import SERIES, Series
from benchmarks.table_list import Table

if TYPE_CHECKING:
    import pandas as pd

CONTESTANTS = ("dlrun", "last", "linear")
OVERRIDES = ["model=forecast"]


def read(series: Series) -> pd.DataFrame:
    """Return the columns of numbers, in the order of time, without gaps."""
    import pandas as pd

    frame = tables.read(Table(series.package, series.name, series.target, "regression"))
    if series.name == "elnino":  # a row for each year, a column for each month
        frame = pd.DataFrame({series.target: frame.drop(columns="YEAR").to_numpy(dtype=float).ravel()})
    frame = frame.select_dtypes("number") if series.others else frame[[series.target]]
    return frame.astype(float).interpolate(limit_direction="both")


def test_from(rows: int, horizon: int) -> int:
    """Return the number of the first test row."""
    return rows - max(round(rows * 0.2), horizon)


def windows(values: np.ndarray, *, first: int, window: int, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what is known before each forecast of rows from `first` on, (N, window), and its rows, (N, horizon)."""
    starts = range(max(first, window), len(values) - horizon + 1)
    past = np.stack([values[start - window : start] for start in starts])
    return past, np.stack([values[start : start + horizon] for start in starts])


def naive(past: np.ndarray, *, season: int, horizon: int) -> np.ndarray:
    """Return the last season of each window, repeated, (N, window) -> (N, horizon)."""
    return np.stack([past[:, past.shape[1] - season + ahead % season] for ahead in range(horizon)], axis=1)


def linear(series: Series, values: np.ndarray) -> float:
    """Return the test RMSE of ridge regression on windows."""
    from sklearn.linear_model import RidgeCV

    first = test_from(len(values), series.horizon)
    window = min(max(2 * series.season, 8), first // 3)
    known = values[:first]
    past, future = windows(known, first=0, window=window, horizon=series.horizon)
    scale = known.std() or 1.0
    model = RidgeCV(alphas=np.logspace(-3, 4, 15)).fit((past - past[:, -1:]) / scale, (future - past[:, -1:]) / scale)
    past, future = windows(values, first=first, window=window, horizon=series.horizon)
    return rmse(future, model.predict((past - past[:, -1:]) / scale).reshape(future.shape) * scale + past[:, -1:])


def rmse(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Return the root of the mean squared error."""
    return float(np.sqrt(np.square(truth - predicted).mean()))


def train(series: Series, frame: pd.DataFrame, words: Sequence[str], folder: str) -> Path:
    """Train by a new user's command; return the run's folder. Raise RuntimeError with its message if it fails."""
    frame.to_csv(f"{folder}/series.csv", index=False)
    command = [
        "dataset=series", f"dataset.path={folder}/series.csv", f'dataset.target="{series.target}"',
        f"dataset.horizon={series.horizon}",
    ]  # fmt: skip
    dlrun(*command, *words, f"hydra.run.dir={folder}/run", "--quiet")
    return Path(folder, "run")


def dlrun(*words: str) -> str:
    """Run a command line of dlrun; return what it prints. Raise RuntimeError with its message if it fails."""
    from dlrun.cli.main import main

    out, problems = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(problems):
        code = main(list(words))
    if code:
        raise RuntimeError(problems.getvalue().strip()[-300:])
    return out.getvalue()


def with_dlrun(series: Series, frame: pd.DataFrame, words: Sequence[str]) -> float:
    """Return the test RMSE of a new user's command."""
    with tempfile.TemporaryDirectory() as folder:
        result = json.loads((train(series, frame, words, folder) / "result.json").read_text(encoding="utf-8"))
        return float(result["metrics"]["test/rmse"])


def covered(series: Series, words: Sequence[str]) -> int:
    """Return how many of the latest `horizon` rows, which the run does not get, are in the interval of its forecast."""
    frame = read(series)
    with tempfile.TemporaryDirectory() as folder:
        run = train(series, frame[: -series.horizon], words, folder)
        rows = json.loads(dlrun("predict", str(run), "--future", "--json"))
    truth = frame[series.target].tolist()[-series.horizon :]
    return sum(
        row[f"{series.target}_low"] <= value <= row[f"{series.target}_high"]
        for row, value in zip(rows, truth, strict=True)
    )


def measure(series: Series, words: Sequence[str], contestants: Sequence[str]) -> dict[str, Any]:
    """Return each contestant's RMSE relative to the seasonal naive forecast's, its seconds, and errors."""
    frame = read(series)
    values = frame[series.target].to_numpy()
    past, future = windows(
        values, first=test_from(len(values), series.horizon), window=series.season, horizon=series.horizon
    )
    base = rmse(future, naive(past, season=series.season, horizon=series.horizon))
    scores: dict[str, float | None] = {}
    seconds, errors = {}, []
    for name in contestants:
        started = time.perf_counter()
        try:
            if name == "dlrun":
                scores[name] = with_dlrun(series, frame, words) / base
            elif name == "last":
                scores[name] = rmse(future, naive(past, season=1, horizon=series.horizon)) / base
            else:
                scores[name] = linear(series, values) / base
        except Exception as error:  # noqa: BLE001 - a failure is a result
            scores[name] = None
            errors.append(f"{name}: {error}")
        seconds[name] = time.perf_counter() - started
    return {
        "series": f"{series.package}:{series.name}",
        "target": series.target,
        "rows": len(values),
        "season": series.season,
        "horizon": series.horizon,
        "half": series.half,
        "scores": scores,
        "seconds": seconds,
        "errors": errors,
    }


def summary(results: Sequence[dict[str, Any]], contestants: Sequence[str]) -> list[str]:
    """Return for each contestant its wins over the seasonal naive forecast, its mean relative RMSE and its seconds."""
    lines = []
    for name in contestants:
        scores = [each["scores"][name] for each in results if each["scores"][name] is not None]
        if not scores:
            lines.append(f"{name:<8} forecast none of {len(results)} series")
            continue
        mean = math.exp(statistics.fmean(math.log(max(score, 1e-9)) for score in scores))
        spent = statistics.fmean(each["seconds"][name] for each in results)
        lines.append(
            f"{name:<8} forecast {len(scores)} of {len(results)}; better than seasonal naive on "
            f"{sum(score < 1 for score in scores)}; its RMSE times {mean:.3f}, median "
            f"{statistics.median(scores):.3f}; {spent:.1f} s"
        )
    return lines


def print_intervals(chosen: Sequence[Series], words: Sequence[str]) -> None:
    """Print for each series, and for all, how many of the latest rows are in the 90 % interval of their forecast."""
    inside = 0
    for series in chosen:
        count = covered(series, words)
        inside += count
        label = f"{series.package}:{series.name} {series.target}"
        print(f"{label:<48}{count:>3} of {series.horizon}", flush=True)
    rows = sum(series.horizon for series in chosen)
    print(f"\n{inside} of {rows} in the 90 % interval ({inside / rows:.0%})")


def main(words: Sequence[str] | None = None) -> None:
    """Measure; print one line per series and a summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("choose", "report", "all"), default="all")
    parser.add_argument("--series", default="", help="only series whose name contains this")
    parser.add_argument("--contestants", default=",".join(CONTESTANTS))
    parser.add_argument("--json", help="a file for every number")
    parser.add_argument("--intervals", action="store_true", help="only how many of the latest rows are in the interval")
    parser.add_argument(
        "overrides", nargs="*", default=OVERRIDES, help=f"overrides for dlrun (default: {' '.join(OVERRIDES)})"
    )
    asked = parser.parse_args(words)
    os.environ.setdefault("CI", "1")
    contestants = asked.contestants.split(",")
    results = []
    chosen = [each for each in SERIES if asked.half in ("all", each.half) and asked.series in each.name]
    if asked.intervals:
        print_intervals(chosen, asked.overrides)
        return
    for series in chosen:
        result = measure(series, asked.overrides, contestants)
        results.append(result)
        label = f"{result['series']} {series.target}"
        print_result(f"{label:<48}{result['rows']:>6}  season {series.season:>2}", result)
    print_summary(summary(results, contestants), results, json_file=asked.json)


if __name__ == "__main__":
    sys.exit(main())
