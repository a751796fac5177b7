"""Ratios of dlrun to the plain loop, to the best loop by hand and to each installed peer.

    python -m benchmarks.training [--workloads mlp,lenet] [--contestants dlrun,Lightning] [--rounds 5] [--threads 2]

Contestants run in turn, round after round, each in a process of its own; a ratio is taken within a round and the median
over rounds is quoted, so that a machine whose speed drifts misleads nobody. "besides" is the rest of a process:
imports, data, what comes before and after the epochs. DLRUN_MNIST=FOLDER takes the real images, DLRUN_R8=FOLDER the
real texts. --rows and --epochs make everything smaller, to see whether it works.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.arguments import add_common, at_least_one
from benchmarks.workload import BATCH_SIZE, WORKLOADS, Workload

_TENSORFLOW = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}


@dataclass(frozen=True)
class Contestant:
    """A module of `benchmarks.contestants`, the package that must be there, and the environment it wants."""

    module: str
    package: str
    environment: dict[str, str] = field(default_factory=dict)

    def module_for(self, workload: Workload) -> str | None:
        """The module that takes part in this workload, if there is one."""
        name = self.module if workload.kind == "images" else f"{workload.kind}_{self.module}"
        return name if importlib.util.find_spec(f"benchmarks.contestants.{name}") else None


CONTESTANTS = {
    "dlrun": Contestant("ours", "dlrun"),
    "plain loop": Contestant("plain", "torch"),
    "best by hand": Contestant("bare", "torch"),
    "Lightning": Contestant("lightning_", "lightning"),
    "Keras on TensorFlow": Contestant("keras_", "tensorflow", _TENSORFLOW),
    "Keras on torch": Contestant("keras_", "keras", {"KERAS_BACKEND": "torch"}),
    "skorch": Contestant("skorch_", "skorch"),
    "Ignite": Contestant("ignite_", "ignite"),
    "Accelerate": Contestant("accelerate_", "accelerate"),
    "HF Trainer": Contestant("hf_trainer", "transformers"),
}

Run = dict[str, Any]
"""What one contestant's process told: `seconds` of each epoch, `besides` them, `peak_memory_mib`, `versions`."""


def measure(name: str, workload: Workload, threads: int) -> Run | None:
    """Run one contestant; None when it does not take part in this workload."""
    contestant = CONTESTANTS[name]
    module = contestant.module_for(workload)
    if module is None:
        return None
    count = str(threads)
    env = {**os.environ, **contestant.environment, "OMP_NUM_THREADS": count, "TF_NUM_INTRAOP_THREADS": count}
    command = [sys.executable, "-m", "benchmarks.one", module, workload.name, str(workload.rows), str(workload.epochs)]
    started = time.perf_counter()
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    whole = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"{name} on {workload.name} failed:\n{done.stderr[-3000:]}")
    measured: Run = json.loads(done.stdout.splitlines()[-1])
    return {**measured, "besides": whole - sum(measured["seconds"])}


def epoch_seconds(run: Run) -> float:
    """The median epoch; the first, which warms up, is left out where there are more."""
    return statistics.median(run["seconds"][1:] or run["seconds"])


def report(workload: Workload, names: Sequence[str], rounds: Sequence[dict[str, Run | None]], threads: int) -> None:
    """A line a contestant: medians over rounds, and how much longer it took than dlrun in the same round."""
    of = f"batch {BATCH_SIZE}, Adam, {workload.rows:,} rows, {workload.epochs} epochs, {threads} threads"
    print(f"\n{workload.name}: {of}, {len(rounds)} rounds")
    print(f"{'':<22}{'s an epoch':>12}{'dlrun is faster by':>20}{'peak MiB':>10}{'s besides':>11}  versions")
    for name in names:
        pairs = [(run, each.get("dlrun")) for each in rounds if (run := each[name]) is not None]
        if not pairs:
            continue
        ratios = [epoch_seconds(run) / epoch_seconds(ours) for run, ours in pairs if ours is not None]
        ratio = f"{statistics.median(ratios):.2f}x" if ratios else ""
        seconds, peak, besides = (
            statistics.median(of(run) for run, _ in pairs)
            for of in (epoch_seconds, lambda run: run["peak_memory_mib"], lambda run: run["besides"])
        )
        versions = " ".join(f"{package} {version}" for package, version in pairs[0][0]["versions"].items())
        print(f"{name:<22}{seconds:>12.3f}{ratio:>20}{peak:>10.0f}{besides:>11.2f}  {versions}", flush=True)


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """What is asked for; names that there are not end the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--contestants", default=",".join(CONTESTANTS))
    parser.add_argument("--rows", type=at_least_one, help="rows an epoch at most, in place of each workload's own")
    parser.add_argument("--epochs", type=at_least_one, help="epochs, in place of each workload's own")
    add_common(parser, rounds=5)
    asked = parser.parse_args(words)
    for option, known in (("workloads", WORKLOADS), ("contestants", CONTESTANTS)):
        chosen = getattr(asked, option).split(",")
        unknown = [name for name in chosen if name not in known]
        if unknown:
            parser.error(f"--{option}: there is no {', '.join(unknown)}; there are {', '.join(known)}.")
        setattr(asked, option, chosen)
    return asked


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print a table a workload."""
    asked = arguments(words)
    names = [name for name in asked.contestants if importlib.util.find_spec(CONTESTANTS[name].package)]
    left_out = [name for name in asked.contestants if name not in names]
    for workload in (WORKLOADS[name] for name in asked.workloads):
        sized = dataclasses.replace(
            workload, rows=min(asked.rows or workload.rows, workload.rows), epochs=asked.epochs or workload.epochs
        )
        rounds = [{name: measure(name, sized, asked.threads) for name in names} for _ in range(asked.rounds)]
        report(sized, names, rounds, asked.threads)
    if left_out:
        print(f"\nnot installed, left out: {', '.join(left_out)} (pip install -e '.[peers]')")


if __name__ == "__main__":
    main()
