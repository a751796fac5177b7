"""Run all benchmarks, one table after the other.

    python -m benchmarks [PART ...] [--rounds 3] [--threads 2]

Parts: training (ratios to a plain loop, an optimized loop and each installed framework; memory), starting, saving
(one checkpoint), cost (of evaluating, logging and saving in a run), waiting (for streamed data), growth (with rows,
parameters, epochs and sweep points), sweeping (several points at once, and what a point costs besides its training),
threads (on a busy machine, and several runs at once).
Each part is also a command with more options: `python -m benchmarks.training --help`.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys

from benchmarks.arguments import add_common

PARTS = ("training", "starting", "saving", "cost", "waiting", "growth", "sweeping", "threads")
REPEATED = (
    "training",
    "starting",
    "saving",
    "cost",
    "waiting",
    "sweeping",
    "threads",
)  # growth measures each size once


def main() -> None:
    """Run the requested parts, each in its own process; a part that fails does not stop the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; default: all")
    add_common(parser, rounds=3)
    options = parser.parse_args()
    unknown = sorted(set(options.parts) - set(PARTS))
    if unknown:
        parser.error(f"unknown part {', '.join(unknown)}; choose from {', '.join(PARTS)}.")
    print(f"{platform.platform()}, {platform.machine()}, Python {platform.python_version()}", flush=True)
    failed = []
    for part in options.parts or PARTS:
        words = ["--threads", str(options.threads)] + (["--rounds", str(options.rounds)] if part in REPEATED else [])
        print(f"\n== {part}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{part}", *words]).returncode:
            failed.append(part)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
