"""The table of a sweep's points, best first; points that differ only in their seed are one row."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from dlrun.report.sweeps import ranked_table as ranked
from dlrun.report.tables import print_sentences, print_table
from dlrun.runs.sweeps.groups import Group, group, trials_of_rows
from dlrun.runs.sweeps.ranking import Ranking, rank
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.wording import plural

Column = tuple[str, bool, list[str]]
"""A heading, whether the column holds numbers, and its cells."""

_MOST_TESTED = 4  # further metrics beside the one that decides
_MOST_ON_TERMINAL = 100  # rows; a pipe gets them all


def print_sweep(rows: Sequence[SweepRow], *, folder: Path | None = None) -> None:
    """Print one table of all points and what can be said of the best. folder: the sweep's, if it was moved since."""
    ranking = rank(group(trials_of_rows(rows, folder)))
    most = _MOST_ON_TERMINAL if sys.stdout.isatty() else len(ranking.rows)
    print_ranking(ranking, most=most, more="a pipe gets them all, as from `dlrun runs` on the sweep's folder")


def print_ranking(ranking: Ranking, *, most: int, more: str) -> None:
    """Print the best `most` rows and what can be said of them. more: where the others are."""
    columns = fitting(_columns(ranking), width=terminal_width())
    headings = [heading for heading, _, _ in columns]
    table = list(zip(*(cells for _, _, cells in columns), strict=True))
    right = [place for place, (_, is_number, _) in enumerate(columns) if is_number]
    print_table(headings, table[:most], right=right, marked=ranked.marked(ranking))
    lines = ranked.sentences(ranking)
    if most < len(table):
        lines.insert(0, f"{plural(len(table) - most, 'more row')}: {more}.")
    if lines:
        print_sentences(["", *lines])


def terminal_width() -> int | None:
    """Return the width of the terminal; None in a pipe, which gets every column."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def fitting(columns: Sequence[Column], *, width: int | None) -> list[Column]:
    """Leave out columns until the table fits: further metrics from the last one on, the time, and a status that is the
    same for all. What decides stays."""
    kept = list(columns)
    tested = [heading for heading, _, _ in columns if heading.partition("/")[0] == "test"]
    same = [heading for heading, _, cells in columns if heading == "status" and set(cells) == {"completed"}]
    for heading in (*reversed(tested[1:]), *same, "time", *tested[:1]):
        if width is None or sum(max(map(len, (name, *cells))) + 2 for name, _, cells in kept) <= width + 2:
            break
        kept = [column for column in kept if column[0] != heading]
    return kept


def _columns(ranking: Ranking) -> list[Column]:
    groups = [row.group for row in ranking.rows]
    keys = list(dict.fromkeys(key for each in groups for key in each.settings))
    metrics = list(dict.fromkeys(row.metric for row in ranking.rows if row.metric is not None))
    tested = dict.fromkeys(
        name for each in groups for trial in each.trials for name in trial.metrics if name.startswith("test/")
    )
    shown = [*metrics[:1], *[name for name in tested if name not in metrics[:1]][:_MOST_TESTED]]
    devices = {trial.device for each in groups for trial in each.trials if trial.device}
    point = "points" if ranking.has_repeats else "point"
    columns = [(point, True, [points_of(each) for each in groups])]
    columns += [(key, False, [ranked.setting(each.settings.get(key, "")) for each in groups]) for key in keys]
    if len(metrics) > 1:
        columns.append(("best", False, ranked.named(groups, [row.metric for row in ranking.rows])))
        shown = shown[1:]
    columns += [(name, True, ranked.measured(groups, [name] * len(groups))) for name in shown]
    columns += [(heading, heading != "vs best", cells) for heading, cells in ranked.answer_columns(ranking)]
    columns.append(("time", True, [ranked.time(each) for each in groups]))
    if len(devices) > 1:
        columns.append(("device", False, [", ".join(dict.fromkeys(t.device for t in each.trials)) for each in groups]))
    columns.append(("status", False, [ranked.status(each) for each in groups]))
    return columns


def points_of(group: Group) -> str:
    """Format the numbers of a row's points: 3, or 0-4, or 0, 3-5."""
    numbers = sorted(int(trial.name) for trial in group.trials)
    spans: list[list[int]] = []
    for each in numbers:
        if spans and each == spans[-1][-1] + 1:
            spans[-1].append(each)
        else:
            spans.append([each])
    return ", ".join(str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}" for span in spans)
