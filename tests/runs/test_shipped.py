"""The data of shipped recipes, and the table of what they promise and reached."""

from __future__ import annotations

import pytest

from dlrun.configuration.recipes.recipe import load_recipe
from dlrun.configuration.recipes.sources.folders import recipe_names
from dlrun.configuration.schema.catalog import Catalog
from dlrun.runs.shipped import BEGIN, END, Row, between_markers, data_words, table

VARIABLES = ("DLRUN_MNIST", "DLRUN_CIFAR10", "DLRUN_R8")
ENVIRONMENT = {
    "processor": "P", "instruction_set": "AVX2", "device": "cpu", "threads": 1, "torch": "2.13", "python": "3.11",
    "dlrun": "0.1",
}  # fmt: skip


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_whose_files_must_be_there_name_the_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    words, missing = data_words(load_recipe(name, Catalog()), Catalog())
    assert words == []
    ending = name.rpartition("_")[2]
    expected = {"mnist": "DLRUN_MNIST", "r8": "DLRUN_R8", "cifar10": "DLRUN_CIFAR10", "padded": "DLRUN_CIFAR10"}
    assert missing == expected.get(ending)


def test_the_variables_become_overrides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLRUN_MNIST", "/data/m")
    monkeypatch.setenv("DLRUN_R8", "/data/r")
    catalog = Catalog()
    words = (["dataset.root=/data/m", "dataset.download=false"], None)
    assert data_words(load_recipe("mlp_mnist", catalog), catalog) == words
    words = (["dataset.path=/data/r/train.csv", "dataset.test=/data/r/test.csv"], None)
    assert data_words(load_recipe("lstm_r8", catalog), catalog) == words


def test_the_table_has_a_line_for_each_metric() -> None:
    rows = [
        Row(
            "a",
            {"test/accuracy": [0.9, 1], "test/loss": [0, 0.5]},
            {"test/accuracy": 0.95},
            61.2,
            "broken",
            "no | loss",
        ),
        Row("b", {"test/rmse": [0, 2]}, {}, None, "not measured", "X names no folder"),
    ]
    assert table(rows, ENVIRONMENT).splitlines() == [
        "| recipe | metric | promised | measured | seconds |  |",
        "|---|---|---|---|---|---|",
        "| `a` | test/accuracy | 0.9 to 1 | 0.9500 | 1 min 01 s | broken: no / loss |",
        "|  | test/loss | 0 to 0.5 | - |  |  |",
        "| `b` | test/rmse | 0 to 2 | - | - | not measured: X names no folder |",
        "",
        "Of 2 recipes: 1 broken, 1 not measured. Measured on P (AVX2), cpu, threads 1, torch 2.13, Python 3.11, "
        "dlrun 0.1.",
    ]


def test_the_table_goes_between_its_markers() -> None:
    assert between_markers(f"above\n{BEGIN}\nold\n{END}\nbelow\n", "new") == f"above\n{BEGIN}\nnew\n{END}\nbelow\n"
    assert between_markers(f"above\n{BEGIN}\nold\n", "new") is None
    assert between_markers("", "new") is None
