"""Arguments that every part takes."""

from __future__ import annotations

import argparse
import os


def at_least_one(text: str) -> int:
    """A whole number from 1 up."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def add_common(parser: argparse.ArgumentParser, *, rounds: int | None) -> None:
    """--rounds, unless there are none, and --threads."""
    if rounds is not None:
        parser.add_argument("--rounds", type=at_least_one, default=rounds, help=f"repetitions, from 1 up ({rounds})")
    parser.add_argument(
        "--threads", type=at_least_one, default=os.cpu_count() or 1, help="CPU threads, from 1 up (all cores)"
    )
