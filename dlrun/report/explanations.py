"""What explaining a run found, on the console and as JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dlrun.report.tables import print_table
from dlrun.runs.explain.attribution import Explanation, Importance, Share
from dlrun.storage.json_values import readable_json
from dlrun.wording import count, number, numbers, plural, printable

MOST_SHOWN = 12
"""Parts of a row on the console, the largest amounts first."""
_ROUNDING = 1e-6  # of the largest amount
_MOST_TOLD = 0.01  # of the difference: what the amounts may lack of it without a word


def print_explanations(explanations: Sequence[Explanation]) -> None:
    """Print each row: what is predicted, where it comes from, and a table of what its parts add."""
    for place, explanation in enumerate(explanations):
        if place:
            print()
        why = explanation.why
        print(title_of(explanation))
        print(_summary(explanation))
        for heading, shares in why.parts.items():
            print()
            _print_shares(heading, shares)


def title_of(explanation: Explanation) -> str:
    """Return the row and its prediction in a line."""
    place = f" ({printable(explanation.place)})" if explanation.place else ""
    predicted = ", ".join(
        printable(value if isinstance(value, str) else number(value))
        if name == "prediction"
        else f"{printable(name)} {printable(value if isinstance(value, str) else number(value))}"
        for name, value in list(explanation.prediction.items())[:6]
    )
    more = ", ..." if len(explanation.prediction) > 6 else ""
    return f"row {explanation.number}{place}: {predicted}{more}"


def strongest(shares: Sequence[Share], most: int) -> list[Share]:
    """Return the shares with the largest amounts, the largest first."""
    return sorted(shares, key=lambda share: -abs(share.amount))[:most]


def told(amount: float, shares: Sequence[Share]) -> float:
    """Return an amount to write: 0 for what float32 cannot tell from nothing beside the largest of the shares."""
    largest = max((abs(share.amount) for share in shares), default=0.0)
    return 0.0 if abs(amount) < _ROUNDING * largest else amount


def signed(amount: float) -> str:
    """Format an amount with its sign: +0.4712, -12.41, 0."""
    return _with_sign(amount, number(amount))


def _with_sign(amount: float, text: str) -> str:
    return f"+{text}" if 0 < amount < math.inf else text


def print_importance(found: Importance) -> None:
    """Print the columns, the most important first, and what the figures mean."""
    of = f"{count(found.num_rows)} of " if found.num_rows < found.of_rows else ""
    print(f"{found.split}/{found.metric} {number(found.value)} on {of}{plural(found.of_rows, 'row')}")
    print(
        f"how much {'lower' if found.higher_is_better else 'higher'} {found.metric} is with a column shuffled: "
        f"mean and standard deviation of {plural(len(found.columns[0].each), 'shuffle')}"
    )
    print()
    means, deviations = [each.mean for each in found.columns], [each.deviation for each in found.columns]
    texts = numbers([*means, *deviations])
    amounts = [_with_sign(mean, text) for mean, text in zip(means, texts[: len(means)], strict=True)]
    names = [column.name for column in found.columns]
    cells = list(zip(names, amounts, texts[len(means) :], strict=True))
    print_table(["column", "importance", "+-"], cells, right=(1, 2))


def explanations_state(explanations: Sequence[Explanation]) -> list[dict[str, Any]]:
    """Return explanations as JSON values; pixels are in `grid` alone."""
    return [
        {
            "row": each.number,
            "place": each.place,
            "prediction": dict(each.prediction),
            "explained": each.output,
            "value": each.why.value,
            "baseline": each.why.base,
            "baseline_is": each.why.baseline,
            "method": each.why.method,
            "missing": each.why.missing,
            "parts": {name: _listed(shares) for name, shares in each.why.parts.items() if name != "pixel"},
            "grid": None if each.why.grid is None else _rounded(each.why.grid),
        }
        for each in explanations
    ]  # fmt: skip


def importance_state(found: Importance) -> dict[str, Any]:
    """Return an importance as JSON values."""
    return {
        "split": found.split,
        "metric": found.metric,
        "value": found.value,
        "rows": found.num_rows,
        "of_rows": found.of_rows,
        "columns": [
            {
                "name": column.name,
                "importance": column.mean,
                "deviation": column.deviation,
                "repeats": list(column.each),
            }
            for column in found.columns
        ],
    }


def as_json(state: Any) -> str:
    """Return a state as JSON; a number that JSON does not have becomes null."""
    return readable_json(state, indent=2)


def _summary(explanation: Explanation) -> str:
    why = explanation.why
    text = (
        f"{printable(explanation.output)}: {number(why.value)} = {number(why.base)} with {why.baseline} "
        f"{signed(why.value - why.base)} from the row ({why.method})"
    )
    if abs(why.missing) > _MOST_TOLD * max(abs(why.value - why.base), _MOST_TOLD):
        text += f"; the parts lack {signed(why.missing)} of it"
    return text


def _print_shares(heading: str, shares: Sequence[Share]) -> None:
    shown = strongest(shares, MOST_SHOWN)
    has_values = any(share.value for share in shares)
    has_errors = any(share.error for share in shown)
    amounts = [told(share.amount, shown) for share in shown]
    if len(shares) > len(shown):
        amounts.append(sum(share.amount for share in shares) - sum(share.amount for share in shown))
    errors = [share.error if math.isfinite(share.error) else None for share in shown] if has_errors else []
    texts = numbers([*amounts, *errors])
    adds = [_with_sign(amount, text) for amount, text in zip(amounts, texts[: len(amounts)], strict=True)]
    rows = [[share.name, *([share.value] * has_values), adds[place]] for place, share in enumerate(shown)]
    for row, text in zip(rows, texts[len(amounts) :], strict=False):
        row.append("?" if text == "-" else text)
    if len(shares) > len(shown):
        more = f"({count(len(shares) - len(shown))} more)"
        rows.append([more, *([""] * has_values), adds[-1], *([""] * has_errors)])
    headings = [heading, *(["value"] * has_values), "adds", *(["+-"] * has_errors)]
    print_table(headings, rows, right=range(2 if has_values else 1, len(headings)))


def _listed(shares: Sequence[Share]) -> list[dict[str, Any]]:
    return [{"name": each.name, "value": each.value, "amount": each.amount, "error": each.error} for each in shares]


def _rounded(grid: np.ndarray[Any, Any]) -> list[list[float]]:
    """Seven digits, the precision of the model's numbers."""
    return [[float(f"{value:.7g}") for value in line] for line in grid.tolist()]
