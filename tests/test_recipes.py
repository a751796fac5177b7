"""Every recipe that comes with dlrun: shortened in the normal suite, whole under `-m long`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from dlrun.configuration.recipes.recipe import load_recipe
from dlrun.configuration.recipes.sources.folders import recipe_names
from dlrun.configuration.schema.catalog import Catalog
from tests.small_data import data_for

Dlrun = Callable[..., tuple[int, str, str]]
SHORTENED = ("trainer.epochs=1", "trainer.max_steps=3", "dataset.limit=100", "device.threads=1", "--quiet")
MNIST = os.environ.get("DLRUN_MNIST")
CIFAR10 = os.environ.get("DLRUN_CIFAR10")
R8 = os.environ.get("DLRUN_R8")


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_says_what_it_is_and_what_to_expect(name: str) -> None:
    loaded = load_recipe(name, Catalog())
    assert loaded.about["command"].startswith(f"dlrun recipe={name}")
    assert len(loaded.about["title"]) < 80
    assert loaded.about["source"]
    assert loaded.about["expect"]
    first = loaded.path.read_text().splitlines()[0]
    assert first.startswith(f"# dlrun recipe={name}")


@pytest.mark.parametrize("name", recipe_names())
def test_a_recipe_trains(name: str, dlrun: Dlrun, tmp_path: Path) -> None:
    code, _, err = dlrun(f"recipe={name}", "hydra.run.dir=mine", *SHORTENED, *data_for(name, tmp_path))
    assert code == 0, err
    result = json.loads((tmp_path / "mine" / "result.json").read_text())
    assert result["steps"] in (1, 2, 3)
    expected = load_recipe(name, Catalog()).about["expect"]
    assert set(expected) <= set(result["metrics"]), "a recipe promises metrics that a run of it gives"


def whole(name: str, dlrun: Dlrun, *words: str) -> dict[str, float]:
    """Train a recipe at its full length and compare its metrics with its promise."""
    code, _, err = dlrun(f"recipe={name}", "hydra.run.dir=mine", "device.threads=1", "--quiet", *words)
    assert code == 0, err
    result = json.loads(Path("mine/result.json").read_text())
    for metric, (low, high) in load_recipe(name, Catalog()).about["expect"].items():
        assert low <= result["metrics"][metric] <= high, f"{name}: {metric} {result['metrics'][metric]}"
    print(f"{name}: {result['metrics']} in {result['seconds']}")  # figures for the README
    return dict(result["metrics"])


@pytest.mark.parametrize("name", ["mlp_breast_cancer", "logistic_breast_cancer", "mlp_digits", "lstm_reviews"])
def test_a_quick_recipe_keeps_its_promise(name: str, dlrun: Dlrun) -> None:
    whole(name, dlrun)


@pytest.mark.long
@pytest.mark.parametrize(
    "name",
    ["lenet_random", "rnn_digits", "birnn_digits", "gan_digits", "gru_weather", "language_gpl3", "transformer_reviews"],
)
def test_a_recipe_keeps_its_promise(name: str, dlrun: Dlrun) -> None:
    whole(name, dlrun)


@pytest.mark.long
def test_a_straight_line_is_found_to_a_thousandth(dlrun: Dlrun) -> None:
    whole("line_regression", dlrun)
    last = Path("mine/checkpoints/last").read_text().strip()
    weights = load_file(f"mine/checkpoints/{last}/model.safetensors")
    assert weights["weight"].item() == pytest.approx(2, abs=1e-3)
    assert weights["bias"].item() == pytest.approx(1, abs=1e-3)


@pytest.mark.long
@pytest.mark.skipif(MNIST is None, reason="DLRUN_MNIST names no folder with MNIST")
@pytest.mark.parametrize("name", ["linear_mnist", "mlp_mnist", "mlp300_mnist", "lenet_mnist", "gan_mnist"])
def test_a_recipe_keeps_its_promise_on_mnist(name: str, dlrun: Dlrun) -> None:
    whole(name, dlrun, f"dataset.root={MNIST}")


@pytest.mark.long
@pytest.mark.skipif(CIFAR10 is None, reason="DLRUN_CIFAR10 names no folder with CIFAR-10")
@pytest.mark.parametrize("name", ["cnn_cifar10", "cnn_cifar10_padded"])
def test_a_recipe_keeps_its_promise_on_cifar10(name: str, dlrun: Dlrun) -> None:
    whole(name, dlrun, f"dataset.root={CIFAR10}")


@pytest.mark.long
@pytest.mark.skipif(R8 is None, reason="DLRUN_R8 names no folder with train.csv and test.csv of R8")
@pytest.mark.parametrize("name", ["lstm_r8", "bilstm_r8"])
def test_a_recipe_keeps_its_promise_on_r8(name: str, dlrun: Dlrun) -> None:
    whole(name, dlrun, f"dataset.path={R8}/train.csv", f"dataset.test={R8}/test.csv")
