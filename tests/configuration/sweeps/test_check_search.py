from __future__ import annotations

import importlib.metadata

import pytest

from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.sweeps.space import plan_search
from dlrun.errors import ConfigError

LR = "optimizer.lr=interval(0.1,1)"


def problems(*words: str) -> list[tuple[str, str, str | None]]:
    catalog = Catalog()
    request = parse_overrides(words, catalog, multirun=True)
    with pytest.raises(ConfigError) as caught:
        plan_search(request, catalog) if request.is_search else plan_runs(request, catalog)
    return [(each.where, each.message, each.fix) for each in caught.value.problems]


def test_a_grid_has_no_range() -> None:
    what = (
        "A grid tries every combination, and a range has no end of values. Draw from it: search=random "
        "search.trials=20; or list the values: optimizer.lr=A,B"
    )
    assert problems(LR) == [(LR, what, "search=random")]


def test_a_grid_has_no_number_of_trials() -> None:
    what = (
        "A grid tries every combination, and the first few of them would differ in the last key only. "
        "For 40 of them, drawn evenly: search=random"
    )
    assert problems("seed=0,1", "search.trials=40") == [("search.trials=40", what, "search=random")]


@pytest.mark.parametrize("name", ["random", "tpe"])
def test_a_search_must_know_when_to_end(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda package: "5.0.0")
    what = "A search goes on until it is told to end: add search.trials=20, or search.budget=2h"
    assert problems(f"search={name}", LR) == [(f"search={name}", what, "search.trials=20")]
    catalog = Catalog()
    words = (f"search={name}", LR, "search.budget=10m")
    assert plan_search(parse_overrides(words, catalog, multirun=True), catalog).dimensions


def test_a_latin_hypercube_needs_its_number_of_trials_also_with_a_budget() -> None:
    what = "A Latin hypercube divides each range into as many parts as there are trials: add search.trials=20"
    assert problems("search=lhs", LR, "search.budget=2h") == [("search=lhs", what, "search.trials=20")]


def test_something_must_vary() -> None:
    what = "Nothing varies, so there is nothing to search. Give a range: optimizer.lr='interval(1e-4,1e-1)'"
    for words in (("optimizer.lr=0.1",), ("seed=0,1,2",)):
        assert problems("search=random", "search.trials=3", *words) == [("search=random", what, None)]


def test_every_trial_with_each_seed_is_not_too_much() -> None:
    words = ("search=random", "search.trials=50001", LR, "seed=0,1")
    assert problems(*words) == [("-m", "The sweep has 100,002 points; at most 100,000 are allowed.", None)]


def test_lists_of_a_search_may_have_any_number_of_combinations() -> None:
    catalog = Catalog()
    words = ["search=random", "search.trials=3", *(f"{key}=range(1,65)" for key in ("model.depth", "trainer.epochs"))]
    words += ["model=rnn", "trainer.batch_size=range(1,1001)"]
    words = [word for word in words if "depth" not in word]
    assert plan_search(parse_overrides(words, catalog, multirun=True), catalog).size == 64 * 1000
    words += ["trainer.log_every=range(1,101)"]
    assert plan_search(parse_overrides(words, catalog, multirun=True), catalog).size == 64 * 1000 * 100


@pytest.mark.parametrize(
    ("version", "told"), [(None, "which is not installed"), ("4.5.0", "4.5.0 is installed, and 5 or newer is needed")]
)
def test_tpe_needs_a_current_optuna(version: str | None, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(package: str) -> str:
        assert package == "optuna"
        if version is None:
            raise importlib.metadata.PackageNotFoundError
        return version

    monkeypatch.setattr(importlib.metadata, "version", installed)
    what = f'It needs the package optuna; {told}: pip install "dlrun[search]". Without it: search=random or search=lhs.'
    assert problems("search=tpe", "search.trials=3", LR) == [("search=tpe", what, "search=random")]
