"""Measure what `search.prune=halving` saves: `python -m benchmarks.pruning [--orders 1000]`.

Trains learning rates and widths of an MLP on digits, whole and pruned. What is stopped depends on which points come
first: so the measured curves are also replayed in random orders. Steps are counted; seconds depend on what else runs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.arguments import at_least_one
from dlrun.cli.main import main as dlrun
from dlrun.runs.sweeps.jobs import Measured
from dlrun.runs.sweeps.rows import SweepRow, best_first, read_rows
from dlrun.runs.sweeps.search.grid import Grid
from dlrun.runs.sweeps.search.halving import Halving

WORDS = (
    "dataset=digits",
    "model=mlp",
    "device.threads=1",
    "trainer.epochs=18",
    "optimizer.lr=1e-2,1e-5,1e-3,0.1,1e-4,3e-3,3e-5,3e-2,0.3,3e-4",
    "model.hidden=[64],[16],[128,64]",
)


@dataclass(frozen=True)
class Curve:
    """The evaluations of a point that was trained to the end: steps, and the best evaluation until then."""

    overrides: Sequence[str]
    evaluations: Sequence[tuple[int, Mapping[str, Any]]]

    @property
    def total_steps(self) -> int:
        """The steps of the whole run."""
        return self.evaluations[-1][0]


@dataclass(frozen=True)
class Outcome:
    """A sweep: the best value of any point, how many were stopped, and how many steps were trained."""

    best: float
    stopped: int
    steps: int


def sweep(words: Sequence[str], folder: Path, *, prune: str) -> tuple[Outcome, float, list[SweepRow]]:
    """Train every point, one after the other; return what came of it, the seconds of training, and the rows.

    Raises SystemExit with dlrun's message if that fails.
    """
    problems = io.StringIO()
    command = [
        "-m",
        *words,
        "launch.jobs=1",
        "launch.pack=off",
        f"search.prune={prune}",
        f"hydra.sweep.dir={folder}",
        "--quiet",
    ]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(problems):
        code = dlrun(command)
    if code:
        raise SystemExit(f"dlrun {' '.join(command)} failed:\n{problems.getvalue()[-2000:]}")
    rows = read_rows(folder / "sweep.jsonl")
    results = [json.loads(Path(row.run_dir, "result.json").read_text()) for row in rows]
    best = float((best_first(rows)[0].best or {})["value"])
    seconds = sum(result["seconds"]["train"] + result["seconds"]["eval"] for result in results)
    stopped = sum(row.status == "pruned" for row in rows)
    return Outcome(best, stopped, sum(result["steps"] for result in results)), seconds, rows


def curve_of(row: SweepRow) -> Curve:
    """Return the evaluations of a point, from its metrics.jsonl."""
    best = dict(row.best or {})
    metric, found, top = best["metric"], [], None
    for entry in map(json.loads, Path(row.run_dir, "metrics.jsonl").read_text().splitlines()):
        if metric in entry:
            value = float(entry[metric])
            top = value if top is None else (max if best["higher_is_better"] else min)(top, value)
            found.append((int(entry["step"]), {**best, "value": top}))
    return Curve(row.overrides, found)


def replay(curves: Sequence[Curve], folder: Path) -> Outcome:
    """Return what becomes of points with these curves, one after the other in this order."""
    path = folder / "halving.jsonl"
    path.unlink(missing_ok=True)
    halving = Halving(Grid([]), path)
    bests, stopped, steps = [], 0, 0
    for number, curve in enumerate(curves):
        halving.begin(number, curve.overrides)
        for epoch, (step, best) in enumerate(curve.evaluations, start=1):
            measured = Measured(number, epoch, step, 0.0, total_steps=curve.total_steps, best=best)
            if halving.observe(number, measured) is not None:
                stopped += 1
                break
        steps += step
        bests.append(float(best["value"]))
    higher = curves[0].evaluations[0][1]["higher_is_better"]
    return Outcome((max if higher else min)(bests), stopped, steps)


def summary(whole: Outcome, replays: Sequence[Outcome]) -> str:
    """Return what random orders save, and how often they lose the best value."""
    saved = sorted(1 - each.steps / whole.steps for each in replays)
    kept = sum(each.best == whole.best for each in replays)
    tenth = saved[len(saved) // 10]
    return (
        f"{len(replays)} random orders: {100 * sum(saved) / len(saved):.0f} % of the steps saved in the mean, "
        f"{100 * tenth:.0f} % or more in 9 of 10; the best value kept in {100 * kept / len(replays):.1f} %"
    )


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=at_least_one, default=1000, help="random orders to replay (1000)")
    parser.add_argument(
        "--set", nargs="*", default=list(WORDS), metavar="KEY=VALUE", help="the sweep, if it is another"
    )
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as name:
        whole, seconds, rows = sweep(options.set, Path(name, "whole"), prune="none")
        print(f"whole: {len(rows)} points, {whole.steps:,} steps, {seconds:.1f} s; best {whole.best:.4f}", flush=True)
        pruned, took, _ = sweep(options.set, Path(name, "pruned"), prune="halving")
        print(
            f"pruned: {pruned.stopped} points stopped, {100 * (1 - pruned.steps / whole.steps):.0f} % of the steps and "
            f"{100 * (1 - took / seconds):.0f} % of the time saved; best {pruned.best:.4f}",
            flush=True,
        )
        curves = [curve_of(row) for row in sorted(rows, key=lambda row: row.point)]
        orders = [random.Random(seed).sample(curves, len(curves)) for seed in range(options.orders)]
        print(summary(whole, [replay(order, Path(name)) for order in orders]))


if __name__ == "__main__":
    main()
