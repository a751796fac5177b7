"""Fields that are `auto`: the rules that work out their values once the data is known.

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


@dataclass(frozen=True)
class Facts:
    """What the rules know of the data. Rows are those of the training and validation split; features are per row."""

    kind: str  # of rows, as in DataSpec
    predicts_numbers: bool  # rather than classes or tokens
    num_train: int
    num_val: int = 0
    num_features: int = 1

    @property
    def is_table(self) -> bool:
        """Whether each row is a flat list of features."""
        return self.kind == "dense"


Tree = Mapping[str, Any]
Decided = Mapping[str, Any]
"""The values that rules have decided so far, by key."""


@dataclass(frozen=True)
class Rule:
    """How one field is worked out. text: the rule in words, a clause without a full stop."""

    key: str
    text: str
    decide: Callable[[Tree, Facts, Decided], Any]


def _batch_size(tree: Tree, facts: Facts, decided: Decided) -> int:
    if not facts.is_table:
        return 32
    rows = max(1, facts.num_train // 8)
    return int(min(256, max(16, 2 ** int(math.log2(rows)))))


def _steps_per_epoch(tree: Tree, facts: Facts) -> int:
    rows_per_step: int = tree["trainer"]["batch_size"] * tree["trainer"]["accumulate"]
    return -(-facts.num_train // rows_per_step)


def _epochs(tree: Tree, facts: Facts, decided: Decided) -> int | None:
    if tree["trainer"]["max_steps"] is not None:
        return None
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
    return 0.003 if tree["model"]["name"] in ("tabular", "forecast") else 0.001


_FEWEST_STEPS, _MOST_STEPS = 1500, 4000
_LEAST_EPOCHS, _MOST_EPOCHS = 10, 200
_EVALUATIONS = 50
_PATIENCE = 20

RULES: Mapping[str, Rule] = {
    rule.key: rule  # in the order in which they are applied: later ones read what earlier ones decided
    for rule in (
        Rule(
            "dataset.standardise_target",
            "true for numbers to predict; false for classes and tokens",
            lambda tree, facts, decided: facts.predicts_numbers,
        ),
        Rule(
            "trainer.batch_size",
            "32; for tables an eighth of the training rows, rounded down to a power of two, 16 to 256",
            _batch_size,
        ),
        Rule(
            "trainer.epochs",
            f"10; for model=forecast as many as make {_FEWEST_STEPS:,} steps; for tables as many as make a quarter of "
            f"the training rows steps, {_FEWEST_STEPS:,} to {_MOST_STEPS:,}, but {_LEAST_EPOCHS} to {_MOST_EPOCHS} "
            "epochs; null if trainer.max_steps is set",
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
        Rule("optimizer.lr", "0.001; for model=tabular and model=forecast 0.003", _lr),
    )
}


def resolve(
    tree: Tree, facts: Facts, *, groups: tuple[str, ...] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the tree with a value for each field that is `auto`, and those values by key.

    groups: only the fields of these groups.
    """
    found = copy.deepcopy(dict(tree))
    decided: dict[str, Any] = {}
    for key, rule in RULES.items():
        group, *parents, name = key.split(".")
        node = found[group]
        for parent in parents:
            node = node[parent]
        if (groups is None or group in groups) and node.get(name) == AUTO:
            node[name] = decided[key] = rule.decide(found, facts, decided)
    return found, decided
