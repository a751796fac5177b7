from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.configuration.override_text import Value, value_of
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.sweeps.space import Space, plan_search
from dlrun.errors import ConfigError

SEARCH = ("search=random", "search.trials=3")


def space_of(*words: str) -> Space:
    catalog = Catalog()
    return plan_search(parse_overrides([*SEARCH, *words], catalog, multirun=True), catalog)


def test_lists_and_ranges_are_dimensions_and_the_rest_is_fixed() -> None:
    space = space_of("dataset=iris", "model=mlp,linear", "optimizer.lr=interval(0.1,0.5)", "trainer.epochs=2")
    assert list(space.dimensions) == ["optimizer.lr", "model"]
    assert {key: value.text for key, value in space.fixed.items()} == {"dataset": "iris", "trainer.epochs": "2"}
    assert space.size is None
    assert space_of("model=mlp,linear", "trainer.batch_size=interval(3,8)").size == 12


def test_a_trial_becomes_a_plan_for_each_seed_and_fold() -> None:
    space = space_of("dataset=iris", "optimizer.lr=interval(0.1,0.5)", "seed=3,4", "dataset.folds=2")
    plans = space.points({"optimizer.lr": value_of(0.25)})
    assert [plan.label for plan in plans] == [
        f"optimizer.lr=0.25 seed={seed} dataset.fold={fold}" for seed in (3, 4) for fold in (0, 1)
    ]
    assert plans[0].choices() == {"dataset": "iris"}
    assert plans[3].values()["optimizer.lr"] == Value("0.25", 0.25)
    assert space.num_repeats() == 4


def test_folds_by_number_are_repeated_too() -> None:
    space = space_of("dataset=iris", "optimizer.lr=interval(0.1,0.5)", "dataset.folds=5", "dataset.fold=0,2")
    assert [plan.label for plan in space.points({"optimizer.lr": value_of(0.25)})] == [
        "optimizer.lr=0.25 dataset.fold=0", "optimizer.lr=0.25 dataset.fold=2",
    ]  # fmt: skip


def test_the_corners_and_each_dimension_by_itself_are_examined() -> None:
    space = space_of("optimizer.lr=tag(log,interval(0.01,1))", "trainer.batch_size=8,16,32", "seed=5,6")
    assert [plan.label for plan in space.example_plans()] == [
        f"optimizer.lr={rate} trainer.batch_size={size} seed=5"
        for rate, size in (
            ("0.01", 8), ("1.0", 32),  # all low, all high
            ("0.01", 16), ("1.0", 16),  # the rate, with the size in its middle
            ("0.1", 8), ("0.1", 16), ("0.1", 32),
        )
    ]  # fmt: skip


def test_a_trial_is_known_again_by_its_words() -> None:
    space = space_of("dataset=iris", "model=mlp,linear", "optimizer.lr=interval(0.1,0.5)", "seed=0,1")
    words = {"dataset": "iris", "model": "linear", "optimizer.lr": "0.25", "seed": "1"}
    assert space.trial_of(words) == {"model": Value("linear", "linear"), "optimizer.lr": Value("0.25", 0.25)}
    assert space.trial_of({**words, "resume": "auto", "dataset.fold": "1"}) is not None
    for other in (
        {"dataset": "wine"}, {"model": "cnn"}, {"optimizer.lr": "0.7"}, {"seed": "2"}, {"trainer.epochs": "3"},
    ):  # fmt: skip
        assert space.trial_of({**words, **other}) is None
    assert space.trial_of({key: text for key, text in words.items() if key != "optimizer.lr"}) is None


def test_a_recipe_states_ranges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(
        "dataset: {name: iris}\nmodel: {name: mlp}\n"
        "sweep:\n"
        "  optimizer.lr: tag(log, interval(1e-3, 1e-1))\n"
        "  trainer.batch_size: [8, 16]\n"
        "  trainer.epochs: range(1, 4)\n"
        "  model.activation: choice(relu, tanh)\n"
        "  seed: range(0, 2)\n"
    )
    space = space_of("recipe=mine.yaml")
    assert {key: domain.at(0.5).text for key, domain in space.dimensions.items()} == {
        "trainer.batch_size": "16", "trainer.epochs": "2", "model.activation": "tanh", "optimizer.lr": "0.01",
    }  # fmt: skip
    assert [value.text for value in space.repeated["seed"]] == ["0", "1"]
    plan = space.example_plans()[0]
    assert plan.origins()["optimizer.lr"] == "sweep optimizer.lr=0.001 of recipe mine.yaml"
    overridden = space_of("recipe=mine.yaml", "optimizer.lr=0.5", "trainer.batch_size=interval(1,3)")
    assert overridden.fixed["optimizer.lr"].text == "0.5"
    assert overridden.dimensions["trainer.batch_size"].size == 3


def test_recipes_are_a_dimension_if_they_sweep_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, lr in (("a", 0.1), ("b", 0.2)):
        Path(f"{name}.yaml").write_text(f"dataset: {{name: iris}}\noptimizer: {{name: sgd, lr: {lr}}}\n")
    space = space_of("recipe=a.yaml,b.yaml", "trainer.batch_size=interval(8,9)")
    plans = [plan for plan in space.example_plans() if plan.recipe is not None]
    assert {plan.recipe.name for plan in plans if plan.recipe is not None} == {"a", "b"}
    Path("b.yaml").write_text("dataset: {name: iris}\nsweep: {optimizer.lr: 'interval(0.1, 0.2)'}\n")
    with pytest.raises(ConfigError) as caught:
        space_of("recipe=a.yaml,b.yaml", "trainer.batch_size=interval(8,9)")
    assert [each.message for each in caught.value.problems] == [
        "These recipes sweep different keys, and a search has the same for all. Search one at a time."
    ]
