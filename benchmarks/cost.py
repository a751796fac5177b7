"""Cost of evaluating, logging and saving in a run: `python -m benchmarks.cost [--workloads mlp,lenet] [--rounds 5]`.

Each round trains twice with everything on: without `--profile`, to measure the time of the run, and with it, to measure
how long each part blocks the loop. Comparing runs with a part on and off does not work on a shared machine: two equal
runs differ by more (-6 to 24 % for one part). Checkpoints are written in a background thread; that work is reported as
a share too: it is the cost of writing if no core is free.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.arguments import add_common, at_least_one
from benchmarks.commands import train
from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, WORKLOADS, Workload

PARTS = {"evaluating": "evaluate", "logging": "log", "saving, in the loop": "save"}
WRITING, TOGETHER = "writing checkpoints, in the background", "all together"


def shares(profile: dict[str, Any], seconds: float) -> dict[str, float]:
    """Return each part's share of a run that takes `seconds` from its first step to the end of its last epoch."""
    found = {what: profile["seconds"][phase] / seconds for what, phase in PARTS.items()}
    found[WRITING] = profile["writing_seconds"] / seconds
    return {**found, TOGETHER: sum(found.values())}


def measure(data: Sequence[str], epochs: int, threads: int) -> tuple[float, dict[str, Any]]:
    """Measure one round: return the seconds of one run and the profile of another."""
    words = (
        *data, f"trainer.batch_size={BATCH_SIZE}", "optimizer=adam", f"optimizer.lr={LEARNING_RATE}", "device=cpu",
        f"trainer.epochs={epochs}", f"device.threads={threads}",
    )  # fmt: skip
    seconds = train(words).epochs[-1]["seconds"]
    profile = train([*words, "--profile"]).profile
    assert profile is not None
    return seconds, profile


def report(workload: Workload, rounds: Sequence[tuple[float, dict[str, Any]]]) -> None:
    """Print shares and waiting times, medians over rounds."""
    whole = statistics.median(seconds for seconds, _ in rounds)
    print(f"\n{workload.name}: {workload.epochs} epochs in {whole:.2f} s, {len(rounds)} rounds")
    each = [shares(profile, seconds) for seconds, profile in rounds]
    for what in each[0]:
        print(f"{what:<38}{statistics.median(found[what] for found in each):>8.1%} of the run")
    waited = statistics.median(profile["seconds"]["save"] / workload.epochs for _, profile in rounds)
    print(f"{'the loop waits for a checkpoint':<38}{waited * 1e3:>8.2f} ms", flush=True)


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print a table for each workload."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", default="mlp,lenet")
    parser.add_argument("--rows", type=at_least_one, default=60_000, help="rows, at most 60,000")
    parser.add_argument("--epochs", type=at_least_one, default=4, help="epochs of each run")
    add_common(parser, rounds=5)
    options = parser.parse_args(words)
    from benchmarks.contestants.ours import MODELS, write_images

    for name in options.workloads.split(","):
        workload = dataclasses.replace(WORKLOADS[name], rows=options.rows, epochs=options.epochs)
        with tempfile.TemporaryDirectory() as folder:
            data = (*write_images(workload, Path(folder)), *MODELS[name])
            rounds = [measure(data, options.epochs, options.threads) for _ in range(options.rounds)]
            report(workload, rounds)


if __name__ == "__main__":
    main()
