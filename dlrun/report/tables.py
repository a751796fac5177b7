"""Tables on standard output: bold heads on a terminal, plain columns in a pipe, never cut short."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from dlrun.wording import printable

_PIPE_WIDTH = 10_000


def print_table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), mark_first: bool = False
) -> None:
    """Print rows under their heads; columns in `right` are set flush right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    console = Console(soft_wrap=not terminal) if terminal else Console(width=_PIPE_WIDTH, no_color=True)
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold" if terminal else "")
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number in right else "left", overflow="fold")
    for number, row in enumerate(rows):
        style = "green" if mark_first and number == 0 and terminal else ""
        table.add_row(*(Text(printable(cell, limit=400), style=style) for cell in row))
    if terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")
