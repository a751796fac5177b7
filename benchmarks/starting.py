"""Seconds from Enter to the answer or the first step of a command: `python -m benchmarks.starting [--rounds 9]`."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence

from benchmarks.arguments import add_common

_FIRST_STEP = """
import os, sys
import dlrun.training.trainer as trainer
trainer.Trainer._train_epoch = lambda self: os._exit(0)  # ends where the first step would start
from dlrun.cli.main import main
main(sys.argv[1:])
"""
_DLRUN = (sys.executable, "-m", "dlrun")
_WRONG = "dlrun modle=cnn ... (three errors)"
COMMANDS = {
    "python -c pass": (sys.executable, "-c", "pass"),
    "python -c 'import torch'": (sys.executable, "-c", "import torch"),
    "dlrun --help": (*_DLRUN, "--help"),
    "dlrun predict --help": (*_DLRUN, "predict", "--help"),
    "dlrun ls": (*_DLRUN, "ls"),
    "dlrun ls model": (*_DLRUN, "ls", "model"),
    _WRONG: (*_DLRUN, "modle=cnn", "trainer.epoch=3", "optimizer.lr=fast"),
    "shell completion": (*_DLRUN, "-sc", "query=bash"),
    "dlrun, up to the first step": (sys.executable, "-c", _FIRST_STEP),
    "dlrun, the whole default run": _DLRUN,
}


def measure(
    environment: Mapping[str, str], commands: Mapping[str, Sequence[str]], *, refused: Collection[str] = ()
) -> dict[str, float]:
    """Return the seconds of each command; ends the program when a command has an unexpected exit code.

    refused: the commands that end with exit code 2.
    """
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, command in commands.items():
            started = time.perf_counter()
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
            seconds[name] = time.perf_counter() - started
            if done.returncode != (2 if name in refused else 0):
                raise SystemExit(f"{name} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return seconds


def main(words: Sequence[str] | None = None) -> None:
    """Measure all commands in rounds; print medians and the difference to `import torch`."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common(parser, rounds=9)
    asked = parser.parse_args(words)
    environment = {
        **os.environ, "COMP_LINE": "dlrun model=mlp model.act", "CI": "1", "OMP_NUM_THREADS": str(asked.threads)
    }  # fmt: skip
    print_over_torch([measure(environment, COMMANDS, refused=[_WRONG]) for _ in range(asked.rounds)])


def print_over_torch(rounds: Sequence[Mapping[str, float]]) -> None:
    """Print each command's median, and the median of what it takes beyond importing torch."""
    for name in rounds[0]:
        over = statistics.median(each[name] - each["python -c 'import torch'"] for each in rounds)
        print(
            f"{name:<38}{statistics.median(each[name] for each in rounds):>8.3f} s   over import torch {over:>+7.3f} s"
        )


if __name__ == "__main__":
    main()
