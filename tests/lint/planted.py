"""Mistakes planted in otherwise good configurations: each must be found, and its cure must mend it.

They include every mistake of the tutorials that can be written down in a configuration or in a model of one's own.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Planted:
    """A good configuration and the words that spoil it.

    ids: of the finding; several, where a mistake may show as either. cure: words that mend it; None takes the finding's
    own fix. model: the lines of a model of one's own, spoiled and sound, where the mistake is in its code.
    """

    name: str
    ids: tuple[str, ...]
    good: str
    mistake: str = ""
    cure: str | None = None
    model: tuple[str, str] | None = None
    data: Callable[[Path], None] | None = None
    deep: bool = False


_HEAD = """
import torch
from torch import nn
import torch.nn.functional as F
from dlrun import DataSpec, num_logits

def mine(spec: DataSpec, *, width: int = 32) -> nn.Module:
    '''A model of one's own.'''
    inputs, outputs = spec.num_features, num_logits(spec)
"""


def source(body: str) -> str:
    """Return the file of a model: its function's body may use `spec`, `width`, `inputs` and `outputs`."""
    return _HEAD + "".join(f"    {line}\n" for line in body.splitlines())


def _mlp(last: str, *, between: str = "nn.ReLU()", outputs: str = "outputs") -> str:
    parts = ["nn.Flatten()", "nn.Linear(inputs, width)", between, f"nn.Linear(width, {outputs})", last]
    return f"return nn.Sequential({', '.join(part for part in parts if part)})"


_CNN = """return nn.Sequential(
    nn.Conv2d({channels}, 16, 3, padding=1{conv}), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear({flat}, outputs))"""
_CNN_GOOD = _CNN.format(channels="spec.shape[0]", conv="", flat="16 * 4 * 4")
_PARTS = """class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(inputs, width), nn.Linear(width, outputs)
        {extra}
    def forward(self, x):
        h = F.relu(self.first(x))
        {middle}
        return self.last(h)
return Net()"""
_PARTS_GOOD = _PARTS.format(extra="pass", middle="pass")


def _rows(path: Path, write: Callable[[random.Random, int], str], heading: str, count: int = 400) -> None:
    source = random.Random(0)
    lines = [write(source, number) for number in range(count)]
    path.write_text("\n".join([heading, *lines]) + "\n", encoding="utf-8")


def _leak(folder: Path) -> None:
    def row(source: random.Random, number: int) -> str:
        a, b = source.gauss(0, 1), source.gauss(0, 1)
        sick = int(a + b + source.gauss(0, 1) > 0)
        return f"{a:.3f},{b:.3f},{100 * sick + source.random():.2f},{'yes' if sick else 'no'}"

    _rows(folder / "leak.csv", row, "a,b,bill,sick")


def _twice(folder: Path) -> None:
    def row(source: random.Random, number: int) -> str:
        a, b = source.gauss(0, 1), source.gauss(0, 1)
        return f"{a:.6f},{b:.6f},{a - b + source.gauss(0, 1):.3f}"

    _rows(folder / "once.csv", row, "a,b,y")
    heading, *lines = (folder / "once.csv").read_text().splitlines()
    (folder / "twice.csv").write_text("\n".join([heading, *lines, *lines]) + "\n")


def _rare(folder: Path) -> None:
    def row(source: random.Random, number: int) -> str:
        a, b = source.gauss(0, 1), source.gauss(0, 1)
        return f"{a:.3f},{b:.3f},{'fraud' if a + source.gauss(0, 1) > 2.6 else 'fine'}"

    _rows(folder / "rare.csv", row, "a,b,kind", count=1500)


def _numbered(folder: Path) -> None:
    def row(source: random.Random, number: int) -> str:
        a = source.gauss(0, 1)
        return f"C{source.randrange(10**9):09d},{a:.3f},{a + source.gauss(0, 1):.3f}"

    _rows(folder / "numbered.csv", row, "customer,a,y")


_TABLE = "dataset=table dataset.target=y model=mlp"

PLANTED = (
    # the tutorials' mistakes
    Planted("softmax, then a cross entropy of logits", ("softmax-before-cross-entropy",), "dataset=iris model=mine",
            model=(_mlp("nn.Softmax(dim=1)"), _mlp(""))),
    Planted("sigmoid, then a cross entropy of logits", ("sigmoid-before-cross-entropy",),
            "dataset=breast_cancer model=mine", model=(_mlp("nn.Sigmoid()"), _mlp(""))),
    Planted("log-softmax, then a cross entropy of logits", ("log-softmax-before-cross-entropy",),
            "dataset=iris model=mine", model=(_mlp("nn.LogSoftmax(dim=1)"), _mlp(""))),
    Planted("Conv2d has no activation", ("build-failed",), "dataset=digits model=mine",
            model=(_CNN.format(channels="spec.shape[0]", conv=", activation='relu'", flat="16 * 4 * 4"), _CNN_GOOD)),
    Planted("flattened size computed by hand", ("shapes",), "dataset=digits model=mine",
            model=(_CNN.format(channels="spec.shape[0]", conv="", flat="16 * 3 * 3"), _CNN_GOOD)),
    Planted("channels of colour images on grey ones", ("shapes",), "dataset=digits model=mine",
            model=(_CNN.format(channels="3", conv="", flat="16 * 4 * 4"), _CNN_GOOD)),
    Planted("full-batch descent at 0.01", ("learning-rate-diverges",),
            "dataset=line model=linear optimizer=sgd optimizer.lr=1e-4 dataset.standardise=false "
            "dataset.standardise_target=false trainer.batch_size=100 trainer.epochs=200",
            "optimizer.lr=0.01"),
    Planted("the same in mini-batches", ("learning-rate-diverges",),
            "dataset=line model=linear optimizer=sgd optimizer.lr=1e-4 trainer.epochs=20",
            "optimizer.lr=0.01"),
    Planted("no shuffling", ("no-shuffling",), "dataset=iris model=mlp", "trainer.shuffle=false"),
    Planted("no validation rows", ("no-validation",), "dataset=iris model=mlp", "dataset.val_fraction=0"),
    # models
    Planted("eleven outputs for three classes", ("output-shape",), "dataset=iris model=mine",
            model=(_mlp("", outputs="11"), _mlp(""))),
    Planted("a regression that ends in a ReLU", ("bounded-outputs",), "dataset=diabetes model=mine",
            model=(_mlp("nn.ReLU()"), _mlp(""))),
    Planted("hidden layers that start at zero", ("dead-activations", "vanishing-gradients"), "dataset=iris model=mlp",
            "model.init=zeros"),
    Planted("twenty layers of sigmoids", ("vanishing-gradients",), "dataset=digits model=mlp",
            f"model.hidden=[{','.join(['64'] * 20)}] model.activation=sigmoid"),
    Planted("outputs a thousand times too large", ("initial-loss",), "dataset=iris model=mine",
            model=(_mlp("Times()").replace("return ", "class Times(nn.Module):\n    def forward(self, x):\n"
                                           "        return 1000 * x\nreturn "), _mlp(""))),
    Planted("a layer that is never called", ("unused-parameters",), "dataset=iris model=mine",
            model=(_PARTS.format(extra="self.spare = nn.Linear(width, width)", middle="pass"), _PARTS_GOOD)),
    Planted("layers in a plain list", ("unregistered-parameters",), "dataset=iris model=mine",
            model=(_PARTS.format(extra="self.more = [nn.Linear(width, width)]", middle="h = F.relu(self.more[0](h))"),
                   _PARTS_GOOD)),
    Planted("a detached hidden layer", ("unused-parameters",), "dataset=iris model=mine",
            model=(_PARTS.format(extra="pass", middle="h = h.detach()"), _PARTS_GOOD)),
    Planted("no way from the loss to the weights", ("detached-loss",), "dataset=iris model=mine",
            model=(_mlp("Cut()").replace("return ", "class Cut(nn.Module):\n    def forward(self, x):\n"
                                         "        return x.detach()\nreturn "), _mlp(""))),
    Planted("all rows get the same outputs", ("cannot-overfit-batch",), "dataset=iris model=mine",
            model=(_PARTS.format(extra="pass", middle="h = h.mean(dim=0, keepdim=True).expand_as(h)"), _PARTS_GOOD),
            deep=True),
    Planted("more memory than there is", ("memory",), "dataset=digits model=mlp",
            "model.hidden=[65536,65536,65536,65536]", cure="model.hidden=[128]"),
    Planted("dropout of 0.95", ("extreme-dropout",), "dataset=digits model=mlp", "model.dropout=0.95"),
    Planted("batch normalisation of three rows", ("small-batch-norm",), "dataset=digits model=mlp model.norm=batch",
            "trainer.batch_size=3"),
    # training
    Planted("a rate of 100", ("learning-rate-too-high", "learning-rate-diverges"),
            "dataset=digits model=mlp optimizer=sgd optimizer.lr=0.05",
            "optimizer.lr=100"),
    Planted("a rate of 1e-9", ("learning-rate-too-low",), "dataset=digits model=mlp", "optimizer.lr=1e-9"),
    Planted("a schedule whose first step comes after the end", ("schedule-length",),
            "dataset=digits model=mlp scheduler=step trainer.epochs=60", "scheduler.every_epochs=500"),
    Planted("a warm-up longer than the run", ("schedule-length",), "dataset=digits model=mlp scheduler=cosine",
            "scheduler.warmup_steps=100000"),
    Planted("patience longer than the run", ("early-stopping-never",), "dataset=digits model=mlp trainer.epochs=20",
            "trainer.early_stop.patience=500"),
    Planted("checkpoints only after the end", ("nothing-saved",), "dataset=digits model=mlp trainer.epochs=100",
            "checkpoint.every_epochs=0 checkpoint.every_steps=10000000"),
    Planted("an average longer than the run", ("average-longer-than-run",),
            "dataset=digits model=mlp trainer.ema=0.99 trainer.epochs=20", "trainer.ema=0.999999"),
    Planted("more batches to a step than there are", ("accumulation-beyond-epoch",), "dataset=digits model=mlp",
            "trainer.accumulate=5000"),
    Planted("two processes for a small network", ("slow-processes",), "dataset=digits model=mlp",
            "device.processes=2"),
    # data
    Planted("inputs as they are", ("unscaled-inputs",), "dataset=wine model=mlp", "dataset.standardise=false"),
    Planted("targets as they are", ("unscaled-target",), "dataset=diabetes model=mlp",
            "dataset.standardise_target=false"),
    Planted("a column that gives the target away", ("target-leak",),
            "dataset=table dataset.path=leak.csv dataset.target=sick model=mlp dataset.columns={bill:ignore}",
            "dataset.columns={}", data=_leak),
    Planted("rows that stand twice in the file", ("rows-in-two-splits",), f"{_TABLE} dataset.path=once.csv",
            "dataset.path=twice.csv", cure="dataset.path=once.csv", data=_twice),
    Planted("a rare class and accuracy", ("unequal-classes",),
            "dataset=table dataset.path=rare.csv dataset.target=kind model=mlp metric=auroc",
            "metric=accuracy", data=_rare),
    Planted("a customer number as a category", ("identifier-feature",), f"{_TABLE} dataset.path=numbered.csv",
            "dataset.columns={customer:category}", data=_numbered),
    Planted("four million weights for 133 rows", ("too-many-parameters",),
            "dataset=wine model=mlp model.dropout=0.2", "model.hidden=[2048,2048] model.dropout=0 "
            "trainer.epochs=500 trainer.early_stop.patience=null optimizer.weight_decay=0 dataset.val_fraction=0"),
    Planted("texts cut after four tokens", ("texts-cut-off",), "dataset=text dataset.path=example:reviews.csv",
            "dataset.max_length=4"),
)  # fmt: skip
