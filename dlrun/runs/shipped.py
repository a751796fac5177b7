"""The recipes that come with dlrun: where the data of each is, and the table of what each promises and reached."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlrun.configuration.recipes.recipe import Recipe
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import NetworkAddress, has_mark
from dlrun.configuration.schema.signature import MISSING
from dlrun.wording import duration, interval, number

BEGIN, END = "<!-- dlrun verify --all: begin -->", "<!-- dlrun verify --all: end -->"
_FOLDERS = {"mnist": "DLRUN_MNIST", "cifar10": "DLRUN_CIFAR10", "fashion_mnist": "DLRUN_FASHION_MNIST"}
_R8 = "DLRUN_R8"


@dataclass(frozen=True)
class Row:
    """The outcome of a recipe. verdict: kept, broken, failed or not measured; why: what explains it."""

    recipe: str
    expect: Mapping[str, Sequence[float]]
    measured: Mapping[str, Any]
    seconds: float | None
    verdict: str
    why: str = ""


def data_words(recipe: Recipe, catalog: Catalog) -> tuple[list[str], str | None]:
    """Return the overrides that name the data of a shipped recipe, and the environment variable that is not set.

    The variables name folders: that of the files which dlrun would download, and R8's with train.csv and test.csv.
    """
    option = catalog.option("dataset", recipe.choices["dataset"])
    if any(has_mark(field.kind, NetworkAddress) for field in option.fields.values()):
        variable = _FOLDERS[option.name]
        folder = os.environ.get(variable)
        return ([f"dataset.root={folder}", "dataset.download=false"], None) if folder else ([], variable)
    path = option.fields.get("path")
    if path is not None and path.default == MISSING and "dataset.path" not in recipe.values:
        folder = os.environ.get(_R8)
        return ([f"dataset.path={folder}/train.csv", f"dataset.test={folder}/test.csv"], None) if folder else ([], _R8)
    return [], None


def table(rows: Sequence[Row], environment: Mapping[str, Any]) -> str:
    """Return the rows as a table in Markdown, with a line on where they were measured."""
    heads = ("recipe", "metric", "promised", "measured", "seconds", "")
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|---|---|---|"]
    for row in rows:
        for place, (metric, (low, high)) in enumerate(row.expect.items()):
            first = place == 0
            cells = (
                f"`{row.recipe}`" if first else "",
                metric,
                interval(low, high),
                number(row.measured.get(metric)),
                (duration(row.seconds) if row.seconds is not None else "-") if first else "",
                f"{row.verdict}{f': {row.why}' if row.why else ''}".replace("|", "/") if first else "",
            )
            lines.append(f"| {' | '.join(cells)} |")
    counts = ", ".join(
        f"{sum(row.verdict == verdict for row in rows)} {verdict}"
        for verdict in dict.fromkeys(row.verdict for row in rows)
    )
    where = (
        f"{environment['processor']} ({environment['instruction_set']}), {environment['device']}, threads "
        f"{environment['threads']}, torch {environment['torch']}, Python {environment['python']}, "
        f"dlrun {environment['dlrun']}"
    )
    return "\n".join([*lines, "", f"Of {len(rows)} recipes: {counts}. Measured on {where}."])


def between_markers(text: str, content: str) -> str | None:
    """Return a page with `content` between its two markers; None if it does not have them."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{begin}\n{content}\n{end}{after}" if begin and end else None
