"""Fields that are auto: their rules, in order, on facts about the data."""

from __future__ import annotations

from typing import Any

import pytest

from dlrun.configuration.auto import RULES, Facts, resolve
from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.run_config import RunConfig, resolve_auto
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import AUTO

TABLE = Facts("dense", predicts_numbers=True, num_train=320, num_val=40, num_features=10)
IMAGES = Facts("image", predicts_numbers=False, num_train=1000, num_val=100, num_features=64)


def composed(*words: str) -> RunConfig:
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides([*words], catalog), catalog)
    return compose(plan, catalog).config


def decided(facts: Facts, *words: str) -> dict[str, Any]:
    return resolve_auto(composed(*words), Catalog(), facts)[1]


def leaves(tree: Any, prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in tree.items():
        found.update(leaves(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value})
    return found


@pytest.mark.parametrize("words", [(), ("dataset=wine",), ("dataset=wine", "model=mlp", "optimizer=adamw")])
def test_nothing_is_auto_once_the_data_is_known(words: tuple[str, ...]) -> None:
    config = composed(*words)
    autos = {key for key, value in leaves(config.tree).items() if value == AUTO and key.count(".")}
    known, found = resolve_auto(config, Catalog(), TABLE)
    assert autos - {"loss.name", "device.name"} == set(found) <= set(RULES)
    assert {key: value for key, value in leaves(known.tree).items() if key in found} == found
    assert known.trainer.epochs == found["trainer.epochs"]


def test_images_keep_the_usual_values() -> None:
    assert decided(IMAGES) == {
        "dataset.standardise_target": False,
        "trainer.batch_size": 32,
        "trainer.epochs": 10,
        "trainer.early_stop.patience": None,
        "trainer.eval_every": 1,
        "checkpoint.every_epochs": 1,
        "optimizer.lr": 0.001,
    }


@pytest.mark.parametrize(
    ("rows", "batch", "epochs"),
    [(20, 16, 200), (320, 32, 150), (8_000, 256, 63), (20_000, 256, 51), (1_000_000, 256, 10)],
)
def test_a_table_trains_for_a_number_of_steps(rows: int, batch: int, epochs: int) -> None:
    found = decided(Facts("dense", False, rows, rows // 10, 5), "dataset=wine")
    assert (found["trainer.batch_size"], found["trainer.epochs"]) == (batch, epochs)
    assert found["trainer.eval_every"] == found["checkpoint.every_epochs"] == max(1, epochs // 50)


def test_later_rules_read_what_earlier_ones_decided_or_the_user_set() -> None:
    assert decided(TABLE, "dataset=wine", "trainer.batch_size=4")["trainer.epochs"] == 19
    assert decided(TABLE, "dataset=wine", "trainer.batch_size=4", "trainer.accumulate=8")["trainer.epochs"] == 150
    assert decided(TABLE, "dataset=wine", "trainer.epochs=500")["trainer.eval_every"] == 10


def test_a_run_stops_early_only_where_its_length_is_auto_too() -> None:
    assert decided(TABLE, "dataset=wine")["trainer.early_stop.patience"] == 20
    assert decided(TABLE, "dataset=wine", "trainer.epochs=5")["trainer.early_stop.patience"] is None
    assert decided(TABLE, "dataset=wine", "trainer.max_steps=5")["trainer.early_stop.patience"] is None
    assert decided(Facts("dense", False, 100), "dataset=wine")["trainer.early_stop.patience"] is None


def test_with_a_limit_in_steps_there_is_none_in_epochs() -> None:
    found = decided(TABLE, "dataset=wine", "trainer.max_steps=5")
    assert (found["trainer.epochs"], found["trainer.eval_every"]) == (None, 1)


def test_targets_are_standardised_where_they_are_numbers() -> None:
    assert decided(TABLE)["dataset.standardise_target"] is True
    assert decided(IMAGES)["dataset.standardise_target"] is False


def test_only_the_fields_of_the_groups_asked_for_are_decided() -> None:
    tree, found = resolve(composed().tree, TABLE, groups=("dataset",))
    assert found == {"dataset.standardise_target": True}
    assert tree["trainer"]["epochs"] == AUTO


def test_the_tree_that_is_given_stays_as_it_is() -> None:
    config = composed()
    resolve(config.tree, TABLE)
    assert config.tree["trainer"]["epochs"] == config.tree["trainer"]["early_stop"]["patience"] == AUTO
