"""Model-based search against chance: `python -m benchmarks.searching [--seeds 5] [--trials 40] [--at-once 2]`.

Trains a small network on digits for three epochs with the learning rate, weight decay, batch size, dropout and layers
that `search=tpe` (extra `search`) and `search=random` choose, as often each, for several seeds of the search. A line
for each seed has the best validation loss that each found, and the test accuracy and loss of that point; then both are
compared in pairs. With 5 seeds of 40 trials these are 400 trainings of about 0.6 s; --at-once sweeps run side by side.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.arguments import at_least_one
from dlrun.runs.sweeps.noise import compare

SPACE = (
    "optimizer.lr=tag(log, interval(1e-5, 1))",
    "optimizer.weight_decay=tag(log, interval(1e-5, 1))",
    "trainer.batch_size=tag(log, interval(8, 512))",
    "model.dropout=interval(0, 0.7)",
    "model.hidden=[16],[64],[256],[64,64],[256,256]",
)
FIXED = (
    "dataset=digits", "model=mlp", "metric=loss", "trainer.epochs=3", "dataset.val_fraction=0.3",
    "dataset.baselines=false", "device=cpu", "device.threads=1", "launch.jobs=1", "launch.pack=off",
)  # fmt: skip
SEARCHES = ("random", "tpe")


@dataclass(frozen=True)
class Found:
    """What a search found: the best validation loss after each trial, and the test metrics of the best point."""

    best: Sequence[float]
    test_accuracy: float
    test_loss: float
    words: str
    seconds: float


def search(name: str, *, seed: int, trials: int, folder: Path) -> Found:
    """Run one search in a process of its own. Raises RuntimeError with what it printed if it fails."""
    began = time.perf_counter()
    where = folder / f"{name}-{seed}"
    chosen = (f"search={name}", f"search.trials={trials}", f"search.seed={seed}", f"hydra.sweep.dir={where}")
    command = [sys.executable, "-m", "dlrun", "-m", *FIXED, *SPACE, *chosen, "--quiet"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    rows = [json.loads(line) for line in (where / "sweep.jsonl").read_text().splitlines()] if where.exists() else []
    if len(rows) < trials:
        raise RuntimeError(f"search={name} search.seed={seed}: {done.stderr.strip()[-1000:]}")
    return found_in(rows, seconds=time.perf_counter() - began)


def found_in(rows: Sequence[Mapping[str, Any]], *, seconds: float) -> Found:
    """Return what the rows of a sweep say; a point that diverged has no loss."""
    ordered = sorted(rows, key=lambda row: int(row["point"]))
    losses = [
        row["metrics"].get("val/loss", float("inf")) if row["status"] == "completed" else float("inf")
        for row in ordered
    ]
    best = [min(losses[: count + 1]) for count in range(len(losses))]
    point = ordered[losses.index(best[-1])]
    metrics = point["metrics"]
    return Found(best, metrics["test/accuracy"], metrics["test/loss"], " ".join(point["overrides"]), seconds)


def report(found: Mapping[str, Sequence[Found]]) -> list[str]:
    """Return the lines of all seeds and of the comparison."""
    heads = [f"{name} {what}" for name in SEARCHES for what in ("val/loss", "test/loss", "test/accuracy")]
    lines = ["| search.seed | " + " | ".join(heads) + " |", "|---" * (1 + len(heads)) + "|"]
    for seed, pair in enumerate(zip(*(found[name] for name in SEARCHES), strict=True)):
        cells = [f"{value:.4f}" for each in pair for value in (each.best[-1], each.test_loss, each.test_accuracy)]
        lines.append(f"| {seed} | " + " | ".join(cells) + " |")
    count = len(found["tpe"][0].best)
    lines += ["", "| best val/loss after so many trials, mean | " + " | ".join(SEARCHES) + " |", "|---|---|---|"]
    for after in sorted({max(1, count // 4), max(1, count // 2), count}):
        means = [statistics.fmean(each.best[after - 1] for each in found[name]) for name in SEARCHES]
        lines.append(f"| {after} | " + " | ".join(f"{mean:.4f}" for mean in means) + " |")
    lines += ["", f"The best of tpe: {min(found['tpe'], key=lambda each: each.best[-1]).words}"]
    return [*lines, *_comparison(found)]


def _comparison(found: Mapping[str, Sequence[Found]]) -> list[str]:
    """Return a sentence for each metric: how often tpe is better, by how much, and whether that can be chance."""
    lines = []
    for metric, sign in (("val/loss", 1), ("test/loss", 1), ("test/accuracy", -1)):
        values = {
            name: {
                (str(seed),): sign
                * {"val/loss": each.best[-1], "test/loss": each.test_loss}.get(metric, each.test_accuracy)
                for seed, each in enumerate(found[name])
            }
            for name in SEARCHES
        }
        gains = [values["random"][key] - values["tpe"][key] for key in values["tpe"]]
        mean, wins = statistics.fmean(gains), sum(gain > 0 for gain in gains)
        sentence = f"{metric}: tpe is better with {wins} of {len(gains)} seeds, by {mean:.4f} on average"
        if len(gains) > 1:
            best, other = ("tpe", "random") if mean > 0 else ("random", "tpe")
            difference = compare(values[best], values[other], higher=False)
            sentence += f" ({difference.test}: p = {difference.p:.3f})"
        lines.append(f"{sentence}.")
    return lines


def main(words: Sequence[str] | None = None) -> None:
    """Run every search, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=at_least_one, default=5, help="seeds of the search, from 0 up (5)")
    parser.add_argument("--trials", type=at_least_one, default=40, help="of each search (40)")
    parser.add_argument("--at-once", type=at_least_one, default=os.cpu_count() or 1, help="sweeps side by side (cores)")
    options = parser.parse_args(words)
    jobs = [(name, seed) for seed in range(options.seeds) for name in SEARCHES]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.at_once) as pool:
        results = pool.map(lambda job: search(job[0], seed=job[1], trials=options.trials, folder=Path(folder)), jobs)
        found: dict[str, list[Found]] = {name: [] for name in SEARCHES}
        for (name, seed), each in zip(jobs, results, strict=True):
            found[name].append(each)
            print(f"{name} {seed}: {each.best[-1]:.4f} in {each.seconds:.0f} s", file=sys.stderr)
    print(f"dlrun -m {' '.join(FIXED)} {' '.join(map(repr, SPACE))} search.trials={options.trials}\n")
    print("\n".join(report(found)))


if __name__ == "__main__":
    main()
