"""Command line options that all parts share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection


def at_least_one(text: str) -> int:
    """Return a whole number from 1 up.

    Raises ValueError for any other text.
    """
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def add_common(parser: argparse.ArgumentParser, *, rounds: int | None) -> None:
    """Add --threads and, unless `rounds` is None, --rounds with that default."""
    if rounds is not None:
        parser.add_argument("--rounds", type=at_least_one, default=rounds, help=f"repetitions, from 1 up ({rounds})")
    parser.add_argument(
        "--threads", type=at_least_one, default=os.cpu_count() or 1, help="CPU threads, from 1 up (all cores)"
    )


def chosen_names(parser: argparse.ArgumentParser, option: str, given: str, known: Collection[str]) -> list[str]:
    """Return the names that an option lists, divided by commas; one that is not known ends the command."""
    chosen = given.split(",")
    unknown = [name for name in chosen if name not in known]
    if unknown:
        parser.error(f"--{option}: unknown name {', '.join(unknown)}; choose from {', '.join(known)}.")
    return chosen
