"""Tables on standard output: bold headings on a terminal, plain columns in a pipe, never shortened."""

from __future__ import annotations

import sys
from collections.abc import Container, Sequence

from dlrun.wording import printable, unfiltered

_PIPE_WIDTH = 10_000


def print_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[int] = (),
    marked: Container[int] = (),
) -> None:
    """Print rows under their headings; the columns in `right` are aligned to the right, the rows `marked` coloured."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    console = Console(file=unfiltered(sys.stdout)) if terminal else Console(width=_PIPE_WIDTH, no_color=True)
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="bold" if terminal else "")
    for number, heading in enumerate(headings):
        table.add_column(
            Text(printable(heading, limit=400)), justify="right" if number in right else "left", overflow="fold"
        )
    for number, row in enumerate(rows):
        style = "green" if number in marked and terminal else ""
        table.add_row(*(Text(printable(cell, limit=400), style=style) for cell in row))
    if terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")
