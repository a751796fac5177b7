"""Spaces and rows for the tests of searches."""

from __future__ import annotations

from collections.abc import Sequence

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.sweeps.space import Space, Trial, plan_search
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.runs.sweeps.search.sampler import Sampler

LR = "optimizer.lr=tag(log,interval(1e-4,1))"
SIZE = "trainer.batch_size=8,16,32"


def space_of(*words: str) -> Space:
    """Return the space of a command's words."""
    catalog = Catalog()
    request = parse_overrides(["search=random", "search.trials=1", "dataset=iris", *words], catalog, multirun=True)
    return plan_search(request, catalog)


def ask(sampler: Sampler, count: int) -> list[Trial]:
    """Return the next trials of a sampler, at most so many."""
    found = [sampler.ask() for _ in range(count)]
    return [trial for trial in found if trial is not None]


def texts(trials: Sequence[Trial]) -> list[str]:
    """Return trials as they are typed."""
    return [" ".join(f"{key}={value.text}" for key, value in trial.items()) for trial in trials]


def row(point: int, accuracy: float, *, status: str = "completed", parameters: int = 1) -> SweepRow:
    """Return the row of a point that has reached an accuracy."""
    best = {"metric": "val/accuracy", "value": accuracy, "higher_is_better": True}
    metrics = {"val/accuracy": accuracy} if status == "completed" else {}
    return SweepRow(point, [], status, metrics, best, parameters=parameters)
