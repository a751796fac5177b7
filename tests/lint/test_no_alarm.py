"""No rule raises an alarm on what ships: every recipe, the default of every kind of data, and good configurations."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.recipe import recipe_names
from dlrun.configuration.schema.catalog import Catalog
from dlrun.lint.examine import Examiner
from tests.lint.conftest import Examine
from tests.small_data import data_for

DEFAULTS = (
    "dataset=digits",
    "dataset=iris",
    "dataset=wine",
    "dataset=diabetes",
    "dataset=breast_cancer",
    "dataset=line",
    "dataset=random_images",
    "dataset=table dataset.path=example:people.csv dataset.target=renewed",
    "dataset=series dataset.path=example:weather.csv",
    "dataset=text dataset.path=example:reviews.csv",
    "dataset=text dataset.path=example:gpl3_text.txt dataset.task=language model=transformer",
    "dataset=interactions dataset.path=example:ratings.csv",
    "dataset=image_folder dataset.path=example:shapes",
    "dataset=audio_folder dataset.path=example:tones",
    "dataset=arrays dataset.path=example:wine.npz",
)
GOOD = (
    "dataset=digits model=resnet",
    "dataset=digits model=resnet optimizer=sgd optimizer.lr=0.1 optimizer.momentum=0.9",
    "dataset=digits model=cnn model.norm=none",
    "dataset=digits model=cnn model.init=kaiming",
    "dataset=digits model=rnn model.init=kaiming",
    "dataset=digits model=gan",
    "dataset=digits model=mlp model.activation=sigmoid model.hidden=[64,64]",
    "dataset=digits model=mlp model.activation=tanh model.hidden=[64,64,64,64]",
    "dataset=digits model=mlp model.init=normal",
    "dataset=digits model=mlp scheduler=one_cycle optimizer.lr=0.01",
    "dataset=digits model=mlp trainer.ema=0.99",
    "dataset=digits model=mlp trainer.clip_norm=1",
    "dataset=digits model=mlp trainer.accumulate=4",
    "dataset=iris model=mlp optimizer=adagrad",
    "dataset=iris model=mlp optimizer=nadam",
    "dataset=iris model=linear optimizer=sgd optimizer.lr=1",
    "dataset=diabetes model=mlp model.init=kaiming",
    "dataset=diabetes model=mlp loss=huber",
    "dataset=diabetes model=linear optimizer=sgd optimizer.lr=0.1",
    "dataset=text dataset.path=example:reviews.csv model=transformer",
    "dataset=text dataset.path=example:reviews.csv model=rnn",
    "dataset=series dataset.path=example:weather.csv model=rnn",
)


@pytest.mark.parametrize("name", recipe_names())
def test_every_shipped_recipe_is_fine(check: Examine, name: str, tmp_path: Path) -> None:
    assert check(f"recipe={name}", *data_for(name, tmp_path)) == []


@pytest.mark.parametrize("words", DEFAULTS + GOOD)
def test_defaults_and_good_configurations_are_fine(check: Examine, words: str) -> None:
    assert check(*words.split()) == []


@pytest.mark.parametrize("seed", range(1, 4))
@pytest.mark.parametrize("words", DEFAULTS[:6])
def test_so_are_other_seeds(check: Examine, words: str, seed: int) -> None:
    assert check(*words.split(), f"seed={seed}") == []


def test_a_thousand_rates_are_judged_in_a_few_seconds() -> None:
    rates = ",".join(f"{10 ** (-6 + 8 * number / 999):.6g}" for number in range(1000))
    words = ("dataset=iris", "model=mlp", f"optimizer.lr={rates}", "device=cpu", "device.threads=1")
    catalog = Catalog()
    composed = [compose(plan, catalog) for plan in plan_runs(parse_overrides(words, catalog, multirun=True), catalog)]
    examiner = Examiner(catalog)
    started = time.process_time()
    found = [examiner.examine(each)[1] for each in composed]
    assert time.process_time() - started < 20  # about 4 s on a quiet machine
    judged = [[finding.id for finding in findings] for findings in found]
    assert judged[0] == ["learning-rate-too-low"]
    assert judged[500] == []  # 0.01
    assert judged[-1] == ["learning-rate-too-high"]
    first = next(number for number, ids in enumerate(judged) if ids == ["learning-rate-too-high"])
    assert 0.03 < composed[first].config.optimizer["lr"] < 1
    assert all(ids == ["learning-rate-too-high"] for ids in judged[first:])
