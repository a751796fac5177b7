"""The smallest recipe: what differs from the defaults, from which the same tree is composed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlrun.configuration.recipes.recipe import load_recipe
from dlrun.configuration.recipes.smallest import is_same, requested_tree, smallest
from dlrun.configuration.recipes.sources.folders import recipe_names
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.yaml_text import to_yaml
from tests.harness import configure


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), {}),
        (("dataset=iris",), {"dataset": {"name": "iris"}}),  # model=tabular is its default, and so on
        (("dataset=iris", "model=tabular", "optimizer=adamw"), {"dataset": {"name": "iris"}}),
        (("dataset=iris", "model=cnn"), {"dataset": {"name": "iris"}, "model": {"name": "cnn"}}),
        (
            ("dataset=text", "dataset.path=a.txt", "dataset.task=language"),  # whose default model is a transformer
            {"dataset": {"name": "text", "path": "a.txt", "task": "language"}},
        ),
        (("optimizer=adam",), {"optimizer": {"name": "adam"}}),  # adamw is the default of model=cnn
        (("model.channels=[4]",), {"model": {"name": "cnn", "channels": [4]}}),
        (("trainer.epochs=3", "seed=5"), {"seed": 5, "trainer": {"epochs": 3}}),
        (("trainer.epochs=auto",), {}),
        (("trainer.early_stop.min_delta=0.5",), {"trainer": {"early_stop": {"min_delta": 0.5}}}),
        (("dataset.augment.flip=true",), {"dataset": {"name": "digits", "augment": {"flip": True}}}),
        (("device=cpu", "device.precision=bf16"), {"device": {"name": "cpu", "precision": "bf16"}}),
        (("device.precision=bf16",), {"device": {"precision": "bf16"}}),
        (("metric=loss", "resume=auto"), {"metric": "loss"}),
        (("trainer.early_stop.min_delta=0",), {"trainer": {"early_stop": {"min_delta": 0}}}),  # 0 is not 0.0
    ],
)
def test_only_what_differs_from_the_defaults_is_left(words: tuple[str, ...], expected: dict[str, Any]) -> None:
    assert smallest(configure(*words).tree, Catalog()) == expected


@pytest.mark.parametrize("name", recipe_names())
def test_the_smallest_recipe_of_each_shipped_one_composes_to_the_same(name: str, own_folder: Path) -> None:
    dataset = load_recipe(name, Catalog()).choices["dataset"]
    files = ("dataset.path=a.csv", "dataset.test=b.csv") if name.endswith("_r8") else ()
    before = configure(f"recipe={name}", *files)
    found = smallest(before.tree, Catalog())
    assert found.get("dataset", {"name": "digits"})["name"] == dataset
    (own_folder / "small.yaml").write_text(to_yaml({"recipe": {"format": 1}, **found}))
    after = configure("recipe=small.yaml")
    assert after.sha256 == before.sha256


def test_fields_that_rules_decided_are_auto_again() -> None:
    tree = {"trainer": {"epochs": 30, "early_stop": {"patience": None, "min_delta": 0.0}}, "seed": 0}
    assert requested_tree(tree, {"trainer.epochs": 30, "trainer.early_stop.patience": None}) == {
        "trainer": {"epochs": "auto", "early_stop": {"patience": "auto", "min_delta": 0.0}},
        "seed": 0,
    }
    assert tree["trainer"]["epochs"] == 30  # type: ignore[index]


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (1, True), ("1", 1), (None, 0), ([1], [1, 1])])
def test_values_of_other_types_are_not_the_same(one: object, other: object) -> None:
    assert not is_same(one, other)
    assert is_same(one, one)
