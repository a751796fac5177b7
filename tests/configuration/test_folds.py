"""dlrun.configuration.folds: which plans become one for each fold."""

from __future__ import annotations

from pathlib import Path

import pytest

import dlrun.configuration.folds as module
from dlrun.configuration.folds import by_fold
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError


def labels(*words: str, multirun: bool = False) -> list[list[str]]:
    catalog = Catalog()
    plans = plan_runs(parse_overrides(words, catalog, multirun=multirun), catalog)
    return [[plan.label for plan in folds] for folds in by_fold(plans, catalog)]


def test_folds_become_a_plan_each_and_a_single_fold_stays_one() -> None:
    assert labels("dataset=iris") == [[""]]
    assert labels("dataset=iris", "dataset.folds=null") == [[""]]
    assert labels("dataset=iris", "dataset.folds=3") == [[f"dataset.fold={fold}" for fold in range(3)]]
    assert labels("dataset=iris", "dataset.folds=3", "dataset.fold=2") == [[""]]
    assert labels("dataset=iris", "dataset.folds=3", "dataset.fold=0,2", multirun=True) == [
        ["dataset.fold=0"],
        ["dataset.fold=2"],
    ]


def test_each_point_of_a_sweep_has_its_folds() -> None:
    assert labels("dataset=iris", "dataset.folds=2,3", "seed=0,1", multirun=True) == [
        [f"dataset.folds={count} seed={seed} dataset.fold={fold}" for fold in range(count)]
        for count in (2, 3)
        for seed in (0, 1)
    ]


def test_a_recipe_may_ask_for_folds(own_folder: Path) -> None:
    (own_folder / "r.yaml").write_text("recipe: {format: 1}\ndataset: {name: iris, folds: 2}\n")
    assert labels("recipe=r.yaml") == [["dataset.fold=0", "dataset.fold=1"]]
    assert labels("recipe=r.yaml", "dataset.fold=1") == [[""]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("dataset.folds=1",), "Expected a whole number from 2 to 1000 or null, got 1"),
        (("dataset.fold=0",), "Set dataset.folds, the number of folds."),
        (("dataset.folds=3", "dataset.fold=3"), "Expected 0 to 2, got 3."),
    ],
)
def test_folds_that_contradict_each_other_are_refused(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        labels("dataset=iris", *words)
    assert message in str(caught.value)


def test_too_many_runs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_POINTS", 9)
    with pytest.raises(ConfigError, match="The sweep has 10 points"):
        labels("dataset=iris", "dataset.folds=5", "seed=0,1", multirun=True)
