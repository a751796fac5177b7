"""A graph's outputs as the columns of predictions that `dlrun predict` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlrun.runs.export.values import Arrays


def answers(
    outputs: Sequence[Mapping[str, Any]], found: Arrays, *, probabilities: bool = False
) -> dict[str, list[Any]]:
    """Return predictions as {heading: column}; values without rows of their own, as logits, are left out.

    outputs: what the JSON beside the file says of them. probabilities: whether to add a column for each class.
    """
    columns: dict[str, list[Any]] = {}
    for value in outputs:
        array, role, target = found[value["name"]], value["role"], value.get("target")
        if role == "class":
            columns[target or "prediction"] = [value["classes"][number] for number in array.tolist()]
        elif role == "probabilities" and probabilities:
            start = "probability_" if target is None else f"probability_{target}_"
            columns |= {f"{start}{name}": array[:, place].tolist() for place, name in enumerate(value["classes"])}
        elif role == "numbers":
            columns |= {name: array[:, place].tolist() for place, name in enumerate(value["names"])}
    return columns
