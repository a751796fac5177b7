"""Learning rates of the MNIST network, trained by a plain loop each, by dlrun one by one, and by dlrun as one model.

    python -m benchmarks.packing [--models 8,32] [--steps 400] [--rounds 3] [--threads 1] [--jobs 2] [--device cpu]

The network is 784-128-128-10, batch 32, Adam. In each round every way trains all models, and ratios are computed within
a round: of the time in training steps, and of the whole command, from its start to the last result. A plain loop has no
command: it neither saves nor measures. "as one" is `launch.pack=on launch.jobs=JOBS`, "one by one" is `launch.pack=off
launch.jobs=1`; --threads is of each process. The last training losses of each model are compared too.
DLRUN_MNIST=FOLDER selects the real data. On a GPU (--device cuda) there is no plain loop.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.arguments import add_common, at_least_one
from benchmarks.contestants.ours import MODELS, write_images
from benchmarks.workload import BATCH_SIZE, WORKLOADS, Workload


@dataclass(frozen=True)
class Way:
    """How long all models took: training steps alone, and the whole command."""

    training: float
    whole: float
    losses: Sequence[float] = ()


def rates(count: int) -> list[str]:
    """Return learning rates from 1e-4 to 3e-3, evenly spaced in their logarithm."""
    share = math.log(30) / max(1, count - 1)
    return [f"{1e-4 * math.exp(share * number):.6g}" for number in range(count)]


def plain(count: int, steps: int, threads: int) -> Way:
    """Train `count` plain loops, one after another, each in a new model; imports do not count."""
    rows = str(steps * BATCH_SIZE)
    program = (
        "import sys, json; from benchmarks.contestants.plain import train; from benchmarks.workload import Workload; "
        f"print(json.dumps([train(Workload('mlp', {rows}, 1))[0] for _ in range({count})]))"
    )
    done = _run([sys.executable, "-c", program], threads)
    seconds = sum(json.loads(done.splitlines()[-1]))
    return Way(seconds, seconds)


def ours(words: Sequence[str], count: int, options: argparse.Namespace, *, pack: bool) -> Way:
    """Train with `dlrun -m`; return the seconds of training, with packs side by side, and of the command."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "dlrun", "-m", *words, f"optimizer.lr={','.join(rates(count))}", "optimizer=adam",
            f"trainer.batch_size={BATCH_SIZE}", f"trainer.max_steps={options.steps}", "trainer.epochs=1",
            f"device={options.device}", f"device.threads={options.threads}", "dataset.baselines=false",
            f"hydra.sweep.dir={folder}/sweep", f"launch.pack={'on' if pack else 'off'}",
            f"launch.jobs={options.jobs if pack else 1}", "--quiet",
        ]  # fmt: skip
        started = time.perf_counter()
        _run(command, options.threads)
        whole = time.perf_counter() - started
        results = [json.loads((Path(folder) / "sweep" / str(n) / "result.json").read_text()) for n in range(count)]
        losses = [_last_loss(Path(folder) / "sweep" / str(number) / "metrics.jsonl") for number in range(count)]
    seconds = sum(result["seconds"]["train"] for result in results)
    num_packs = round(count / results[0]["environment"].get("packed", count))
    return Way(seconds / min(options.jobs, num_packs), whole, losses)


def _last_loss(path: Path) -> float:
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return float([row["train/loss"] for row in rows if "lr" in row][-1])


def _run(command: Sequence[str], threads: int) -> str:
    env = {**os.environ, "OMP_NUM_THREADS": str(threads), "CI": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} failed:\n{done.stderr[-3000:]}")
    return done.stdout


def report(count: int, found: Sequence[tuple[Way | None, Way, Way]], steps: int) -> None:
    """Print the medians over rounds of one number of models."""

    def each(seconds: float) -> float:
        return seconds / steps / count * 1e6

    for name, place in (("plain loops", 0), ("dlrun one by one", 1), ("dlrun as one", 2)):
        pairs = [(way, ways[2]) for ways in found if (way := ways[place]) is not None]
        if not pairs:
            continue
        micro = statistics.median(each(way.training) for way, _ in pairs)
        training = statistics.median(way.training / packed.training for way, packed in pairs)
        whole = statistics.median(way.whole / packed.whole for way, packed in pairs)
        print(f"{count:>6}  {name:<18}{micro:>12.0f}{training:>14.2f}x{whole:>16.2f}x", flush=True)
    apart = max(abs(a - b) for _, one, packed in found for a, b in zip(one.losses, packed.losses, strict=True))
    print(f"{'':>8}last training losses differ by at most {apart:.1e}", flush=True)


def arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """Parse the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help="how many models, from 2 up (8,32; on a GPU 8,32,128)")
    parser.add_argument("--steps", type=at_least_one, default=400, help="steps of each model, 2 to 1687 (400)")
    parser.add_argument("--jobs", type=at_least_one, default=os.cpu_count() or 1, help="packs at once (all cores)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    add_common(parser, rounds=3)
    parser.set_defaults(threads=1)
    options = parser.parse_args(words)
    options.models = options.models or ("8,32" if options.device == "cpu" else "8,32,128")
    return options


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print a table."""
    options = arguments(words)
    workload: Workload = dataclasses.replace(WORKLOADS["mlp"], rows=min(60_000, (options.steps * 4 // 3) * BATCH_SIZE))
    print(f"{options.steps} steps, batch {BATCH_SIZE}, {options.device}, {options.threads} thread(s) a process, "
          f"as one in {options.jobs} process(es), {options.rounds} round(s)")  # fmt: skip
    print(f"{'models':>6}  {'':<18}{'us a step':>12}{'as one faster':>15}{'whole command':>17}")
    with tempfile.TemporaryDirectory() as folder:
        data = (*write_images(workload, Path(folder)), *MODELS["mlp"])
        for count in (int(number) for number in options.models.split(",")):
            found = []
            for _ in range(options.rounds):
                loop = plain(count, options.steps, options.threads) if options.device == "cpu" else None
                one = ours(data, count, options, pack=False)
                found.append((loop, one, ours(data, count, options, pack=True)))
            report(count, found, options.steps)


if __name__ == "__main__":
    main()
