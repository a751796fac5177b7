"""The verbs, a module each: `VERB` is its record and `run` runs it.

A module imports what is slow only inside `run`: every help page and every completion reads all the records.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from dlrun.cli.verb import Verb

if TYPE_CHECKING:
    from dlrun.cli.command import Command

NAMES = (
    "train",
    "check",
    "ls",
    "show",
    "cp",
    "cat",
    "resume",
    "eval",
    "predict",
    "replay",
    "clean",
    "runs",
    "compare",
    "env",
    "help",
)
"""In the order of the help page."""


@cache
def verb(name: str) -> Verb:
    """The record of one verb; the others are not imported."""
    found: Verb = importlib.import_module(f"dlrun.cli.verbs.{name}").VERB
    return found


def every_verb() -> list[Verb]:
    """All records, in the order of the help page."""
    return [verb(name) for name in NAMES]


def handler(name: str) -> Callable[[Command], int]:
    """The function that runs a verb and returns the exit code."""
    run: Callable[[Command], int] = importlib.import_module(f"dlrun.cli.verbs.{name}").run
    return run
