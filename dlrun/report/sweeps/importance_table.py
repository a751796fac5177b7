"""What `dlrun compare` says of a sweep: which settings moved the metric, and the best rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dlrun.report.runs_table import as_json
from dlrun.report.sweeps import ranked_table as ranked
from dlrun.report.sweeps.final_table import print_ranking
from dlrun.report.sweeps.pareto_table import print_front
from dlrun.report.tables import print_sentences, print_table
from dlrun.runs.sweeps.comparing import Part, SweepComparison
from dlrun.runs.sweeps.importance import FEWEST_POINTS, Effect, Importance, Obstacle
from dlrun.runs.sweeps.noise import LEVEL
from dlrun.wording import numbers, plural, printable

_BEST_ROWS = 10
_FEW = 20  # points
_OBSTACLES: Mapping[Obstacle, str] = {
    "too few points": f"Fewer than {FEWEST_POINTS} points completed with a value: too few to compare settings.",
    "no settings": "No setting has several values to compare, apart from seeds.",
    "equal values": "The metric has the same value at every point.",
}


def print_comparison(found: SweepComparison) -> None:
    """Print, for each data and metric, the importance of settings and the best rows."""
    for place, part in enumerate(found.parts):
        if place:
            print()
        _print_part(part, is_biased=found.is_biased, named=len(found.parts) > 1)
    print_front(found.rows, found.objectives)


def _print_part(part: Part, *, is_biased: bool, named: bool) -> None:
    found = part.importance
    where = f"{part.data}: " if named and part.data else ""
    points = plural(found.count, "completed point")
    print(printable(f"{where}what moved {found.metric or 'the metric'} ({points})", limit=400) + "\n")
    if found.effects:
        words = ("best", "worst") if part.higher is not None else ("highest", "lowest")
        heads = ["setting", "share", "p", *words, "difference"]
        print_table(heads, _rows([*found.effects, *found.repeats]), right=(1, 2, 5))
        print()
    print_sentences(explanations(part, is_biased=is_biased))
    print()
    print_ranking(part.ranking, most=_BEST_ROWS, more="`dlrun runs` on this folder lists every row")


def _rows(effects: Sequence[Effect]) -> list[list[str]]:
    """The cells of each setting; means, differences and errors are all in the metric's unit, so they look alike."""
    amounts = [[effect.levels[0].mean, effect.levels[-1].mean, effect.difference, effect.error] for effect in effects]
    texts = iter(numbers([amount for each in amounts for amount in each]))
    rows = []
    for effect, best, worst, difference, error in zip(effects, texts, texts, texts, texts, strict=True):
        rows.append(
            [
                effect.keys[0],
                "?" if effect.share is None else f"{effect.share:.0%}",
                "?" if effect.p is None else _p(effect.p),
                f"{effect.levels[0].label} ({best})",
                f"{effect.levels[-1].label} ({worst})",
                difference if effect.error is None else f"{difference} ± {error}",
            ]
        )
    return rows


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def explanations(part: Part, *, is_biased: bool) -> list[str]:
    """Return what a reader of the importance must know."""
    found = part.importance
    lines = _conclusion(found)
    for effect in found.interactions:
        first, second = effect.keys
        lines.append(
            f"{first} and {second} act together ({effect.share or 0:.0%} of the variance beyond both, p "
            f"{_p(effect.p or 0)}): choose them together, not one after the other."
        )
    if found.effects and found.effects[0].share is not None:
        centre = "medians" if found.uses_ranks else "means, all else being equal"
        error = "" if found.uses_ranks else ", ± its standard error"
        lines.append(
            "share: of the variance beyond what chance gives (epsilon squared). p: by permutations, Holm's correction. "
            f"In brackets: {centre}. difference: best to worst{error}."
        )
    if found.num_means is not None:
        means = plural(found.num_means, "mean")
        lines.append(f"Analysed: {means} over seeds, since settings are drawn from ranges.")
    if found.uses_ranks:
        lines.append("One point makes most of the variance, so shares and p are of ranks.")
    if part.higher is None and found.effects:
        lines.append("No result says whether a higher value of this metric is better.")
    if found.left_out:
        ends = ", ".join(f"{times} {status}" for status, times in sorted(found.left_out.items()))
        lines.append(f"Left out: {plural(found.left_out.total(), 'point')} ({ends}).")
    if found.skipped:
        lines.append(f"Not compared, since nearly every point has another value: {', '.join(found.skipped)}.")
    if is_biased and found.effects:
        lines.append(
            "search=tpe tried more points where it expected good ones: shares of settings that it soon held near their "
            "best are too small, and means of rarely tried values uncertain. search=random or lhs measures them fairly."
        )
    return lines


def _conclusion(found: Importance) -> list[str]:
    """What the analysis says in one sentence, or why there is none."""
    if found.obstacle is not None:
        return [_OBSTACLES[found.obstacle]]
    if all(effect.p is None for effect in found.effects):
        return [
            "There are no more points than the settings have values, so effects cannot be told from noise. "
            f"Repeat them with several seeds: add {ranked.SEVERAL_SEEDS} (with -m)."
        ]
    lines = []
    if aliased := [effect.keys[0] for effect in found.effects if effect.p is None]:
        lines.append(
            f"Changed only together with other settings, so not to be told apart from them: {', '.join(aliased)}."
        )
    important = [effect.keys[0] for effect in found.effects if effect.is_important]
    if important:
        return [f"Moved the metric beyond noise (level {LEVEL:.0%}): {', '.join(important)}.", *lines]
    few = f"; with {found.count} points only large effects would show" if found.count < _FEW else ""
    return [f"No setting moved the metric beyond noise (level {LEVEL:.0%}){few}.", *lines]


def comparison_state(found: SweepComparison) -> dict[str, Any]:
    """Return the comparison as plain values."""
    return {
        "points": len(found.rows),
        "objectives": found.objectives,
        "pareto_front": sorted(found.front),
        "biased_search": found.is_biased,
        "parts": [_part_state(part, is_biased=found.is_biased) for part in found.parts],
    }


def _part_state(part: Part, *, is_biased: bool) -> dict[str, Any]:
    found = part.importance
    return {
        "data": part.data or None,
        "metric": found.metric,
        "higher_is_better": part.higher,
        "points": found.count,
        "left_out": dict(found.left_out),
        "settings": [_effect_state(effect) for effect in found.effects],
        "interactions": [{"keys": list(e.keys), "share": e.share, "p": e.p} for e in found.interactions],
        "repeats": [_effect_state(effect) for effect in found.repeats],
        "uses_ranks": found.uses_ranks,
        "notes": explanations(part, is_biased=is_biased),
        "rows": as_json(part.ranking, every_setting=True),
    }


def _effect_state(effect: Effect) -> dict[str, Any]:
    levels = [{"value": _typed(level.label), "mean": level.mean, "points": level.count} for level in effect.levels]
    return {
        "key": effect.keys[0],
        "share": effect.share,
        "p": effect.p,
        "important": effect.is_important,
        "levels": levels,
        "best": levels[0]["value"],
        "worst": levels[-1]["value"],
        "difference": effect.difference,
        "standard_error": effect.error,
    }


def _typed(label: str) -> Any:
    """A level's value; of a range its text."""
    try:
        value = json.loads(label)
    except ValueError:
        return label
    return value if isinstance(value, int | float | bool) or value is None else label
