"""The lines of a sweep's live table: the best points, then the running ones, then counts of the rest.

They fit any terminal: columns that say least go first, then settings are shortened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from dlrun.report.sweeps.board import RUNNING, Board, PointState
from dlrun.report.sweeps.plain_lines import rate_text, reason_text, settings_text
from dlrun.wording import count, duration, numbers, printable

WAITING = "waiting"
_STYLES = {
    "completed": "green",
    RUNNING: "cyan",
    "pruned": "dim",
    "failed": "red",
    "diverged": "red",
    "reused": "green",
}
_GAP = 2  # cells between columns
_WIDEST = 24  # cells of a setting
_SHORT, _LEAST = 12, 6  # cells that a shortened setting keeps while other columns can be left out, and at all
_SHARE_RUNNING = 3  # running points take at most one in so many rows, if better ones fill the others
_BAR = 20  # cells
_MOST_KEYS = 8  # settings with a column of their own


@dataclass(frozen=True)
class _Column:
    heading: str
    cells: Sequence[str]
    right: bool = False
    shrinks: bool = False  # a setting, which may be shortened
    least: int = 0  # columns with a higher number are left out first; 0: never

    @property
    def width(self) -> int:
        return max(map(cell_len, (self.heading, *self.cells)))


def table_lines(board: Board, width: int, height: int, *, plans: Sequence[Sequence[str]] = ()) -> list[Text]:
    """Return the table and the lines below it, at most `height` of at most `width` cells.

    plans: the overrides of every point, where they are known before they begin, to show those that wait.
    """
    footer = _footer(board, width)
    room = max(1, height - 2 - len(footer))  # without the heading and the counts of the rest
    shown = rows_shown(board, room, plans=plans)
    columns = _fit(_columns(board, shown), width)
    widths = [column.width for column in columns]
    lines = [_line([column.heading for column in columns], columns, widths, "bold")] if shown else []
    for index, state in enumerate(shown):
        style = "bold green" if state is board.best else _STYLES.get(state.status, "dim")
        lines.append(_line([column.cells[index] for column in columns], columns, widths, style))
    rest = rest_text(board, shown)
    lines += [Text(_cut(rest, width), style="dim")] if rest else []
    for line in lines:
        line.truncate(width)  # of a terminal that is too narrow for any column
    return [*lines, *footer][-height:]


def rows_shown(board: Board, room: int, *, plans: Sequence[Sequence[str]] = ()) -> list[PointState]:
    """Return the points that have a row: best ones, running ones, then, if there is room, those that failed or wait."""
    reserved = min(len(board.running), max(1, room // _SHARE_RUNNING))
    top = {rank[2] for rank in board.ranking[: room - reserved]}
    running = [state for number_, state in sorted(board.running.items()) if number_ not in top]
    running = running[: max(reserved, room - len(board.ranking))]
    kept = {state.number for state in running}
    best = [board.points[rank[2]] for rank in board.ranking[: room + len(kept)] if rank[2] not in kept]
    found = best[: room - len(running)] + running
    found += [board.points[number_] for number_ in board.others[::-1][: room - len(found)]]
    if len(plans) == board.num_points and len(found) < room:
        waiting = [number_ for number_ in range(len(plans)) if number_ not in board.points]
        found += [PointState(number_, plans[number_], WAITING) for number_ in waiting[: room - len(found)]]
    return found


def rest_text(board: Board, shown: Sequence[PointState]) -> str:
    """Return how many points of each kind have no row."""
    rest = Counter({WAITING: board.num_waiting or 0})
    rest.update(state.status for state in board.running.values())
    rest.update(board.counts)
    rest.subtract(state.status for state in shown)
    told = [f"{count(amount)} {status}" for status, amount in rest.items() if amount > 0]
    return f"... {', '.join(told)}" if told else ""


def status_text(state: PointState) -> str:
    """Return the status of a point, and how much of it is done while it runs."""
    share = f" {100 * state.share:.0f} %" if state.status == RUNNING and state.share is not None else ""
    return f"{state.status}{share}"


def _columns(board: Board, shown: Sequence[PointState]) -> list[_Column]:
    metric = printable(next(iter(board.metrics)) if len(board.metrics) == 1 else "metric")
    measured = [*(state.best for state in shown), *(None if state.ended else state.newest for state in shown)]
    texts = ["" if value is None else text for value, text in zip(measured, numbers(measured), strict=True)]
    best, newest = texts[: len(shown)], texts[len(shown) :]
    now = board.clock()
    seconds = [
        now - state.began_at if not state.ended and state.began_at is not None else state.seconds for state in shown
    ]
    steps = [
        "" if state.step is None or not state.total_steps else f"{count(state.step)}/{count(state.total_steps)}"
        for state in shown
    ]
    return [
        _Column("point", [str(state.number) for state in shown], right=True),
        *_settings(board, shown),
        _Column(metric, best, right=True),
        _Column("newest", newest, right=True, least=2),
        _Column("epoch", ["" if state.epoch is None else str(state.epoch) for state in shown], right=True, least=3),
        _Column("steps", steps, right=True, least=4),
        _Column("time", [duration(each) if each else "" for each in seconds], right=True, least=1),
        _Column("status", [status_text(state) for state in shown]),
    ]


def _settings(board: Board, shown: Sequence[PointState]) -> list[_Column]:
    """Return a column for each key that is swept, or one with all of them if they are many."""
    keys = dict.fromkeys([*board.keys, *(word.partition("=")[0] for state in shown for word in state.overrides)])
    if len(keys) > _MOST_KEYS:
        return [_Column("settings", [settings_text(state) for state in shown], shrinks=True)]
    values = [dict(word.partition("=")[::2] for word in state.overrides) for state in shown]
    columns = []
    for key in keys:
        cells = [printable(chosen.get(key, "")) for chosen in values]
        last = key.rpartition(".")[2]
        heading = printable(last if [other.rpartition(".")[2] for other in keys].count(last) == 1 else key)
        columns.append(_Column(heading, [_cut(cell, _WIDEST) for cell in cells], shrinks=True))
    return columns


def _fit(columns: Sequence[_Column], width: int) -> list[_Column]:
    """Return columns that fit: settings shortened a little, columns left out, settings shortened more, or left out."""
    found = _shortened(list(columns), width, _SHORT)
    while _total(found) > width and (optional := [column for column in found if column.least]):
        found.remove(max(optional, key=lambda column: column.least))
    found = _shortened(found, width, _LEAST)
    while _total(found) > width and (settings := [column for column in found if column.shrinks]):
        found.remove(settings[-1])
    return found


def _shortened(columns: list[_Column], width: int, least: int) -> list[_Column]:
    """Return the columns with the widest settings shortened until they fit, or none is wider than `least`."""
    while (excess := _total(columns) - width) > 0:
        wide = [column for column in columns if column.shrinks and column.width > least]
        if not wide:
            break
        widest = max(wide, key=lambda column: column.width)
        others = [column.width for column in wide if column.width < widest.width]
        limit = max(least, widest.width - excess, max(others, default=0))
        limit = min(limit, widest.width - 1)
        cells = [_cut(cell, limit) for cell in widest.cells]
        shorter = _Column(_cut(widest.heading, limit), cells, widest.right, shrinks=True)
        columns = [shorter if column is widest else column for column in columns]
    return columns


def _total(columns: Sequence[_Column]) -> int:
    return sum(column.width for column in columns) + _GAP * (len(columns) - 1)


def _cut(text: str, limit: int) -> str:
    """Return a text of at most `limit` cells."""
    return text if cell_len(text) <= limit else set_cell_size(text, max(0, limit - 1)).rstrip() + "…"


def _line(cells: Sequence[str], columns: Sequence[_Column], widths: Sequence[int], style: str) -> Text:
    parts = []
    for cell, column, width in zip(cells, columns, widths, strict=True):
        space = " " * (width - cell_len(cell))
        parts.append(space + cell if column.right else cell + space)
    return Text((" " * _GAP).join(parts).rstrip(), style=style)


def _footer(board: Board, width: int) -> list[Text]:
    """Return how far the sweep is, and the newest failure."""
    lines = [_cut(progress_text(board, bar=width > 100), width)]
    failed = board.newest_failure
    if failed is not None:
        what = (
            f"point {failed.number} ({_cut(settings_text(failed), width // 3)}) {failed.status}: {reason_text(failed)}"
        )
        lines.append(_cut(what, width))
    return [Text(line, style=style) for line, style in zip(lines, ("", "red"), strict=False)]


def progress_text(board: Board, *, bar: bool) -> str:
    """Return how many points are done and running, the rate and the time left, as far as they are known."""
    ended, total = board.num_ended, board.num_points
    of = count(ended) if total is None else f"{count(ended)} of {count(total)}"
    failed = sum(board.counts[status] for status in ("failed", "diverged"))
    notes = [
        f"{count(amount)} {word}" for word, amount in (("failed", failed), ("pruned", board.counts["pruned"])) if amount
    ]
    parts = [f"{of} done" + (f" ({', '.join(notes)})" if notes else ""), f"{len(board.running)} running"]
    rate, left = board.points_per_minute(), board.seconds_left()
    parts += [] if left is None else [f"{duration(left)} left"]
    parts += [] if rate is None else [rate_text(rate)]
    drawn = f"{'━' * round(_BAR * ended / total):─<{_BAR}}  " if bar and total else ""
    return drawn + " · ".join(parts)
