"""What several processes gain: `python -m benchmarks.scaling [--models mlp,cnn,lstm] [--processes 2] [--rounds 3]`.

Trains one model with one process of one thread, with one process of all threads, and with several processes of one
thread, in turn, on generated images. Prints images a second in training (medians over the rounds), and the efficiency:
the speed of N processes over N times that of one process with one thread, paired within each round.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.commands import train


@dataclass(frozen=True)
class Workload:
    """What is trained: overrides that choose data, model and batch."""

    words: tuple[str, ...]
    rows: int


WORKLOADS = {
    "mlp": Workload(("dataset.size=28", "model=mlp", "model.hidden=[128,128]", "trainer.batch_size=32"), 20_000),
    "cnn": Workload(("dataset.size=28", "model=cnn", "trainer.batch_size=128"), 6_000),
    "lstm": Workload(("dataset.size=28", "model=rnn", "model.cell=lstm", "trainer.batch_size=256"), 6_000),
    "wide": Workload(("dataset.size=28", "model=mlp", "model.hidden=[1024,1024]", "trainer.batch_size=1024"), 20_000),
    "resnet": Workload(("dataset.size=32", "dataset.channels=3", "model=resnet", "trainer.batch_size=128"), 1_500),
}


@dataclass(frozen=True)
class Way:
    """How many processes train, and with how many threads each."""

    processes: int
    threads: int


def speed(workload: Workload, way: Way, *, share: float = 1.0) -> float:
    """Return the images a second of a short run, in training only. share: of the workload's rows."""
    rows = max(64, int(workload.rows * share))
    words = [
        "dataset=random_images",
        f"dataset.rows={rows}",
        *workload.words,
        "dataset.baselines=false",
        "optimizer=adam",
        "scheduler=none",
        "trainer.epochs=2",
        "trainer.eval_every=0",
        "checkpoint.every_epochs=0",
        "device=cpu",
        f"device.threads={way.threads}",
        f"device.processes={way.processes}",
    ]
    return float(train(words).result["samples_per_second"])


def table(workload: Workload, *, processes: int, rounds: int, share: float = 1.0) -> list[str]:
    """Return a line for each way of training a workload, the ways measured in turn."""
    ways = [Way(1, 1), Way(1, processes), Way(processes, 1)]
    speeds = [{way: speed(workload, way, share=share) for way in ways} for _ in range(rounds)]
    lines = []
    for way in ways:
        median = statistics.median(each[way] for each in speeds)
        ratio = statistics.median(each[way] / each[ways[0]] for each in speeds)
        words = f"{way.processes} process{'es' if way.processes > 1 else ''} of {way.threads} thread"
        words += "s" if way.threads > 1 else ""
        efficiency = ratio / (way.processes * way.threads)
        lines.append(f"{words:>26}  {median:>9,.0f} images/s  {ratio:5.2f}x  efficiency {efficiency:.0%}")
    return lines


def main(words: Sequence[str] | None = None) -> None:
    """Measure the chosen workloads and print a table of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(WORKLOADS))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--share", type=float, default=1.0, help="of the images of each workload")
    options = parser.parse_args(words)
    for name in options.models.split(","):
        print(f"{name}: {' '.join(WORKLOADS[name].words)}")
        for line in table(WORKLOADS[name], processes=options.processes, rounds=options.rounds, share=options.share):
            print(line, flush=True)


if __name__ == "__main__":
    main()
