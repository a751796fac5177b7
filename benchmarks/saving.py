"""How long a checkpoint blocks training: `python -m benchmarks.saving [--rounds 3]`.

dlrun is measured within a run; every other framework saves weights and optimizer state with its own function, after an
epoch on a few rows. dlrun writes in a background thread, syncs to the disk and stores SHA-256 sums; the others do not.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.arguments import add_common
from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, WORKLOADS, floats

ROWS = 3200
SAVES = 5


def timed(save: Callable[[int], object]) -> list[float]:
    """Call `save(number)` SAVES times; return the seconds of each call."""
    taken = []
    for number in range(SAVES):
        started = time.perf_counter()
        save(number)
        taken.append(time.perf_counter() - started)
    return taken


def of_dlrun(name: str, folder: Path) -> list[float]:
    """Return how long the loop waited for a checkpoint, according to `--profile`: the mean over five epochs."""
    import dataclasses

    from benchmarks.commands import train
    from benchmarks.contestants.ours import MODELS, write_images

    words = (
        *write_images(dataclasses.replace(WORKLOADS[name], rows=ROWS), folder), *MODELS[name], "optimizer=adam",
        f"trainer.batch_size={BATCH_SIZE}", f"trainer.epochs={SAVES}", "dataset.val_fraction=0", "device=cpu",
        f"device.threads={os.environ['OMP_NUM_THREADS']}", "--profile",
    )  # fmt: skip
    profile = train(words).profile
    assert profile is not None
    return [profile["seconds"]["save"] / SAVES]


def network_and_adam(name: str) -> tuple[Any, Any]:
    """Return a network and its Adam optimizer after one step, so that it has state."""
    import torch

    from benchmarks.networks import network

    model = network(name)
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return model, optimizer


def of_plain(name: str, folder: Path) -> list[float]:
    """Save both state_dicts with `torch.save`, as tutorials do."""
    import torch

    model, optimizer = network_and_adam(name)
    return timed(
        lambda number: torch.save(
            {"model": model.state_dict(), "optimizer": optimizer.state_dict()}, folder / f"{number}.pt"
        )
    )


def of_lightning(name: str, folder: Path) -> list[float]:
    """`Trainer.save_checkpoint`."""
    import lightning as L
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    from benchmarks.contestants.lightning_ import module

    inputs, labels = map(torch.from_numpy, floats(WORKLOADS[name]))
    loader = DataLoader(TensorDataset(inputs[:ROWS], labels[:ROWS]), batch_size=BATCH_SIZE)
    trainer = L.Trainer(max_epochs=1, accelerator="cpu", logger=False, default_root_dir=folder)
    trainer.fit(module(name), loader)
    return timed(lambda number: trainer.save_checkpoint(folder / f"{number}.ckpt"))


def of_keras(name: str, folder: Path) -> list[float]:
    """`Model.save`."""
    from benchmarks.contestants.keras_ import arrays, compiled

    inputs, labels = arrays(WORKLOADS[name])
    model = compiled(name)
    model.fit(inputs[:ROWS], labels[:ROWS], batch_size=BATCH_SIZE, verbose=0)
    return timed(lambda number: model.save(folder / f"{number}.keras"))


def of_skorch(name: str, folder: Path) -> list[float]:
    """`NeuralNet.save_params` of weights, optimizer and history."""
    from benchmarks.contestants.skorch_ import classifier

    inputs, labels = floats(WORKLOADS[name])
    net = classifier(name, epochs=1)
    net.fit(inputs[:ROWS], labels[:ROWS])
    return timed(
        lambda number: net.save_params(
            f_params=folder / f"{number}.pt", f_optimizer=folder / f"{number}-optimizer.pt",
            f_history=folder / f"{number}.json",
        )
    )  # fmt: skip


def of_ignite(name: str, folder: Path) -> list[float]:
    """The `Checkpoint` handler with a `DiskSaver`."""
    from ignite.engine import Engine
    from ignite.handlers import Checkpoint, DiskSaver

    model, optimizer = network_and_adam(name)
    engine: Any = Engine(lambda *_: None)
    engine.run([0])
    checkpoint = Checkpoint(
        {"model": model, "optimizer": optimizer}, DiskSaver(folder, require_empty=False), n_saved=None
    )

    def save(number: int) -> None:
        engine.state.iteration = number
        checkpoint(engine)

    return timed(save)


def of_accelerate(name: str, folder: Path) -> list[float]:
    """`Accelerator.save_state`."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    accelerator.prepare(*network_and_adam(name))
    return timed(lambda number: accelerator.save_state(folder / str(number)))


WAYS = {  # name -> function, required package, environment variables
    "dlrun": (of_dlrun, "dlrun", {}),
    "plain loop": (of_plain, "torch", {}),
    "Lightning": (of_lightning, "lightning", {}),
    "Keras on TensorFlow": (of_keras, "tensorflow", {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}),
    "skorch": (of_skorch, "skorch", {}),
    "Ignite": (of_ignite, "ignite", {}),
    "Accelerate": (of_accelerate, "accelerate", {}),
}


def measure(way: str, workload: str, threads: int) -> float:
    """Return the seconds of one checkpoint, the median of several, measured in a new process."""
    env = {**os.environ, **WAYS[way][2], "OMP_NUM_THREADS": str(threads)}
    code = "import sys; from benchmarks.saving import print_seconds; print_seconds(*sys.argv[1:])"
    done = subprocess.run([sys.executable, "-c", code, way, workload], env=env, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{way} on {workload} failed:\n{done.stderr[-3000:]}")
    return statistics.median(json.loads(done.stdout.splitlines()[-1]))


def print_seconds(way: str, workload: str) -> None:
    """Measure one way in this process and print the seconds as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(WAYS[way][0](workload, Path(folder))))


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print a table for each workload, with medians over rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", default="mlp,lenet")
    add_common(parser, rounds=3)
    options = parser.parse_args(words)
    names = [name for name, (_, package, _) in WAYS.items() if importlib.util.find_spec(package)]
    for workload in options.workloads.split(","):
        print(f"\n{workload}: how long a checkpoint blocks training, {options.rounds} rounds")
        for name in names:
            seconds = statistics.median(measure(name, workload, options.threads) for _ in range(options.rounds))
            print(f"{name:<22}{seconds * 1e3:>10.2f} ms", flush=True)


if __name__ == "__main__":
    main()
