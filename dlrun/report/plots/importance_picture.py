"""The importance of columns as a PNG."""

from __future__ import annotations

from dlrun.report.plots.bars import Bar, amount_text, draw_bars
from dlrun.report.plots.lines_of_text import lines_of_text
from dlrun.report.plots.png import to_png
from dlrun.runs.explain.attribution import Importance
from dlrun.wording import number, plural

_MOST_BARS = 40


def importance_picture(found: Importance, *, missing: set[str] | None = None) -> bytes:
    """Return a bar for each of the most important columns, with its deviation over the shuffles.

    missing: receives the characters that no font has.
    """
    worse = "lower" if found.higher_is_better else "higher"
    shown = found.columns[:_MOST_BARS]
    few = (
        f"; {plural(len(found.columns) - len(shown), 'more column')} not shown"
        if len(shown) < len(found.columns)
        else ""
    )
    shuffles = plural(len(shown[0].each), "shuffle")
    text = [
        f"{found.split}/{found.metric} {number(found.value)} on {plural(found.num_rows, 'row')}",
        f"How much {worse} {found.metric} is with a column shuffled: mean and deviation of {shuffles}{few}",
    ]
    bars = [
        Bar(column.name, "", column.mean, amount_text(column.mean, column.deviation), column.deviation)
        for column in shown
    ]
    return to_png([[lines_of_text(text)], [draw_bars("importance", text[1], bars)]], missing=missing)
