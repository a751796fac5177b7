"""The rules, a module each: `RULE` is its record."""

from __future__ import annotations

import importlib
from functools import cache

from dlrun.lint.rule import Rule

NAMES = (
    "shuffling",
    "validation",
    "repeated_rows",
    "target_leak",
    "identifiers",
    "input_scale",
    "target_scale",
    "imbalance",
    "capacity",
    "target_kind",
    "text_length",
    "unknown_tokens",
    "learning_rate_diverges",
    "learning_rate_too_high",
    "learning_rate_too_low",
    "initial_loss",
    "dead_activations",
    "vanishing_gradients",
    "unused_parameters",
    "unregistered_parameters",
    "detached_loss",
    "sigmoid_outputs",
    "log_softmax_outputs",
    "bounded_outputs",
    "small_batch_norm",
    "schedule",
    "early_stopping",
    "checkpoints",
    "extreme_dropout",
    "weight_average",
    "accumulation",
    "slow_processes",
    "overfit_batch",
)
"""In the order in which they are reported."""


@cache
def every_rule() -> tuple[Rule, ...]:
    """All rules, in order."""
    return tuple(importlib.import_module(f"dlrun.lint.rules.{name}").RULE for name in NAMES)


def rules_table() -> str:
    """Return the table of docs/check.md as Markdown."""
    rows = (f"| `{rule.id}`{' (`--deep`)' if rule.deep else ''} | {rule.why} |" for rule in every_rule())
    return "\n".join(["| id | why it is a mistake |", "|---|---|", *rows])
