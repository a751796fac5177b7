"""dlrun on a file of texts and labels."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from benchmarks.contestants import ours
from benchmarks.networks import EMBEDDING, HIDDEN
from benchmarks.texts import MAX_LENGTH, texts
from benchmarks.workload import Workload

PACKAGES = ("dlrun", "torch")

_MODEL = (
    "model=rnn", "model.cell=lstm", f"model.hidden={HIDDEN}", f"model.embedding={EMBEDDING}",
    "model.bidirectional=true", "model.pool=last", "model.dropout=0",
)  # fmt: skip


def train(workload: Workload) -> list[float]:
    """Train and return the seconds of each epoch."""
    found = list(zip(*texts(workload), strict=True))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part, rows in (("train", found), ("test", found[:100])):
            with (folder / f"{part}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([("text", "label"), *rows])
        data = (
            "dataset=text", f"dataset.path={folder}/train.csv", f"dataset.test={folder}/test.csv",
            f"dataset.max_length={MAX_LENGTH}", "dataset.max_vocabulary=100000",
        )  # fmt: skip
        return ours.run((*data, *_MODEL), workload, folder)
