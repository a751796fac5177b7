from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.sweeps.space import plan_search
from dlrun.runs.sweeps.search.choose import choose_search
from dlrun.runs.sweeps.search.grid import Grid
from dlrun.runs.sweeps.search.halving import Halving
from dlrun.runs.sweeps.search.objectives import Measurable
from dlrun.runs.sweeps.search.search import Search
from dlrun.runs.sweeps.search.trials import Trials
from tests.runs.sweeps.search.spaces import LR


def choose(*words: str) -> Search:
    catalog = Catalog()
    request = parse_overrides(["dataset=iris", *words], catalog, multirun=True)
    plans = [] if request.is_search else plan_runs(request, catalog)
    space = plan_search(request, catalog) if request.is_search else None
    return choose_search(request.sweep.search, plans, Path("nowhere"), space=space)


def labels(search: Search) -> list[str]:
    found = []
    while (plan := search.next()) is not None:
        found.append(plan.label)
    return found


def test_a_grid_has_every_combination() -> None:
    assert isinstance(choose("seed=0,1"), Grid)
    assert labels(choose("seed=0,1")) == ["seed=0", "seed=1"]


@pytest.mark.parametrize("name", ["random", "lhs"])
def test_a_search_has_its_trials_by_its_seed(name: str) -> None:
    words = (LR, f"search={name}", "search.trials=3")
    found = labels(choose(*words))
    assert len(found) == 3
    assert labels(choose(*words)) == found
    assert labels(choose(*words, "search.seed=1")) != found


def test_random_and_lhs_differ_and_tpe_begins() -> None:
    pytest.importorskip("optuna")
    assert labels(choose(LR, "search=random", "search.trials=3")) != labels(choose(LR, "search=lhs", "search.trials=3"))
    search = choose(LR, "search=tpe", "search.trials=3", "search.objectives=[accuracy,parameters]")
    assert isinstance(search, Measurable)
    assert isinstance(search.inner, Trials)
    assert search.next() is not None


def test_any_search_may_be_pruned(tmp_path: Path) -> None:
    search = choose(LR, "search=random", "search.trials=3", "search.prune=halving", "search.objectives=[accuracy]")
    assert isinstance(search, Halving)
    assert isinstance(search.inner, Measurable)
    assert search.num_points == 3
