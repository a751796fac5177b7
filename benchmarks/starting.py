"""How long a command takes from Enter to its answer or its first step: `python -m benchmarks.starting [--rounds 9]`."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

_FIRST_STEP = """
import os, sys
import dlrun.trainer as trainer
trainer.Trainer._train_epoch = lambda self: os._exit(0)  # everything before the first step is done
from dlrun.cli.main import main
main(sys.argv[1:])
"""
_DLRUN = (sys.executable, "-m", "dlrun")
COMMANDS = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "python -c 'import torch'": (sys.executable, "-c", "import torch"),
    "dlrun --help": (*_DLRUN, "--help"),
    "dlrun ls model": (*_DLRUN, "ls", "model"),
    "dlrun modle=cnn ... (three errors)": (*_DLRUN, "modle=cnn", "trainer.epoch=3", "optimizer.lr=fast"),
    "shell completion": (*_DLRUN, "-sc", "query=bash"),
    "dlrun, up to the first step": (sys.executable, "-c", _FIRST_STEP),
    "dlrun, the whole default run": _DLRUN,
}


def main() -> None:
    """Measure every command in turn, round after round; print medians and the difference to `import torch`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds: list[dict[str, float]] = []
    environment = {**os.environ, "COMP_LINE": "dlrun model=mlp model.act", "CI": "1"}
    for _ in range(parser.parse_args().rounds):
        with tempfile.TemporaryDirectory() as folder:
            seconds = {}
            for name, command in COMMANDS.items():
                started = time.perf_counter()
                subprocess.run(command, cwd=folder, env=environment, capture_output=True)
                seconds[name] = time.perf_counter() - started
            rounds.append(seconds)
    for name in COMMANDS:
        over = statistics.median(each[name] - each["python -c 'import torch'"] for each in rounds)
        print(
            f"{name:<38}{statistics.median(each[name] for each in rounds):>8.3f} s   over import torch {over:>+7.3f} s"
        )


if __name__ == "__main__":
    main()
