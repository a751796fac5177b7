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
)
"""In the order in which they are reported."""


@cache
def every_rule() -> tuple[Rule, ...]:
    """All rules, in order."""
    return tuple(importlib.import_module(f"dlrun.lint.rules.{name}").RULE for name in NAMES)
