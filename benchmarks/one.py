"""Run one contestant on one workload and print the seconds of each epoch and the peak memory as JSON."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import json
import resource
import sys
from importlib import metadata

from benchmarks.workload import WORKLOADS
from dlrun.configuration.waiting import wait_briefly


def main() -> None:
    """`python -m benchmarks.one CONTESTANT WORKLOAD ROWS EPOCHS`; OMP_NUM_THREADS sets the threads."""
    name, rows, epochs = sys.argv[1], int(sys.argv[3]), int(sys.argv[4])
    workload = dataclasses.replace(WORKLOADS[sys.argv[2]], rows=rows, epochs=epochs)
    if "ours" in name:
        wait_briefly()  # as the command does, before torch is imported
    contestant = importlib.import_module(f"benchmarks.contestants.{name}")
    with contextlib.redirect_stdout(sys.stderr):
        seconds = contestant.train(workload)
    versions = {}
    for package in contestant.PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    torch = sys.modules.get("torch")
    threads = None if torch is None else torch.get_num_threads()
    print(json.dumps({"seconds": seconds, "peak_memory_mib": peak, "versions": versions, "threads": threads}))


if __name__ == "__main__":
    main()
