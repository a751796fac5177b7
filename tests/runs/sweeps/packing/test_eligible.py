"""Which points may be packed, by their configurations."""

from __future__ import annotations

from typing import Any

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.sweeps.settings import SearchSettings, SweepSettings
from dlrun.runs.sweeps.packing.eligible import FREE_FIELDS, obstacle, signature, sweep_obstacle


def config_of(*words: str) -> RunConfig:
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(["dataset=iris", *words], catalog), catalog)
    return compose(plan, catalog).config


SAME = (
    "optimizer.lr=0.5", "optimizer=sgd", "scheduler=cosine", "seed=7", "trainer.clip_norm=1", "metric=loss",
    "model.dropout=0.5", "trainer.early_stop.patience=3", "checkpoint.keep=1", "loss.label_smoothing=0.1",
)  # fmt: skip
OTHER = (
    "model.hidden=[8]", "trainer.batch_size=8", "trainer.epochs=3", "dataset.val_fraction=0.3", "model=linear",
    "trainer.shuffle=false", "device.threads=1",
)  # fmt: skip


@pytest.mark.parametrize("word", SAME)
def test_numbers_of_a_point_do_not_part_it_from_the_others(word: str) -> None:
    assert signature(config_of("model=mlp", word)) == signature(config_of("model=mlp"))


@pytest.mark.parametrize("word", OTHER)
def test_another_architecture_batch_or_length_does(word: str) -> None:
    assert signature(config_of("model=mlp", word)) != signature(config_of("model=mlp"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("trainer.accumulate=2",), "trainer.accumulate=2"),
        (("trainer.ema=0.9",), "trainer.ema=0.9"),
        (("device.compile=true",), "device.compile=true"),
        (("device.processes=2",), "device.processes=2"),
        (("device.precision=bf16",), "device.precision=bf16"),
        (("dataset=digits", "model=gan"), "model=gan has losses of its own"),
    ],
)
def test_what_cannot_be_packed_says_why(words: tuple[str, ...], why: str) -> None:
    assert obstacle(config_of("model=mlp", *words), "on") == why
    assert obstacle(config_of("model=mlp"), "on") is None


def test_auto_packs_the_models_that_gain() -> None:
    convolutional = config_of("dataset=digits", "model=cnn")
    assert obstacle(convolutional, "on") is None
    assert obstacle(convolutional, "auto") == (
        "model=cnn gains nothing on the CPU; launch.pack=on packs it all the same"
    )
    assert obstacle(config_of("model=linear"), "auto") is None
    dropping = config_of("model=mlp", "model.dropout=0.25")
    assert obstacle(dropping, "on") is None
    assert obstacle(dropping, "auto") == (
        "model.dropout=0.25 would draw other masks than alone; launch.pack=on packs it all the same"
    )


def test_a_search_that_learns_from_each_point_is_not_packed() -> None:
    assert sweep_obstacle(SweepSettings(search=SearchSettings(name="tpe")), profile=False) == (
        "search=tpe chooses each point by the results of those before it"
    )
    assert sweep_obstacle(SweepSettings(search=SearchSettings(budget="2h")), profile=False) == (
        "search.budget ends a sweep between points, and those of a pack end together"
    )
    assert sweep_obstacle(SweepSettings(), profile=True) == "--profile measures one run at a time"
    assert sweep_obstacle(SweepSettings(search=SearchSettings(name="random")), profile=False) is None


def test_the_free_fields_exist() -> None:
    tree: dict[str, Any] = dict(config_of("model=mlp").tree)
    assert all(set(fields) <= set(tree[group]) for group, fields in FREE_FIELDS.items())
