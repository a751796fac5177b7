"""What a command tells on standard error, beside its result on standard output."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from dlrun.cli import flags
from dlrun.cli.command import Command
from dlrun.wording import printable


def tell(notices: Iterable[str]) -> None:
    """Print notices, each once."""
    for notice in dict.fromkeys(notices):
        print(f"notice: {notice}", file=sys.stderr)


def say(line: str) -> None:
    """Print a line on standard error."""
    print(line, file=sys.stderr, flush=True)


def unless_quiet(command: Command) -> Callable[[str], None]:
    """Return what prints a line, or with --quiet nothing."""

    def say(text: str) -> None:
        if not command.has(flags.QUIET):
            print(printable(text, limit=1000), file=sys.stderr)

    return say
