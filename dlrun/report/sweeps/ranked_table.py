"""The cells and the sentences of a table of runs, best first, in which repetitions are one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlrun.runs.sweeps.groups import Group
from dlrun.runs.sweeps.noise import LEVEL, MOST_SEEDS, POWER, Verdict
from dlrun.runs.sweeps.ranking import Ranked, Ranking
from dlrun.wording import count, duration, numbers, show

SEVERAL_SEEDS = "seed=0,1,2,3,4"
_OVERLAPPING = {"dataset.split_seed", "dataset.fold"}
_IN_TABLE = {"best": "best", "unclear": "unclear", "worse": "worse", "unknown": "?"}


def setting(value: Any) -> str:
    """Format the value of a setting as a table shows it: adam, 0.001, [64, 64]."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else show(value)


def measured(groups: Sequence[Group], metrics: Sequence[str | None]) -> list[str]:
    """Format a column, a metric of each row: 0.9667, or with its spread 0.9667 ± 0.0211; like decimals in a metric."""
    cells = [""] * len(groups)
    for metric in dict.fromkeys(metrics):
        places = [place for place, name in enumerate(metrics) if name == metric]
        means = [None if metric is None else groups[place].mean(metric) for place in places]
        spreads = [None if metric is None else groups[place].spread(metric) for place in places]
        for place, text in zip(places, with_spreads(means, spreads), strict=True):
            cells[place] = text
    return cells


def named(groups: Sequence[Group], metrics: Sequence[str | None]) -> list[str]:
    """Format a column of metrics that differ, each with its name: val/loss 0.4000."""
    texts = measured(groups, metrics)
    return ["-" if name is None else f"{name} {text}" for name, text in zip(metrics, texts, strict=True)]


def with_spreads(means: Sequence[float | None], spreads: Sequence[float | None]) -> list[str]:
    """Format means of one metric, each with its spread where it has one."""
    texts = numbers([*means, *spreads])
    pairs = zip(means, spreads, texts[: len(means)], texts[len(means) :], strict=True)
    return [
        text if mean is None or spread is None else f"{text} ± {deviation}" for mean, spread, text, deviation in pairs
    ]


def status(group: Group) -> str:
    """Format how the runs of a row ended: completed, or 4 completed, 1 diverged."""
    if len(group.trials) == 1:
        return f"{group.trials[0].status}{' (reused)' if group.trials[0].reused else ''}"
    counts = group.statuses
    return next(iter(counts)) if len(counts) == 1 else ", ".join(f"{n} {name}" for name, n in counts.items())


def time(group: Group) -> str:
    """Format the mean time of a run."""
    known = [trial.seconds for trial in group.trials if trial.seconds is not None]
    return duration(sum(known) / len(known)) if known else "-"


def repeats_of(row: Ranked) -> str:
    """Format how many repetitions have a value: 5, or 4 of 5."""
    done = len(row.group.values(row.metric)) if row.metric is not None else 0
    begun = row.group.num_repeats
    return count(begun) if done == begun else f"{count(done)} of {count(begun)}"


def verdict(found: Verdict | None) -> str:
    """Format what can be said of a row beside the best one."""
    return "" if found is None else _IN_TABLE[found.kind]


def seeds_to_tell(found: Verdict | None) -> str:
    """Format how many seeds would tell a row apart from the best one."""
    if found is None or found.kind != "unclear":
        return ""
    return f">{count(MOST_SEEDS)}" if found.is_hopeless else count(found.seeds or 0)


def answer_columns(ranking: Ranking) -> list[tuple[str, list[str]]]:
    """Return the columns that say how sure the order is: repetitions, the verdict, and how many seeds would tell."""
    if not ranking.has_repeats:
        return []
    only_seeds = set(_varying(ranking.rows)) <= {"seed"}
    columns = [("seeds" if only_seeds else "runs", [repeats_of(row) for row in ranking.rows])]
    verdicts = [row.verdict for row in ranking.rows]
    if any(each is not None for each in verdicts):
        columns.append(("vs best", [verdict(each) for each in verdicts]))
        if only_seeds and any(each is not None and each.kind == "unclear" for each in verdicts):
            columns.append(("seeds to tell", [seeds_to_tell(each) for each in verdicts]))
    return columns


def marked(ranking: Ranking) -> list[int]:
    """Return the rows that may be the best: the best one and those that cannot be told apart from it."""
    rows = enumerate(ranking.rows)
    return [place for place, row in rows if row.verdict is not None and row.verdict.kind in ("best", "unclear")]


def sentences(ranking: Ranking) -> list[str]:
    """Return what a reader of the table must know: the test, its level, and what is not known."""
    boards = [board for board in ranking.compared if len(board) > 1]
    found = [_on_board(board, named=len(boards) > 1) for board in boards]
    lines = [line for line in dict.fromkeys(found) if line]
    if any(heading == "seeds to tell" for heading, _ in answer_columns(ranking)):
        lines.append(
            f"seeds to tell: how many of each row would find the difference, if it is as measured, in {POWER:.0%} of "
            "such comparisons."
        )
    short = [row for row in ranking.rows if row.verdict is not None and " of " in repeats_of(row)]
    if short:
        rows = "The mean of 1 row is" if len(short) == 1 else f"The means of {len(short)} rows are"
        lines.append(f"{rows} over fewer runs than were begun, since the others did not complete: see status.")
    if any(row.verdict is not None and row.verdict.kind == "unknown" for row in ranking.rows):
        lines.append("?: fewer than two completed seeds of this row, or of the best one, so its spread is unknown.")
    if _OVERLAPPING & set(_varying(ranking.rows)):
        lines.append(
            "Splits of the same rows share most of them, so their values spread too little: trust no close call."
        )
    return lines


def _on_board(board: Sequence[Ranked], *, named: bool) -> str:
    """What the test says of the rows with the same data and metric."""
    metric = board[0].metric
    data = board[0].group.data.partition(" ")[0]
    where = f"{data}: " if named and data else ""
    if all(row.verdict is None for row in board):
        if "seed" not in board[0].group.repeats:
            return ""
        return (
            f"{where}One seed each: how far seeds spread is unknown, so no row is certainly the best. "
            f"Repeat them with several: add {SEVERAL_SEEDS} (with -m)."
        )
    verdicts = [row.verdict for row in board if row.verdict is not None and row.verdict.difference is not None]
    if not verdicts:
        return ""
    tests = " and ".join(dict.fromkeys(each.difference.test for each in verdicts if each.difference is not None))
    unclear = sum(each.kind == "unclear" for each in verdicts)
    how = f"{tests}, level {LEVEL:.0%}" + (f", Holm's correction for {len(verdicts)}" if len(verdicts) > 1 else "")
    return (
        f"{where}{_found(unclear, len(verdicts))} by {metric} ({how}). ± is the standard deviation over {_over(board)}."
    )


def _found(unclear: int, others: int) -> str:
    """How many of the other rows may be as good as the best."""
    if others == 1:
        return f"The other row {'cannot be told apart from' if unclear else 'is worse than'} the best"
    if not unclear:
        return "Every other row is worse than the best"
    return f"{count(unclear)} of {count(others)} other rows cannot be told apart from the best"


def _over(board: Sequence[Ranked]) -> str:
    """What was repeated: seeds, or dataset.split_seed and seed."""
    varying = _varying(board)
    return "seeds" if varying == ["seed"] else " and ".join(varying)


def _varying(rows: Sequence[Ranked]) -> list[str]:
    """The keys of those repeated that have several values."""
    trials = [trial for row in rows for trial in row.group.trials]
    repeats = rows[0].group.repeats if rows else ()
    return [key for key in repeats if len({str(trial.settings.get(key)) for trial in trials}) > 1]
