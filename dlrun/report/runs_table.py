"""What `dlrun runs` shows: a table, CSV or JSON of runs, best first, each alone or with its repetitions in one row."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlrun.report.sweeps import ranked_table as ranked
from dlrun.report.sweeps.final_table import fitting, terminal_width
from dlrun.report.tables import print_sentences, print_table
from dlrun.runs.columns import differing_settings
from dlrun.runs.sweeps.groups import Group
from dlrun.runs.sweeps.ranking import Ranked, Ranking

_MOST_SETTINGS = 8  # columns


def print_runs(ranking: Ranking, metric: str | None) -> None:
    """Print the table and what can be said of the best rows. metric: what it is sorted by, if the user named it."""
    groups = [row.group for row in ranking.rows]
    keys = differing_settings([each.settings for each in groups])
    heads = ["run", *keys[:_MOST_SETTINGS], "best", *([metric] if metric else ["test"])]
    chosen = [each.chosen for each in groups]
    shown = [metric or (name and f"test/{name.split('/', 1)[-1]}") for name in chosen]
    best, measured = ranked.named(groups, chosen), ranked.measured(groups, shown)
    table = [
        [
            folders_of(each),
            *(ranked.setting(each.settings.get(key, "")) for key in keys[:_MOST_SETTINGS]),
            best[place],
            measured[place],
        ]
        for place, each in enumerate(groups)
    ]
    answers = ranked.answer_columns(ranking)
    for place, row in enumerate(ranking.rows):
        table[place] += [*(cells[place] for _, cells in answers), ranked.time(row.group), ranked.status(row.group)]
    heads += [*(heading for heading, _ in answers), "time", "status"]
    words = {"run", "best", "vs best", "status", *keys}
    right = [place for place, heading in enumerate(heads) if heading not in words or heading == "optimizer.lr"]
    columns = [(name, place in right, [cells[place] for cells in table]) for place, name in enumerate(heads)]
    kept = fitting(columns, width=terminal_width())
    rows = list(zip(*(cells for _, _, cells in kept), strict=True))
    right = [place for place, (_, is_number, _) in enumerate(kept) if is_number]
    print_table([name for name, _, _ in kept], rows, right=right, marked=ranked.marked(ranking))
    lines = ranked.sentences(ranking)
    if len(keys) > _MOST_SETTINGS:
        lines.append(f"Further settings differ, which --csv shows: {', '.join(keys[_MOST_SETTINGS:])}.")
    if lines:
        print_sentences(["", *lines])


def folders_of(group: Group) -> str:
    """Format the folders of a row's runs, as a shell would expand them: sweep/{0..4}."""
    paths = [Path(trial.name) for trial in group.trials]
    if len(paths) == 1:
        return str(paths[0])
    if len({path.parent for path in paths}) > 1:
        return f"{paths[0]} and {len(paths) - 1} more"
    names = sorted((path.name for path in paths), key=lambda name: (len(name), name))
    if all(name.isascii() and name.isdigit() for name in names):
        first, last = int(names[0]), int(names[-1])
        if [str(each) for each in range(first, last + 1)] == names:
            return str(paths[0].parent / f"{{{first}..{last}}}")
    return str(paths[0].parent / f"{{{','.join(names)}}}")


def as_cells(ranking: Ranking, *, grouped: bool) -> tuple[list[str], list[list[Any]]]:
    """Return headings and rows for CSV: of each run everything that was measured, of groups means and spreads."""
    groups = [row.group for row in ranking.rows]
    keys = differing_settings([each.settings for each in groups])
    metrics = list(dict.fromkeys(name for each in groups for trial in each.trials for name in trial.metrics))
    measured = [f"{name} {what}" for name in metrics for what in ("mean", "std")] if grouped else metrics
    answers = ["count", "begun", "vs best", "p", "seeds to tell"] if grouped else []
    rows = []
    for row in ranking.rows:
        group = row.group
        values: list[Any] = [_plain(group.settings.get(key)) for key in keys]
        for name in metrics:
            values += [group.mean(name), group.spread(name)] if grouped else [group.trials[0].metrics.get(name)]
        if grouped:
            found = row.verdict
            values += [len(group.values(row.metric)) if row.metric else 0, group.num_repeats]
            values += [None, None, None] if found is None else [found.kind, found.p, found.seeds]
        seconds = [trial.seconds for trial in group.trials if trial.seconds is not None]
        rows.append([folders_of(group), *values, statistics.fmean(seconds) if seconds else None, ranked.status(group)])
    return ["run", *keys, *measured, *answers, "seconds", "status"], rows


def as_json(ranking: Ranking, *, every_setting: bool = False) -> list[dict[str, Any]]:
    """Return each row of groups as plain values, with the settings that differ or with every one."""
    rows = [row.group.settings for row in ranking.rows]
    keys = list(dict.fromkeys(key for row in rows for key in row)) if every_setting else differing_settings(rows)
    return [_state(row, keys) for row in ranking.rows]


def _state(row: Ranked, keys: Sequence[str]) -> dict[str, Any]:
    group = row.group
    names = dict.fromkeys(name for trial in group.trials for name in trial.metrics)
    metrics: Mapping[str, Any] = {
        name: {"mean": group.mean(name), "std": group.spread(name), "count": len(group.values(name))} for name in names
    }
    return {
        "runs": [trial.name for trial in group.trials],
        "settings": {key: group.settings[key] for key in keys if key in group.settings},
        "metric": row.metric,
        "metrics": metrics,
        "begun": group.num_repeats,
        "statuses": dict(group.statuses),
        "vs_best": verdict_state(row),
    }


def verdict_state(row: Ranked) -> dict[str, Any] | None:
    """Return the verdict on a row as plain values."""
    found = row.verdict
    if found is None:
        return None
    state: dict[str, Any] = {"verdict": found.kind}
    if found.difference is not None:
        state |= {
            "test": found.difference.test,
            "difference": found.difference.value,
            "p": found.p,
            "seeds_to_tell": found.seeds,
        }
    return state


def _plain(value: Any) -> Any:
    return ranked.setting(value) if isinstance(value, bool | list | dict) else value
