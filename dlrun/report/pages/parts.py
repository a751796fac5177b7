"""The parts of a page: figures, tables, lists. They take texts as they are and return HTML."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.report.pages.text import escape
from dlrun.report.plots.scene import Scene, shortened
from dlrun.report.plots.svg import to_svg
from dlrun.wording import number, numbers, numbers_by_metric, plural, show

_MOST_VALUE = 400  # characters of a value in a table
_PRINTED_ROWS, _PRINTED_COLUMNS = 60, 14
_LONG_HEAD, _MOST_HEAD = 20, 60  # characters of a heading that may have several lines; more are cut
_LONG_CELL = 28  # characters of a cell that may have several lines where there is little room


@dataclass(frozen=True)
class Cell:
    """A cell of a table. value: what it is sorted by; a number is also aligned to the right."""

    text: str
    value: float | str | None = None


def number_cells(values: Sequence[Any]) -> list[Cell]:
    """Return cells of numbers that are read against each other, such as a column; "-" for anything else."""
    return _cells(found := _numbers(values), numbers(found))


def metric_cells(rows: Mapping[str, Sequence[Any]]) -> dict[str, list[Cell]]:
    """Return a row of cells for each metric, of which those of all splits have like decimals."""
    found = {name: _numbers(values) for name, values in rows.items()}
    return {name: _cells(found[name], texts) for name, texts in numbers_by_metric(found).items()}


def _numbers(values: Sequence[Any]) -> list[float | None]:
    return [float(value) if _is_number(value) else None for value in values]


def _cells(values: Sequence[float | None], texts: Sequence[str]) -> list[Cell]:
    return [Cell(text, math.nan if value is None else value) for value, text in zip(values, texts, strict=True)]


def count_cell(value: Any) -> Cell:
    """Return a cell with a count, which weights of rows may make a fraction; "-" for anything else."""
    if not _is_number(value):
        return Cell("-", float("nan"))
    return Cell(f"{value:,.0f}" if value == int(value) else number(value), float(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def section(title: str, *parts: str) -> str:
    """Return a section with its heading."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def paragraph(text: str, *, muted: bool = False) -> str:
    """Return a paragraph."""
    return f"<p{_class('muted' if muted else '')}>{escape(text)}</p>"


def figure(scene: Scene, *, wide: bool = False) -> str:
    """Return a figure; a wide one scrolls on a phone."""
    svg = to_svg(scene)
    inner = f'<div class="wide">{svg}</div>' if wide else svg
    return f"<figure>{inner}</figure>"


def grid(scenes: Sequence[Scene], *, large: bool = False) -> str:
    """Return figures side by side, as many as the screen has room for."""
    return f"<div{_class('grid large' if large else 'grid')}>{''.join(map(figure, scenes))}</div>"


def legend(entries: Iterable[tuple[int | None, str]]) -> str:
    """Return the legend of learning curves: the number of a point, if it is one, and its text."""
    items = []
    for place, (point, text) in enumerate(entries):
        line = f'<path class="is-series{place} series{place}" d="M0 4h36"/>'
        swatch = f'<svg viewBox="0 0 36 8" aria-hidden="true">{line}</svg>'
        of = f' data-p="{point}"' if point is not None else ""
        items.append(f"<li{of}>{swatch}<span>{escape(text)}</span></li>")
    return f"<ul{_class('legend')}>{''.join(items)}</ul>"


def bullets(texts: Sequence[str]) -> str:
    """Return a list; nothing for no texts."""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<ul{_class('muted')}>{items}</ul>" if texts else ""


def code(text: str) -> str:
    """Return lines to copy."""
    return f"<pre><code>{escape(text)}</code></pre>"


def breakable(key: str) -> str:
    """Return a key that may be broken after its dots, slashes and underscores."""
    return re.sub(r"([./_])", r"\1<wbr>", escape(key))


def facts(entries: Mapping[str, Any]) -> str:
    """Return names with their values."""
    rows = "".join(
        f'<tr><td>{escape(name)}</td><td class="v">{escape(shown(value))}</td></tr>' for name, value in entries.items()
    )
    return f'<div class="table all"><table class="facts"><tbody>{rows}</tbody></table></div>'


def shown(value: Any) -> str:
    """Return a value of a configuration as text of bounded length; a text without quotes."""
    text = value if isinstance(value, str) else show(value)
    return text if len(text) <= _MOST_VALUE else f"{text[: _MOST_VALUE - 1]}…"


def table(heads: Sequence[str], rows: Sequence[tuple[int | None, Sequence[Cell]]], *, wordy: Sequence[int] = ()) -> str:
    """Return a table that the page's script makes sortable.

    rows: each with the number of its point, which connects it with the figures, or None. wordy: columns of sentences.
    """
    numeric = [
        any(isinstance(cells[place].value, float) for _, cells in rows[:50]) if rows else False
        for place in range(len(heads))
    ]
    head = "".join(
        _head(name, is_number=right, is_late=at >= _PRINTED_COLUMNS)
        for at, (name, right) in enumerate(zip(heads, numeric, strict=True))
    )
    body = "".join(
        _row(number, cells, numeric, wordy, late=at >= _PRINTED_ROWS) for at, (number, cells) in enumerate(rows)
    )
    counts = {"row": len(rows) - _PRINTED_ROWS, "column": len(heads) - _PRINTED_COLUMNS}
    more = " and ".join(plural(count, f"more {kind}") for kind, count in counts.items() if count > 0)
    note = f'<p class="print">and {more}, which the page shows on a screen</p>' if more else ""
    return (
        f'<div class="table"><table class="sortable"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>{note}"
    )


def _head(name: str, *, is_number: bool, is_late: bool) -> str:
    classes = _joined(("n", is_number), ("long", len(name) > _LONG_HEAD), ("late", is_late))
    return f'<th scope="col"{_class(classes)}>{breakable(shortened(name, _MOST_HEAD, keeps="both"))}</th>'


def _row(
    number: int | None, cells: Sequence[Cell], numeric: Sequence[bool], wordy: Sequence[int], *, late: bool
) -> str:
    of = f' data-p="{number}"' if number is not None else ""
    classes = _joined(("row", number is not None), ("late", late))
    shown_cells = "".join(
        _cell(cell, _kind(cell, place, is_number=numeric[place], is_wordy=place in wordy))
        for place, cell in enumerate(cells)
    )
    return f"<tr{_class(classes)}{of}>{shown_cells}</tr>"


def _cell(cell: Cell, kind: str) -> str:
    value = "" if cell.value is None or str(cell.value) == cell.text else f' data-v="{escape(_plain(cell.value))}"'
    return f"<td{_class(kind)}{value}>{escape(shown(cell.text))}</td>"


def _kind(cell: Cell, place: int, *, is_number: bool, is_wordy: bool) -> str:
    """The classes of a cell; `late` ones are not printed."""
    is_long = not is_number and not is_wordy and len(cell.text) > _LONG_CELL
    return _joined(
        ("text", is_wordy), ("n", is_number and not is_wordy), ("long", is_long), ("late", place >= _PRINTED_COLUMNS)
    )


def _joined(*classes: tuple[str, bool]) -> str:
    return " ".join(name for name, has in classes if has)


def _class(names: str) -> str:
    return f' class="{names}"' if names else ""


def _plain(value: float | str) -> str:
    return f"{value:.7g}" if isinstance(value, float) else value
