"""Fields that are `auto`: the rules that work out their values once the data, or the model, is known.

A rule is a sentence, which `dlrun show --why` prints, and a function of the configuration and of facts about the data.
It never measures, so the same command gives the same values. Numbers were chosen by measuring: docs/decisions/033.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dlrun.configuration.schema.fields import AUTO
from dlrun.configuration.threads import LEAST_PER_THREAD, Work, choose_threads


@dataclass(frozen=True)
class Facts:
    """What the rules know of the data. Rows are those of the training and validation split; features are per row.

    work: of a training step; None until the model is built. cores: that the run may use; processes: that share them.
    """

    kind: str  # of rows, as in DataSpec
    predicts_numbers: bool  # rather than classes or tokens
    num_train: int
    num_val: int = 0
    num_features: int = 1
    num_numbers: int = 0  # of the features that are numbers with a scale of their own
    shape: tuple[int, ...] = ()  # of a row, as in DataSpec
    work: Work | None = None
    cores: int = 1
    processes: int = 1

    @property
    def is_table(self) -> bool:
        """Whether each row is a flat list of features."""
        return self.kind == "dense"

    @property
    def is_image(self) -> bool:
        """Whether each row is an image."""
        return self.kind == "image"

    @property
    def side(self) -> int:
        """The smaller side of an image in pixels."""
        return min(self.shape[1:], default=0)


Tree = Mapping[str, Any]
Decided = Mapping[str, Any]
"""The values that rules have decided so far, by key."""


@dataclass(frozen=True)
class Rule:
    """How one field is worked out. text: the rule in words, a clause without a full stop.

    needs_model: whether it reads the work of a step; such a field stays `auto` until the model is built.
    """

    key: str
    text: str
    decide: Callable[[Tree, Facts, Decided], Any]
    needs_model: bool = False


def _shift(tree: Tree, facts: Facts, decided: Decided) -> int:
    convolves = tree["model"]["name"] in ("cnn", "resnet")
    return min(_MOST_SHIFT, facts.side // 16) if facts.is_image and convolves else 0


def _batch_size(tree: Tree, facts: Facts, decided: Decided) -> int:
    if facts.is_image:
        return int(min(128, max(32, 2 ** int(math.log2(max(1, facts.num_train // 64))))))
    if not facts.is_table:
        return 32
    rows = max(1, facts.num_train // 8)
    return int(min(256, max(16, 2 ** int(math.log2(rows)))))


def steps_per_epoch(num_rows: int, *, batch_size: int, accumulate: int) -> int:
    """Return how many optimizer steps an epoch has."""
    return -(-num_rows // (batch_size * accumulate))


def _steps_per_epoch(tree: Tree, facts: Facts) -> int:
    trainer = tree["trainer"]
    return steps_per_epoch(facts.num_train, batch_size=trainer["batch_size"], accumulate=trainer["accumulate"])


def _epochs(tree: Tree, facts: Facts, decided: Decided) -> int | None:
    if tree["trainer"]["max_steps"] is not None:
        return None
    length = _LENGTHS.get("image" if facts.is_image else tree["model"]["name"])
    if length is not None:
        return min(length.most, max(length.least, math.ceil(length.steps / _steps_per_epoch(tree, facts))))
    steps = _FEWEST_STEPS
    if facts.is_table:
        steps = max(steps, min(_MOST_STEPS, facts.num_train // 4))
    wanted = math.ceil(steps / _steps_per_epoch(tree, facts))
    if tree["model"]["name"] == "forecast":
        return wanted
    return min(_MOST_EPOCHS, max(_LEAST_EPOCHS, wanted)) if facts.is_table else 10


def _patience(tree: Tree, facts: Facts, decided: Decided) -> int | None:
    ends_by_rule = decided.get("trainer.epochs") is not None
    return _PATIENCE if facts.is_table and facts.num_val and ends_by_rule else None


def _every_epochs(tree: Tree, facts: Facts, decided: Decided) -> int:
    return max(1, (tree["trainer"]["epochs"] or 1) // _EVALUATIONS)


def _lr(tree: Tree, facts: Facts, decided: Decided) -> float:
    if tree["model"]["name"] in ("tabular", "factorization"):
        return 0.01
    return 0.003 if tree["model"]["name"] in ("forecast", "cnn", "text") else 0.001


def _weight_decay(tree: Tree, facts: Facts, decided: Decided) -> float:
    return 0.2 if tree["model"]["name"] == "factorization" else 0.01


def _channels(tree: Tree, facts: Facts, decided: Decided) -> list[int]:
    """As many blocks as the image has room for, at least one."""
    model, side = tree["model"], facts.side
    pad = {"valid": 0, "same": model["kernel"] // 2}.get(model["padding"], model["padding"])
    blocks = 0
    for _ in _CHANNELS if side >= _LARGE_SIDE else _CHANNELS[:-1]:
        side += 2 * pad - model["kernel"] + 1
        if side < (1 if model["pool"] == "none" else model["pool_size"]):
            break
        side = side if model["pool"] == "none" else side // model["pool_size"]
        blocks += 1
    return _CHANNELS[: max(1, blocks)]


def _share(tree: Tree, facts: Facts, decided: Decided) -> float:
    return 1.0 if facts.num_train >= _MANY_ROWS else 0.5


def _frequencies(tree: Tree, facts: Facts, decided: Decided) -> int:
    return _FREQUENCIES if facts.num_numbers <= _MANY_NUMBERS else 0


def _threads(tree: Tree, facts: Facts, decided: Decided) -> int:
    if facts.work is None:
        raise ValueError("device.threads needs the work of a step")
    return choose_threads(facts.work, cores=facts.cores, processes=facts.processes)


_MANY_ROWS = 10_000
_FREQUENCIES, _MANY_NUMBERS = 16, 200
_FEWEST_STEPS, _MOST_STEPS = 1500, 4000
_LEAST_EPOCHS, _MOST_EPOCHS = 10, 200
_EVALUATIONS = 50
_PATIENCE = 20
_MOST_SHIFT = 4  # pixels
_CHANNELS, _LARGE_SIDE = [32, 64, 128, 256], 48


@dataclass(frozen=True)
class _Length:
    """How long to train: as many epochs as make so many steps, but at least and at most so many."""

    steps: int
    least: int
    most: int

    def __str__(self) -> str:
        return f"{self.steps:,} steps, {self.least} to {self.most}"


_LENGTHS: Mapping[str, _Length] = {
    "image": _Length(1000, 10, 30),  # whatever the model
    "text": _Length(1500, 5, 40),
    "factorization": _Length(3000, 20, 100),
}

RULES: Mapping[str, Rule] = {
    rule.key: rule  # in the order in which they are applied: later ones read what earlier ones decided
    for rule in (
        Rule(
            "dataset.standardise_target",
            "true for numbers to predict; false for classes and tokens",
            lambda tree, facts, decided: facts.predicts_numbers,
        ),
        Rule(
            "dataset.augment.shift",
            f"0; for images and model=cnn or resnet a sixteenth of the smaller side, at most {_MOST_SHIFT}",
            _shift,
        ),
        Rule(
            "trainer.batch_size",
            "32; for tables an eighth of the training rows, rounded down to a power of two, 16 to 256; for images a "
            "64th, 32 to 128",
            _batch_size,
        ),
        Rule(
            "trainer.epochs",
            f"10; for model=forecast as many as make {_FEWEST_STEPS:,} steps; for tables as many as make a quarter of "
            f"the training rows steps, {_FEWEST_STEPS:,} to {_MOST_STEPS:,}, but {_LEAST_EPOCHS} to {_MOST_EPOCHS} "
            f"epochs; for images as many as make {_LENGTHS['image']}, for model=text {_LENGTHS['text']}, for "
            f"model=factorization {_LENGTHS['factorization']}; null if trainer.max_steps is set",
            _epochs,
        ),
        Rule(
            "trainer.early_stop.patience",
            f"{_PATIENCE} for tables with validation rows if trainer.epochs is auto too, else null",
            _patience,
        ),
        Rule("trainer.eval_every", f"so that there are at most {2 * _EVALUATIONS} evaluations", _every_epochs),
        Rule(
            "checkpoint.every_epochs",
            f"so that there are at most {2 * _EVALUATIONS} checkpoints by epochs",
            _every_epochs,
        ),
        Rule(
            "optimizer.lr",
            "0.001; for model=forecast, cnn and text 0.003, for model=tabular and factorization 0.01",
            _lr,
        ),
        Rule("optimizer.weight_decay", "0.01; for model=factorization 0.2", _weight_decay),
        Rule(
            "loss.label_smoothing",
            "0; for model=text 0.1",
            lambda tree, facts, decided: 0.1 if tree["model"]["name"] == "text" else 0.0,
        ),
        Rule(
            "model.channels",
            "32, 64, 128 and, from 48 pixels, 256: as many blocks as the image has room for",
            _channels,
        ),
        Rule(
            "model.frequencies",
            f"{_FREQUENCIES}; 0 for tables of over {_MANY_NUMBERS} numbers",
            _frequencies,
        ),
        Rule("model.share", f"0.5, and 1 from {_MANY_ROWS:,} training rows on", _share),
        Rule(
            "device.threads",
            f"1, doubled up to the machine's cores while a doubling makes a step a fifth faster: while each thread has "
            f"{LEAST_PER_THREAD:,} floating-point operations of work for each matrix product; 1 on a GPU",
            _threads,
            needs_model=True,
        ),
    )
}


def resolve(
    tree: Tree, facts: Facts, *, groups: tuple[str, ...] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the tree with a value for each field that is `auto`, and those values by key.

    groups: only the fields of these groups. A field whose rule needs the model stays `auto` without `facts.work`.
    """
    found = copy.deepcopy(dict(tree))
    decided: dict[str, Any] = {}
    for key, rule in RULES.items():
        if rule.needs_model and facts.work is None:
            continue
        group, *parents, name = key.split(".")
        node = found[group]
        for parent in parents:
            node = node.get(parent, {})
        if (groups is None or group in groups) and node.get(name) == AUTO:
            node[name] = decided[key] = rule.decide(found, facts, decided)
    return found, decided
