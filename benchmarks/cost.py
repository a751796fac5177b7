"""What evaluating, logging and saving cost of a run: `python -m benchmarks.cost [--workloads mlp,lenet] [--rounds 5]`.

In each round every form trains once: with everything on, and with parts switched off. An epoch's evaluation and
checkpoint are counted for each epoch, and a share is taken within a round; medians over rounds are printed.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.arguments import add_common, at_least_one
from benchmarks.commands import train
from benchmarks.workload import BATCH_SIZE, LEARNING_RATE, WORKLOADS, Workload

NO_EVALUATION, NO_LOG, NO_SAVING = "trainer.eval_every=0", "trainer.log_every=0", "checkpoint.every_epochs=0"
FORMS = {  # a new best is saved whatever `every_epochs` says, so saving is measured where nothing is evaluated
    "everything": (),
    "no evaluation": (NO_EVALUATION,),
    "no log": (NO_LOG,),
    "only saving": (NO_EVALUATION, NO_LOG),
    "nothing": (NO_EVALUATION, NO_LOG, NO_SAVING),
}
SHARES = {  # what -> the form with it, the one without, whether it happens once an epoch
    "evaluating": ("everything", "no evaluation", True),
    "logging": ("everything", "no log", False),
    "saving": ("only saving", "nothing", True),
    "all together": ("everything", "nothing", True),
}


def shares(seconds: dict[str, float], epochs: int) -> dict[str, float]:
    """Each part's share of a run with everything on.

    seconds: from the first step to the end of the last epoch, before which one evaluation fewer than there are epochs
    took place, and one checkpoint fewer.
    """
    found = {}
    for what, (with_it, without, once_an_epoch) in SHARES.items():
        share = (seconds[with_it] - seconds[without]) / seconds["everything"]
        found[what] = share * epochs / (epochs - 1) if once_an_epoch else share
    return found


def measure(data: Sequence[str], epochs: int, threads: int) -> tuple[dict[str, float], float]:
    """One round: seconds of every form, and seconds that the loop waits for one checkpoint."""
    common = (
        *data, f"trainer.batch_size={BATCH_SIZE}", "optimizer=adam", f"optimizer.lr={LEARNING_RATE}", "device=cpu",
        f"trainer.epochs={epochs}", f"device.threads={threads}",
    )  # fmt: skip
    seconds = {name: train([*common, *words]).epochs[-1]["seconds"] for name, words in FORMS.items()}
    profile = train([*common, "--profile"]).profile
    assert profile is not None
    return seconds, profile["seconds"]["save"] / epochs


def report(workload: Workload, rounds: Sequence[tuple[dict[str, float], float]]) -> None:
    """Shares and waiting, medians over rounds."""
    whole = statistics.median(seconds["everything"] for seconds, _ in rounds)
    print(f"\n{workload.name}: {workload.epochs} epochs in {whole:.2f} s, {len(rounds)} rounds")
    each = [shares(seconds, workload.epochs) for seconds, _ in rounds]
    for what in SHARES:
        print(f"{what:<34}{statistics.median(found[what] for found in each):>8.1%} of the run")
    waited = statistics.median(wait for _, wait in rounds)
    print(f"{'the loop waits for a checkpoint':<34}{waited * 1e3:>8.2f} ms", flush=True)


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print a table a workload."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", default="mlp,lenet")
    parser.add_argument("--rows", type=at_least_one, default=60_000, help="rows, at most 60,000")
    parser.add_argument("--epochs", type=at_least_one, default=4, help="epochs a run, from 2 up")
    add_common(parser, rounds=5)
    asked = parser.parse_args(words)
    if asked.epochs < 2:
        parser.error("--epochs: expected 2 or more, so that something is evaluated and saved between two epochs.")
    from benchmarks.contestants.ours import MODELS, write_images

    for name in asked.workloads.split(","):
        workload = dataclasses.replace(WORKLOADS[name], rows=asked.rows, epochs=asked.epochs)
        with tempfile.TemporaryDirectory() as folder:
            data = (*write_images(workload, Path(folder)), *MODELS[name])
            rounds = [measure(data, asked.epochs, asked.threads) for _ in range(asked.rounds)]
            report(workload, rounds)


if __name__ == "__main__":
    main()
