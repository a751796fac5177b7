"""How long the loop waits for streamed data: `python -m benchmarks.waiting [--pictures 2000] [--workers 0,1,2]`.

JPEG pictures are read off their files as they are needed. The share is that of the epochs after the first, which also
waits for the workers' start (one import of torch) and stands in a column of its own.
Workers help where there are cores for them: with `--threads 1` on two cores, one is left to decode.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.arguments import add_common, at_least_one

_TIMED_EPOCHS = """
import json, sys
from benchmarks.waiting import timed_epochs
print(json.dumps(timed_epochs(sys.argv[1:])))
"""
_MODELS = {
    "linear": ("model=linear",),  # nothing to do but wait
    "cnn": ("model=cnn",),
    "resnet": ("model=resnet",),
}


def write_pictures(folder: Path, count: int, side: int) -> None:
    """Photographs of nothing: smooth noise, so that a JPEG of it costs about what one of a photograph does."""
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(count):
        place = folder / f"class{number % 4}"
        place.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(place / f"{number:05}.jpg", quality=90)


def timed_epochs(words: Sequence[str]) -> list[tuple[float, float]]:
    """Train; for each epoch its seconds, and those in which the loop waited for a batch."""
    from dlrun.cli.main import main as dlrun
    from dlrun.data.loading.split import Loader

    found = []
    of_loader = Loader.epoch

    def timed(loader: Loader, *args: Any, **options: Any) -> Iterator[Any]:
        waited, started = 0.0, time.perf_counter()
        batches = of_loader(loader, *args, **options)
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            waited += time.perf_counter() - asked
            if batch is None:
                found.append((time.perf_counter() - started, waited))
                return
            yield batch

    with tempfile.TemporaryDirectory() as folder, patch.object(Loader, "epoch", timed):
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = dlrun([*words, "--quiet", f"hydra.run.dir={folder}/run"])
        if code:
            raise SystemExit(f"dlrun {' '.join(words)} ended with {code}:\n{said.getvalue()[-2000:]}")
    return found


def in_its_own_process(words: Sequence[str]) -> list[tuple[float, float]]:
    """`timed_epochs`, where no server of workers is left from a run before."""
    code = (
        "import json, sys; from benchmarks.waiting import timed_epochs; print(json.dumps(timed_epochs(sys.argv[1:])))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    return [(seconds, waited) for seconds, waited in json.loads(done.stdout.splitlines()[-1])]


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print a line for each network and number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=at_least_one, default=2000)
    parser.add_argument("--side", type=at_least_one, default=96, help="pixels, a multiple of 8")
    parser.add_argument("--workers", default="0,1,2")
    parser.add_argument("--models", default="linear,cnn,resnet", help=f"of {', '.join(_MODELS)}")
    parser.add_argument("--epochs", type=at_least_one, default=3, help="epochs a run, from 2 up")
    add_common(parser, rounds=3)
    asked = parser.parse_args(words)
    if asked.epochs < 2:
        parser.error("--epochs: expected 2 or more, since the first is shown apart.")
    with tempfile.TemporaryDirectory() as folder:
        write_pictures(Path(folder), asked.pictures, asked.side)
        common = (
            "dataset=image_folder", f"dataset.path={folder}", f"dataset.size={asked.side}", "dataset.in_memory=false",
            "dataset.val_fraction=0", f"trainer.epochs={asked.epochs}", "device=cpu", f"device.threads={asked.threads}",
        )  # fmt: skip
        print(f"{asked.pictures:,} JPEG of {asked.side}x{asked.side}, {asked.threads} threads, {asked.rounds} rounds")
        print(f"{'':<10}{'workers':>8}{'s an epoch':>12}{'waits for data':>16}{'in the first pass':>19}")
        for model in asked.models.split(","):
            for workers in asked.workers.split(","):
                form = (*common, *_MODELS[model], f"trainer.workers={workers}")
                rounds = [in_its_own_process(form) for _ in range(asked.rounds)]
                later = [epoch for epochs in rounds for epoch in epochs[1:]]
                seconds = statistics.median(spent for spent, _ in later)
                share = statistics.median(waited / spent for spent, waited in later)
                first = statistics.median(epochs[0][1] for epochs in rounds)
                print(f"{model:<10}{workers:>8}{seconds:>12.3f}{share:>16.1%}{first:>17.2f} s", flush=True)


if __name__ == "__main__":
    main()
