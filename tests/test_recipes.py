"""Every recipe that comes with dlrun: shortened in the normal suite, whole under `-m long`."""

from __future__ import annotations

import gzip
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dlrun.configuration.recipe import load_recipe, recipe_names
from dlrun.configuration.schema.catalog import Catalog

Dlrun = Callable[..., tuple[int, str, str]]
SHORTENED = ("trainer.epochs=1", "trainer.max_steps=3", "dataset.limit=100", "device.threads=1", "--quiet")
MNIST = os.environ.get("DLRUN_MNIST")
CIFAR10 = os.environ.get("DLRUN_CIFAR10")
R8 = os.environ.get("DLRUN_R8")


def data_for(name: str, folder: Path) -> tuple[str, ...]:
    """Write small data in the format of a recipe's dataset and return the overrides that use it."""
    if name.endswith("_mnist"):
        for which, rows in (("train", 120), ("t10k", 100)):
            images = torch.randint(0, 256, (rows, 28, 28), dtype=torch.uint8).numpy().tobytes()
            labels = bytes(i % 10 for i in range(rows))
            head = struct.pack(">IIII", 2051, rows, 28, 28)
            (folder / f"{which}-images-idx3-ubyte.gz").write_bytes(gzip.compress(head + images))
            (folder / f"{which}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 2049, rows) + labels)
    elif "cifar10" in name:
        rows = b"".join(bytes([i % 10]) + bytes(3072) for i in range(40))
        for number in range(1, 6):
            (folder / f"data_batch_{number}.bin").write_bytes(rows)
        (folder / "test_batch.bin").write_bytes(rows)
    elif name.endswith("_r8"):
        texts = "".join(f"class{i % 8},a text of {i} words\n" for i in range(80))
        (folder / "rows.csv").write_text(f"label,text\n{texts}")
        return (f"dataset.path={folder}/rows.csv", f"dataset.test={folder}/rows.csv")
    else:
        return ()
    return (f"dataset.root={folder}", "dataset.download=false")


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
    print(f"{name}: {result['metrics']} in {result['seconds']}")  # noqa: T201 - figures for the README
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
@pytest.mark.parametrize("name", ["mlp_mnist", "mlp300_mnist", "lenet_mnist", "gan_mnist"])
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
