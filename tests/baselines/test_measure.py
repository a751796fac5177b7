"""dlrun.baselines.measure: which baselines each kind of data has, their time, and what they leave alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from dlrun.baselines import measure
from dlrun.baselines.measure import measure_baselines
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.goals import Goal
from dlrun.data.loading.reader import Reader
from dlrun.data.loading.streaming import StreamedSplit
from dlrun.data.prepare import DataBundle, prepare
from dlrun.data.spec import Kind
from dlrun.training.call_option import call_option
from tests.baselines.rows import nothing, prepared
from tests.harness import configure

TEXT = ("dataset=text", "model=rnn")


def data_of(*words: str) -> DataBundle:
    """Return the dataset of a configuration, prepared."""
    config = configure(*words)
    source = call_option(Catalog(), "dataset", config.dataset.name, **config.dataset.arguments)
    return prepare(config.dataset.name, source, config.dataset_settings)


def measured(data: DataBundle, *splits: str, seed: int = 0) -> list[dict[str, Any]]:
    """Return the baselines as `result.json` has them, without their seconds."""
    found = [each.state() for each in measure_baselines(data, splits or ("val", "test"), seed=seed, check=nothing)]
    assert all(each.pop("seconds") >= 0 for each in found)
    return found


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("dataset=wine",), ["largest class", "linear model"]),
        (("dataset=breast_cancer",), ["largest class", "linear model"]),
        (("dataset=diabetes",), ["mean", "linear model"]),
        (("dataset=digits",), ["largest class", "class means"]),
        (
            ("dataset=table", "dataset.path=example:people.csv", "dataset.target=renewed"),
            ["largest class", "linear model"],
        ),
        (("dataset=series", "dataset.path=example:weather.csv"), ["last value", "linear model"]),
        ((*TEXT, "dataset.path=example:reviews.csv"), ["largest class", "bag of words"]),
        ((*TEXT, "dataset.path=example:gpl3_text.txt", "dataset.task=language"), ["token frequencies", "bigrams"]),
        (("dataset=interactions", "dataset.path=example:ratings.csv"), ["mean", "biases"]),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_each_kind_of_data_has_its_two_baselines(words: tuple[str, ...], names: list[str]) -> None:
    model = () if "model=rnn" in words else ("model=mlp",)
    data = data_of(*words, *model)
    state = torch.random.get_rng_state()
    found = measured(data)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert [each["name"] for each in found] == names
    assert [each["kind"] for each in found] == ["trivial", "simple"]
    for each in found:
        assert {name.split("/")[0] for name in each["metrics"]} == {"val", "test"}
        assert "val/loss" not in each["metrics"]
    torch.manual_seed(7)
    assert measured(data) == found  # whatever the random state is


def test_the_target_of_a_forecast_that_is_no_input_has_only_its_mean() -> None:
    words = ("dataset=series", "dataset.path=example:weather.csv", "dataset.columns=[humidity]")
    data = data_of(*words, "dataset.target=temperature", "model=mlp")
    assert [each["name"] for each in measured(data)] == ["mean", "linear model"]


@pytest.mark.parametrize(
    ("kind", "goal", "shape", "name"),
    [
        ("dense", "regression", (1000,), "linear model on 10,000 rows"),
        ("dense", "regression", (2000,), "linear model on 1,000 rows"),
        ("dense", "multiclass", (500,), "linear model on 20,000 rows"),
        ("image", "multiclass", (3, 24, 24), "class means"),
        ("sequence", "binary", (30, 20), "linear model on 16,666 rows"),
    ],
)
def test_more_data_does_not_take_more_than_seconds(kind: Kind, goal: Goal, shape: tuple[int, ...], name: str) -> None:
    rows = 21_000 if goal != "regression" else 11_000
    draw = torch.Generator().manual_seed(0)
    inputs = torch.randn(rows, *shape, generator=draw)
    classes = (inputs.flatten(1)[:, 0] > 0).long() + (goal == "multiclass") * (inputs.flatten(1)[:, 1] > 0)
    data = prepared(kind, goal, inputs, inputs.flatten(1)[:, 0] if goal == "regression" else classes, test=100)
    (_, simple) = measure_baselines(data, ["test"], seed=0, check=nothing)
    assert simple.name == name
    assert simple.seconds < 20  # a second or two on an idle machine


class Counted(Reader):
    """Rows of numbers, read when needed; counts them."""

    dtype = torch.float32
    row_shape = (3,)

    def __init__(self, rows: torch.Tensor) -> None:
        self.rows, self.num_read = rows, 0

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, rows: Any) -> torch.Tensor:
        self.num_read += len(rows)
        return self.rows[list(rows)]


def test_files_are_read_again_only_for_few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = torch.randn(300, 3, generator=torch.Generator().manual_seed(0))
    data = prepared("dense", "regression", inputs, inputs[:, 0], test=100)
    train, test = Counted(inputs[:200]), Counted(inputs[200:])
    streamed = dataclasses.replace(
        data, train=StreamedSplit(train, inputs[:200, :1]), test=StreamedSplit(test, inputs[200:, :1])
    )
    monkeypatch.setattr(measure, "_MOST_STREAMED", 120)
    assert [each["name"] for each in measured(streamed, "test")] == ["mean", "linear model on 120 rows"]
    assert (train.num_read, test.num_read) == (120, 100)
    monkeypatch.setattr(measure, "_MOST_STREAMED", 99)
    assert [each["name"] for each in measured(streamed, "test")] == ["mean"]
    assert (train.num_read, test.num_read) == (120, 100)


def test_a_simple_model_that_takes_too_long_to_measure_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    data = prepared("image", "multiclass", torch.randn(30, 1, 4, 4), torch.arange(30) % 3, test=10)
    monkeypatch.setattr(measure, "_MOST_WORK", 10 * 16 * 3)
    assert [each["name"] for each in measured(data, "test")] == ["largest class", "class means"]
    monkeypatch.setattr(measure, "_MOST_WORK", 10 * 16 * 3 - 1)
    assert [each["name"] for each in measured(data, "test")] == ["largest class"]


def test_tokens_without_a_vocabulary_have_no_simple_model() -> None:
    data = prepared("tokens", "multiclass", torch.randint(0, 9, (30, 4)), torch.arange(30) % 3, test=10)
    assert [each["name"] for each in measured(data, "test")] == ["largest class"]


def test_the_sample_is_drawn_by_the_seed_of_the_split() -> None:
    inputs = torch.randn(1500, 3000, generator=torch.Generator().manual_seed(0))
    data = prepared("dense", "regression", inputs, inputs[:, 0], test=100)
    first, same, other = (measured(data, "test", seed=seed)[1] for seed in (0, 0, 1))
    assert first == same != other


def test_an_example_of_images_has_class_means(own_folder: Path) -> None:
    data = data_of("dataset=image_folder", "dataset.path=example:shapes", "model=mlp")
    assert [each["name"] for each in measured(data)] == ["largest class", "class means"]
