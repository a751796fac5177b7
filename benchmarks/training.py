"""Training speed of dlrun compared with a plain loop, an optimized loop and each installed framework.

    python -m benchmarks.training [--workloads mlp,lenet] [--contestants dlrun,Lightning] [--rounds 5] [--threads 2]

In each round, all contestants run one after the other, each in its own process. Ratios are computed within a round, and
the median over rounds is printed, because the speed of a machine drifts. "s besides" is the rest of the process:
imports, data, everything before and after the epochs. DLRUN_MNIST=FOLDER and DLRUN_R8=FOLDER select the real data.
--rows and --epochs reduce the sizes for a quick check.
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

from benchmarks.arguments import add_common, at_least_one, chosen_names
from benchmarks.workload import BATCH_SIZE, WORKLOADS, Workload

_TENSORFLOW = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}


@dataclass(frozen=True)
class Contestant:
    """A module of `benchmarks.contestants`, the package that it needs, and its environment variables."""

    module: str
    package: str
    environment: dict[str, str] = field(default_factory=dict)

    def module_for(self, workload: Workload) -> str | None:
        """Return the module for this workload; None if the contestant has none."""
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
"""The measurements of one process: `seconds` of each epoch, `besides` them, `peak_memory_mib`, `versions`."""


def measure(name: str, workload: Workload, threads: int) -> Run | None:
    """Run one contestant; return None if it has no module for this workload."""
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
    """Return the median epoch, without the first, which warms up, if there are more."""
    return statistics.median(run["seconds"][1:] or run["seconds"])


def report(workload: Workload, names: Sequence[str], rounds: Sequence[dict[str, Run | None]], threads: int) -> None:
    """Print a line for each contestant: medians over rounds, and its time divided by dlrun's in the same round."""
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
    """Parse the options; unknown names end the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--contestants", default=",".join(CONTESTANTS))
    parser.add_argument("--rows", type=at_least_one, help="most rows of an epoch, instead of the workload's")
    parser.add_argument("--epochs", type=at_least_one, help="epochs, instead of the workload's")
    add_common(parser, rounds=5)
    options = parser.parse_args(words)
    for option, known in (("workloads", WORKLOADS), ("contestants", CONTESTANTS)):
        setattr(options, option, chosen_names(parser, option, getattr(options, option), known))
    return options


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print a table for each workload."""
    options = arguments(words)
    names = [name for name in options.contestants if importlib.util.find_spec(CONTESTANTS[name].package)]
    missing = [name for name in options.contestants if name not in names]
    for workload in (WORKLOADS[name] for name in options.workloads):
        sized = dataclasses.replace(
            workload, rows=min(options.rows or workload.rows, workload.rows), epochs=options.epochs or workload.epochs
        )
        rounds = [{name: measure(name, sized, options.threads) for name in names} for _ in range(options.rounds)]
        report(sized, names, rounds, options.threads)
    if missing:
        print(f"\nnot installed, skipped: {', '.join(missing)} (pip install -e '.[peers]')")


if __name__ == "__main__":
    main()
