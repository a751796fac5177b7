"""Ratios of dlrun to the plain loop, to the best loop by hand and to each installed peer.

    python -m benchmarks [--workloads mlp,lenet] [--contestants plain,bare] [--rounds 5] [--threads 2]

Contestants run in turn, round after round, each in a process of its own; a ratio is taken within a round and the median
over rounds is quoted, so that a machine whose speed drifts misleads nobody. DLRUN_MNIST=FOLDER takes the real images.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
from typing import Any

from benchmarks.workload import WORKLOADS

CONTESTANTS = {  # name -> module, package that must be there, environment
    "dlrun": ("ours", "dlrun", {}),
    "plain loop": ("plain", "torch", {}),
    "best by hand": ("bare", "torch", {}),
    "Lightning": ("lightning_", "lightning", {}),
    "Keras on TensorFlow": ("keras_", "tensorflow", {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}),
    "Keras on torch": ("keras_", "keras", {"KERAS_BACKEND": "torch"}),
    "skorch": ("skorch_", "skorch", {}),
    "Ignite": ("ignite_", "ignite", {}),
    "Accelerate": ("accelerate_", "accelerate", {}),
    "HF Trainer": ("hf_trainer", "transformers", {}),
}


def measure(name: str, workload: str, threads: int) -> dict[str, Any] | None:
    """Run one contestant; None when it does not take part in this workload."""
    module, _, environment = CONTESTANTS[name]
    env = {**os.environ, **environment, "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", "benchmarks.one", module, workload, str(threads)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{name} on {workload} failed:\n{done.stderr[-3000:]}")
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return measured if measured["seconds"] else None


def main() -> None:
    """Measure and print a table a workload."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--contestants", default=",".join(CONTESTANTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    names = [name for name in asked.contestants.split(",") if importlib.util.find_spec(CONTESTANTS[name][1])]
    left_out = [name for name in asked.contestants.split(",") if name not in names]
    for workload in asked.workloads.split(","):
        rounds: list[dict[str, dict[str, Any] | None]] = []
        for _ in range(asked.rounds):
            rounds.append({name: measure(name, workload, asked.threads) for name in names})
        report(workload, names, rounds, asked.threads)
    if left_out:
        print(f"\nnot installed, left out: {', '.join(left_out)}")


def report(workload: str, names: list[str], rounds: list[dict[str, Any]], threads: int) -> None:
    """Medians over rounds; an epoch's figure is the median of a run's epochs but the first."""
    print(f"\n{workload}: batch 32, Adam, {WORKLOADS[workload].rows:,} rows, {threads} threads, {len(rounds)} rounds")
    print(f"{'':<22}{'s an epoch':>12}{'dlrun is faster by':>20}{'peak MiB':>10}  versions")
    for name in names:
        runs = [each[name] for each in rounds if each[name]]
        if not runs:
            continue
        epochs = [statistics.median(run["seconds"][1:]) for run in runs]
        ours = [statistics.median(each["dlrun"]["seconds"][1:]) for each in rounds] if "dlrun" in names else epochs
        ratio = statistics.median(theirs / mine for theirs, mine in zip(epochs, ours, strict=True))
        memory = statistics.median(run["peak_memory_mib"] for run in runs)
        versions = " ".join(f"{package} {version}" for package, version in runs[0]["versions"].items())
        print(f"{name:<22}{statistics.median(epochs):>12.3f}{ratio:>19.2f}x{memory:>10.0f}  {versions}")


if __name__ == "__main__":
    main()
