"""Seconds that `dlrun check` takes, of one run and of 1,000 points: `python -m benchmarks.checking [--rounds 5]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from benchmarks.arguments import add_common
from benchmarks.starting import measure, print_over_torch

_CHECK = (sys.executable, "-m", "dlrun", "check", "device=cpu")
_SERIES = ("dataset=series", "dataset.path=example:weather.csv", "dataset.time=day", "dataset.target=temperature")
COMMANDS = {
    "python -c 'import torch'": (sys.executable, "-c", "import torch"),
    "defaults": _CHECK,
    "a table": (*_CHECK, "dataset=table", "dataset.path=example:people.csv", "dataset.target=renewed"),
    "texts": (*_CHECK, "dataset=text", "dataset.path=example:reviews.csv"),
    "a series": (*_CHECK, *_SERIES),
    "a CNN on digits": (*_CHECK, "dataset=digits", "model=cnn"),
    "a GAN": (*_CHECK, "dataset=digits", "model=gan"),
    "an error of shapes": (*_CHECK, "dataset=iris", "model=cnn"),
    "1,000 points: rate x seed": (
        *_CHECK, "-m", "dataset=iris", "model=mlp", "optimizer.lr=range(0.001,0.101,0.001)", "seed=range(10)",
    ),
    "1,000 points: rate x width x batch": (
        *_CHECK, "-m", "dataset=digits", "model=mlp", "optimizer.lr=range(0.0001,0.0101,0.0001)",
        "model.hidden=[32],[64],[64,64],[128],[128,128]", "trainer.batch_size=32,64",
    ),
}  # fmt: skip


def main(words: Sequence[str] | None = None) -> None:
    """Check each in rounds; print medians and the difference to `import torch`."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_common(parser, rounds=5)
    asked = parser.parse_args(words)
    environment = {**os.environ, "CI": "1", "OMP_NUM_THREADS": str(asked.threads)}
    print_over_torch([measure(environment, COMMANDS, refused=["an error of shapes"]) for _ in range(asked.rounds)])


if __name__ == "__main__":
    main()
