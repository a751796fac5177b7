"""Tables and sentences: bold headings and lines that end at words on a terminal, plain lines in a pipe."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Container, Sequence
from typing import TextIO

from dlrun.wording import printable, unfiltered

_PIPE_WIDTH = 10_000
_GAP = 2  # spaces after each column


def print_sentences(lines: Sequence[str], *, stream: TextIO | None = None) -> None:
    """Print lines to a stream, standard output if None; a terminal gets them broken between words, a pipe whole."""
    stream = sys.stdout if stream is None else stream
    width = shutil.get_terminal_size().columns
    for line in lines:
        text = printable(line, limit=1000)
        if stream.isatty():
            text = textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
        print(text, file=stream)


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
    names = [printable(heading, limit=400) for heading in headings]
    cells = [[printable(cell, limit=400) for cell in row] for row in rows]
    widths = _widths(names, cells, most=console.width)
    for number, name in enumerate(names):
        table.add_column(
            Text(name),
            justify="right" if number in right else "left",
            overflow="fold",
            width=widths[number],
        )
    for number, row in enumerate(cells):
        style = "green" if number in marked and terminal else ""
        table.add_row(*(Text(cell, style=style) for cell in row))
    if terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")


def _widths(names: Sequence[str], rows: Sequence[Sequence[str]], *, most: int) -> list[int]:
    """Return the width of each column, in terminal cells, in a table of at most `most`.

    If it is too wide, headings are broken between words, then cells, then cells within words, and last of all headings
    within words.
    """
    columns = [[row[place] for row in rows] for place in range(len(names))]
    widths = [max(_longest(cells), _longest([name])) for name, cells in zip(names, columns, strict=True)]
    excess = sum(widths) + _GAP * len(widths) - most
    if excess <= 0:
        return widths
    heads = [name.split() for name in names]
    split = [[word for cell in cells for word in cell.split()] for cells in columns]
    nothing: list[list[str]] = [[] for _ in columns]
    for kept_heads, kept_cells in ((heads, columns), (heads, split), (heads, nothing), (nothing, nothing)):
        kept = zip(widths, kept_heads, kept_cells, strict=True)
        slack = [width - max(_longest(words), _longest(cells), 1) for width, words, cells in kept]
        for place in sorted(range(len(widths)), key=lambda place: -slack[place]):
            narrower = max(0, min(excess, slack[place]))
            widths[place] -= narrower
            excess -= narrower
    return widths


def _longest(texts: Sequence[str]) -> int:
    """The width of the widest text, in terminal cells; 0 of none."""
    from rich.cells import cell_len

    return max(map(cell_len, texts), default=0)
