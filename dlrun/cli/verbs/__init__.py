"""The verbs, a module each: `VERB` is its record and `run` runs it.

A module imports what is slow only inside `run`: every help page and every completion reads all the records.
"""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType

from dlrun.cli.verb import Verb

NAMES = (
    "train",
    "check",
    "ls",
    "show",
    "schema",
    "cp",
    "cat",
    "share",
    "verify",
    "diff",
    "resume",
    "eval",
    "predict",
    "explain",
    "export",
    "serve",
    "publish",
    "replay",
    "clean",
    "runs",
    "compare",
    "report",
    "env",
    "help",
)
"""In the order of the help page."""


def module(name: str) -> ModuleType:
    """Import the module of one verb; the others are not imported."""
    return importlib.import_module(f"dlrun.cli.verbs.{name}")


@cache
def verb(name: str) -> Verb:
    """The record of one verb."""
    found: Verb = module(name).VERB
    return found


def every_verb() -> list[Verb]:
    """All records, in the order of the help page."""
    return [verb(name) for name in NAMES]
