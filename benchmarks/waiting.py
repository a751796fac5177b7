"""How long the loop waits for streamed data: `python -m benchmarks.waiting [--pictures 2000] [--workers 0,1,2]`.

JPEG images are read from their files when they are needed. The share is measured over the epochs after the first, which
also waits for the workers to start (one import of torch) and has its own column.
Workers help if there are cores for them: with `--threads 1` on two cores, one core is free to decode.
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
    "linear": ("model=linear",),  # almost no computation
    "cnn": ("model=cnn",),
    "resnet": ("model=resnet",),
}


def write_images(folder: Path, count: int, side: int) -> None:
    """Write images of smooth noise, whose JPEG files take about as long to decode as photographs."""
    from PIL import Image

    random = np.random.default_rng(0)
    for number in range(count):
        place = folder / f"class{number % 4}"
        place.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(random.integers(0, 256, (side // 8, side // 8, 3), dtype=np.uint8))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(place / f"{number:05}.jpg", quality=90)


def timed_epochs(words: Sequence[str]) -> list[tuple[float, float]]:
    """Train; return for each epoch its seconds and the seconds that the loop waited for batches."""
    from dlrun.cli.main import main as dlrun
    from dlrun.data.loading.split import Loader

    found = []
    of_loader = Loader.epoch

    def timed(loader: Loader, *args: Any, **options: Any) -> Iterator[Any]:
        waited, started = 0.0, time.perf_counter()
        batches = of_loader(loader, *args, **options)
        while True:
            before = time.perf_counter()
            batch = next(batches, None)
            waited += time.perf_counter() - before
            if batch is None:
                found.append((time.perf_counter() - started, waited))
                return
            yield batch

    with tempfile.TemporaryDirectory() as folder, patch.object(Loader, "epoch", timed):
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            code = dlrun([*words, "--quiet", f"hydra.run.dir={folder}/run"])
        if code:
            raise SystemExit(f"dlrun {' '.join(words)} ended with {code}:\n{output.getvalue()[-2000:]}")
    return found


def in_its_own_process(words: Sequence[str]) -> list[tuple[float, float]]:
    """Call `timed_epochs` in a new process, without a worker server of an earlier run."""
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
    parser.add_argument("--models", default="linear,cnn,resnet", help=f"some of {', '.join(_MODELS)}")
    parser.add_argument("--epochs", type=at_least_one, default=3, help="epochs of each run, from 2 up")
    add_common(parser, rounds=3)
    options = parser.parse_args(words)
    if options.epochs < 2:
        parser.error("--epochs: expected 2 or more, because the first has its own column.")
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder), options.pictures, options.side)
        common = (
            "dataset=image_folder", f"dataset.path={folder}", f"dataset.size={options.side}", "dataset.in_memory=false",
            "dataset.val_fraction=0", f"trainer.epochs={options.epochs}", "device=cpu",
            f"device.threads={options.threads}",
        )  # fmt: skip
        size = f"{options.side}x{options.side}"
        print(f"{options.pictures:,} JPEG of {size}, {options.threads} threads, {options.rounds} rounds")
        print(f"{'':<10}{'workers':>8}{'s an epoch':>12}{'waits for data':>16}{'in the first pass':>19}")
        for model in options.models.split(","):
            for workers in options.workers.split(","):
                form = (*common, *_MODELS[model], f"trainer.workers={workers}")
                rounds = [in_its_own_process(form) for _ in range(options.rounds)]
                later = [epoch for epochs in rounds for epoch in epochs[1:]]
                seconds = statistics.median(spent for spent, _ in later)
                share = statistics.median(waited / spent for spent, waited in later)
                first = statistics.median(epochs[0][1] for epochs in rounds)
                print(f"{model:<10}{workers:>8}{seconds:>12.3f}{share:>16.1%}{first:>17.2f} s", flush=True)


if __name__ == "__main__":
    main()
