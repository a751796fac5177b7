"""Measure the promises of recipes: `python -m benchmarks.promises RECIPE ... --seeds 5 [--set KEY=VALUE ...]`.

Trains each recipe with the seeds 0, 1, 2, ... and prints the interval of each metric in the form that recipes use, with
its meaning, beside what the recipe promises now. Without --metrics all, only the metrics that it promises now. Recipes
whose data does not come with dlrun need DLRUN_MNIST, DLRUN_CIFAR10 or DLRUN_R8, the folder of their files.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.arguments import at_least_one
from dlrun.cli.main import main as dlrun
from dlrun.configuration.recipes.recipe import load_recipe
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.history import SavedRun
from dlrun.runs.intervals import FEWEST_SEEDS, meaning, promised
from dlrun.runs.seeds import runs_to_share
from dlrun.runs.shipped import data_words


def train(name: str, words: Sequence[str], *, seeds: int, folder: Path) -> list[SavedRun]:
    """Train a recipe with several seeds; return the runs. Raises RuntimeError with dlrun's message if that fails."""
    catalog = Catalog()
    data, missing = data_words(load_recipe(name, catalog), catalog)
    if missing is not None:
        raise RuntimeError(f"{missing} names no folder with its data")
    swept = f"seed={','.join(map(str, range(seeds)))}"
    problems = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(problems):
        code = dlrun(["-m", f"recipe={name}", *data, *words, swept, f"hydra.sweep.dir={folder}", "--quiet"])
    if code:
        raise RuntimeError(problems.getvalue().strip()[-500:])
    return runs_to_share(folder)


def describe(name: str, runs: Sequence[SavedRun], *, every_metric: bool) -> list[str]:
    """Return the lines on a recipe: its metrics, the seeds' values and intervals, and `expect` as recipes have it."""
    now = load_recipe(name, Catalog()).about["expect"]
    measured: dict[str, list[float]] = {
        metric: [run.result["metrics"][metric] for run in runs]
        for metric in runs[0].result["metrics"]
        if every_metric or metric in now
    }
    expect, left_out = promised(measured, runs[0].result["dataset"]["sizes"])
    seconds = sum(run.result["seconds"]["total"] for run in runs) / len(runs)
    lines = [f"{name}: {len(runs)} seeds, {seconds:.1f} s each"]
    for metric, bounds in expect.items():
        values = measured[metric]
        outside = [value for value in values if metric in now and not now[metric][0] <= value <= now[metric][1]]
        lines.append(
            f"  {metric}: {min(values):.4g} to {max(values):.4g} -> {bounds}; promises {now.get(metric, 'nothing')}"
            + (f", which {len(outside)} of {len(values)} break" if outside else "")
        )
    lines += [f"  {metric}: not promised" for metric in left_out]
    return [*lines, f"  expect: {_flow(expect)}"]


def _flow(expect: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{metric}: [{low!r}, {high!r}]" for metric, (low, high) in expect.items()) + "}"


def main(words: Sequence[str] | None = None) -> None:
    """Measure; print the lines of each recipe, and at the end what the intervals mean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+", metavar="RECIPE")
    parser.add_argument("--seeds", type=at_least_one, default=5, help=f"from {FEWEST_SEEDS} up (5)")
    parser.add_argument("--metrics", choices=("promised", "all"), default="promised")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="overrides, such as device.threads=1")
    options = parser.parse_args(words)
    if options.seeds < FEWEST_SEEDS:
        parser.error(f"--seeds {options.seeds}: an interval needs at least {FEWEST_SEEDS}.")
    failed = False
    for name in options.recipes:
        try:
            with tempfile.TemporaryDirectory() as folder:
                runs = train(name, options.set, seeds=options.seeds, folder=Path(folder) / "sweep")
                print("\n".join(describe(name, runs, every_metric=options.metrics == "all")), flush=True)
        except RuntimeError as error:
            failed = True
            print(f"{name}: not measured: {error}", flush=True)
    print(f"\nmeaning: {meaning(options.seeds)}")
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
