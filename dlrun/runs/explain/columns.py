"""Rows of columns: Shapley values of the columns as the user has them, with one-hot codes and flags joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlrun.data.files.bundled import feature_names
from dlrun.data.originals import as_written
from dlrun.data.tables.columns import WORD_KINDS
from dlrun.data.tables.encoding import TableEncoder
from dlrun.data.tables.feature_places import Place, cells_of, places_of
from dlrun.data.tables.series import SeriesEncoder
from dlrun.runs.explain.attribution import Attribution, Share
from dlrun.runs.explain.methods import num_orders, shapley
from dlrun.runs.explain.model import Model
from dlrun.runs.explain.outputs import Answer
from dlrun.runs.explain.rows import InputRow
from dlrun.runs.loaded_run import LoadedRun
from dlrun.wording import plural

_MOST_NUMBERS = 1 << 27  # that the model sees of one row, of all orders
_ROWS = (1_000, 20_000)  # of them, the fewest and the most
_AT_ONCE = 512


@dataclass(frozen=True)
class Columns:
    """names: of the columns, in the user's order. groups: the column of each feature, (F,) int64."""

    names: Sequence[str]
    groups: Tensor
    places: Sequence[Place] = ()  # of a table


def columns_of(run: LoadedRun) -> Columns:
    """Return the columns of a run's dense rows; without names they are numbered."""
    width = run.spec.shape[0]
    if isinstance(run.encoder, TableEncoder):
        places = places_of(run.encoder)
        used = [place for place in places if place.features]  # a category with no word in training has none
        groups = torch.zeros(width, dtype=torch.int64)
        for number, place in enumerate(used):
            groups[place.features] = number
        return Columns([place.column.name for place in used], groups, used)
    names = feature_names(run.config.dataset.name, width) or [f"feature {number + 1}" for number in range(width)]
    return Columns(names, torch.arange(width))


def columns_of_steps(run: LoadedRun) -> list[str]:
    """Return the names of the columns of a run's steps, (T, F); without names they are numbered."""
    if isinstance(run.encoder, SeriesEncoder):
        return list(run.encoder.state()["columns"])
    return [f"feature {number + 1}" for number in range(run.spec.shape[1])]


def explain_columns(run: LoadedRun, model: Model, given: InputRow, answer: Answer) -> Attribution:
    """Return what each column adds to the output of a row."""
    columns = columns_of(run)
    row = model.scaled(given.raw)  # (1, F)
    baseline, words = _baseline(run, row)
    count, width = len(columns.names), row.shape[1]
    orders = num_orders(count, most_rows=min(max(_MOST_NUMBERS // width, _ROWS[0]), _ROWS[1]))

    def forward(inputs: Tensor) -> Tensor:
        return answer.pick(model.outputs(inputs))

    amounts, errors = shapley(
        forward,
        row,
        baseline,
        columns.groups.to(row.device),
        orders=orders,
        seed=run.config.seed,
        at_once=min(count, _AT_ONCE),
    )
    with torch.no_grad():
        value, base = forward(torch.cat([row, baseline])).tolist()
    cells = _cells(run, columns, given.raw[0])
    shares = [Share(*each) for each in zip(columns.names, cells, amounts.tolist(), errors.tolist(), strict=True)]
    return Attribution("columns", value, base, words, f"Shapley values, {plural(orders, 'order')}", {"column": shares})


def _cells(run: LoadedRun, columns: Columns, raw: Tensor) -> list[str]:
    if isinstance(run.encoder, TableEncoder):
        return cells_of(run.encoder, columns.places, raw)
    return [as_written(value) for value in raw.tolist()]


def _baseline(run: LoadedRun, row: Tensor) -> tuple[Tensor, str]:
    """The row that the columns replace the values of, scaled, (1, F), and in words."""
    baseline, scaling, encoder = torch.zeros_like(row), run.spec.scaling, run.encoder
    is_mean = scaling is not None and scaling.mean[:1] != (scaling.low,)  # else from 0 to 1, not standardised
    words = "the means of the training rows" if is_mean else "0 in each column"
    if not isinstance(encoder, TableEncoder):
        return baseline, words
    if scaling is None and encoder.num_scaled:
        kinds = [column.kind for column in encoder.columns for _ in range(column.width)]
        medians = zip(kinds, encoder.state()["medians"], strict=True)
        numbers = [median for kind, median in medians if kind not in WORD_KINDS]
        baseline[0, : len(numbers)] = torch.tensor(numbers)
        words = "the medians of the training rows"
    kinds_used = {column.kind for column in encoder.columns}
    rest = [
        name
        for kind, name in (("category", "no category"), ("text", "empty texts"), ("image", "grey images"))
        if kind in kinds_used
    ]
    return baseline, ", ".join(([words] if encoder.num_scaled else []) + rest)
