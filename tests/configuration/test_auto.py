"""Fields that are auto: their rules, in order, on facts about the data."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from dlrun.configuration.auto import RULES, Facts, resolve
from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.run_config import RunConfig, resolve_auto
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import AUTO
from dlrun.configuration.threads import Work

TABLE = Facts("dense", predicts_numbers=True, num_train=320, num_val=40, num_features=10)
IMAGES = Facts("image", predicts_numbers=False, num_train=1000, num_val=100, num_features=64, shape=(1, 8, 8))


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
    others = {"loss.name", "device.name", "device.graphs", "device.strategy", "device.threads"}
    assert autos - others == set(found) <= set(RULES)
    assert {key: value for key, value in leaves(known.tree).items() if key in found} == found
    assert known.trainer.epochs == found["trainer.epochs"]


def test_threads_are_auto_until_the_model_is_built() -> None:
    known, found = resolve_auto(composed(), Catalog(), TABLE)
    assert "device.threads" not in found
    assert known.device_settings.threads == AUTO
    facts = dataclasses.replace(TABLE, work=Work(477_609_984, 4, 4_553_794, 104_650), cores=16, processes=2)
    known, found = resolve_auto(known, Catalog(), facts, groups=("device",))
    assert found == {"device.threads": 8}
    assert known.device_settings.threads == known.tree["device"]["threads"] == 8


def test_an_image_model_trains_for_a_number_of_steps() -> None:
    assert decided(IMAGES) == {
        "dataset.standardise_target": False,
        "dataset.augment.shift": 0,
        "trainer.batch_size": 32,
        "trainer.epochs": 30,
        "trainer.early_stop.patience": None,
        "trainer.eval_every": 1,
        "checkpoint.every_epochs": 1,
        "optimizer.lr": 0.003,
        "optimizer.weight_decay": 0.01,
        "loss.label_smoothing": 0.0,
        "model.channels": [32, 64, 128],
    }


@pytest.mark.parametrize(("rows", "batch", "epochs"), [(60, 32, 30), (5000, 64, 13), (54_000, 128, 10)])
def test_larger_sets_of_images_have_larger_batches_and_fewer_epochs(rows: int, batch: int, epochs: int) -> None:
    found = decided(Facts("image", False, rows, shape=(1, 28, 28)))
    assert (found["trainer.batch_size"], found["trainer.epochs"]) == (batch, epochs)


@pytest.mark.parametrize(("shape", "shift"), [((1, 8, 8), 0), ((1, 28, 28), 1), ((3, 64, 96), 4), ((3, 224, 224), 4)])
def test_images_are_shifted_by_a_part_of_their_size(shape: tuple[int, ...], shift: int) -> None:
    facts = Facts("image", False, 1000, shape=shape)
    assert decided(facts)["dataset.augment.shift"] == shift
    assert decided(facts, "model=resnet")["dataset.augment.shift"] == shift
    assert decided(facts, "model=mlp")["dataset.augment.shift"] == 0
    assert "dataset.augment.shift" not in decided(facts, "dataset.augment.shift=3")


def test_arrays_that_are_no_images_are_not_shifted() -> None:
    words = ("dataset=arrays", "dataset.path=example:wine.npz")
    assert decided(Facts("dense", False, 100, shape=(13,)), *words)["dataset.augment.shift"] == 0


@pytest.mark.parametrize(
    ("shape", "words", "blocks"),
    [
        ((1, 8, 8), (), 3),
        ((1, 5, 8), (), 2),
        ((1, 1, 8), (), 1),
        ((3, 48, 48), (), 4),
        ((1, 28, 28), ("model.padding=valid",), 3),
        ((1, 8, 8), ("model.padding=valid",), 1),
        ((1, 8, 8), ("model.padding=1", "model.pool_size=4"), 1),
        ((1, 4, 4), ("model.pool=none",), 3),
        ((1, 4, 4), ("model.pool=none", "model.padding=valid"), 1),
    ],
)
def test_a_cnn_has_as_many_blocks_as_the_image_has_room_for(
    shape: tuple[int, ...], words: tuple[str, ...], blocks: int
) -> None:
    found = decided(Facts("image", False, 1000, shape=shape), *words)["model.channels"]
    assert found == [32, 64, 128, 256][:blocks]


@pytest.mark.parametrize(("rows", "share"), [(100, 0.5), (9_999, 0.5), (10_000, 1.0)])
def test_networks_count_half_where_rows_are_few(rows: int, share: float) -> None:
    words = ("dataset=table", "dataset.path=x.csv", "dataset.target=y")
    assert decided(Facts("dense", True, rows, rows // 10, 5), *words)["model.share"] == share
    assert "model.share" not in decided(Facts("dense", True, rows), *words, "model.share=0.7")


@pytest.mark.parametrize(("numbers", "frequencies"), [(0, 16), (200, 16), (201, 0), (6830, 0)])
def test_numbers_have_no_periodic_features_where_they_are_many(numbers: int, frequencies: int) -> None:
    words = ("dataset=table", "dataset.path=x.csv", "dataset.target=y")
    facts = Facts("dense", True, 64, 5, num_features=7000, num_numbers=numbers)
    assert decided(facts, *words)["model.frequencies"] == frequencies
    assert "model.frequencies" not in decided(facts, *words, "model.frequencies=4")


def test_texts_and_ratings_train_for_a_number_of_steps() -> None:
    texts = decided(Facts("tokens", False, 5000, 500), "dataset=text", "dataset.path=x.csv")
    assert (texts["trainer.batch_size"], texts["trainer.epochs"]) == (32, 10)
    assert (texts["optimizer.lr"], texts["optimizer.weight_decay"]) == (0.003, 0.01)
    assert texts["loss.label_smoothing"] == 0.1
    ratings = decided(Facts("dense", True, 72_000, 8_000, 2), "dataset=interactions", "dataset.path=x.csv")
    assert (ratings["trainer.batch_size"], ratings["trainer.epochs"]) == (256, 20)
    assert (ratings["optimizer.lr"], ratings["optimizer.weight_decay"]) == (0.01, 0.2)


def test_other_models_of_texts_keep_the_usual_values() -> None:
    found = decided(Facts("tokens", False, 5000, 500), "dataset=text", "dataset.path=x.csv", "model=rnn")
    assert (found["trainer.epochs"], found["optimizer.lr"]) == (10, 0.001)


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
    assert found == {"dataset.standardise_target": True, "dataset.augment.shift": 0}
    assert tree["trainer"]["epochs"] == AUTO


def test_the_tree_that_is_given_stays_as_it_is() -> None:
    config = composed()
    resolve(config.tree, TABLE)
    assert config.tree["trainer"]["epochs"] == config.tree["trainer"]["early_stop"]["patience"] == AUTO
