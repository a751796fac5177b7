"""Everything that is measured, one table after the other.

    python -m benchmarks [PART ...] [--rounds 3] [--threads 2]

Parts: training (ratios to the plain loop, the best one by hand and each installed peer; memory), starting, saving
(one checkpoint), cost (of evaluating, logging and saving in a run), waiting (for streamed data), growth (with rows,
parameters, epochs and sweep points).
Each is a command of its own with more options: `python -m benchmarks.training --help`.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys

from benchmarks.arguments import add_common

PARTS = ("training", "starting", "saving", "cost", "waiting", "growth")
REPEATED = ("training", "starting", "saving", "cost", "waiting")  # growth is a line of sizes, each measured once


def main() -> None:
    """Run the parts asked for, each in a process of its own; a part that fails does not stop the others."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all when none is named")
    add_common(parser, rounds=3)
    asked = parser.parse_args()
    unknown = sorted(set(asked.parts) - set(PARTS))
    if unknown:
        parser.error(f"There is no part {', '.join(unknown)}. There are {', '.join(PARTS)}.")
    print(f"{platform.platform()}, {platform.machine()}, Python {platform.python_version()}", flush=True)
    failed = []
    for part in asked.parts or PARTS:
        words = ["--threads", str(asked.threads)] + (["--rounds", str(asked.rounds)] if part in REPEATED else [])
        print(f"\n== {part}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{part}", *words]).returncode:
            failed.append(part)
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
