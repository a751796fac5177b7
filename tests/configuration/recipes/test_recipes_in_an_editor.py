"""A real language server completes, explains and checks a recipe by the schema that `dlrun schema` prints.

`npm install --global yaml-language-server` installs the server; DLRUN_YAML_SERVER may name its file instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from dlrun.configuration.json_schema import recipe_schema
from dlrun.configuration.recipes.sources.folders import recipe_names
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import resource_dir
from tests.language_server import Editor, editor, find_server

MODELINE = "# yaml-language-server: $schema=recipe.schema.json\n"
pytestmark = pytest.mark.skipif(find_server() is None, reason="yaml-language-server is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Editor]:
    """An editor in a folder with the schema."""
    folder = tmp_path_factory.mktemp("recipes")
    (folder / "recipe.schema.json").write_text(json.dumps(recipe_schema(Catalog())), encoding="utf-8")
    with editor(str(find_server()), folder) as found:
        yield found


@pytest.mark.parametrize("name", recipe_names())
def test_nothing_is_wrong_with_a_shipped_recipe(server: Editor, name: str) -> None:
    text = (resource_dir("recipes") / f"{name}.yaml").read_text(encoding="utf-8")
    assert server.open(f"{name}.yaml", MODELINE + text) == []


def test_the_fields_of_the_chosen_model_are_offered(server: Editor) -> None:
    server.open("mlp.yaml", f"{MODELINE}model:\n  name: mlp\n  \n")
    offered = server.complete("mlp.yaml", 4, 2)
    assert set(offered) == {"hidden", "activation", "norm", "dropout", "init"}
    assert offered["dropout"] == "dropout: ${1:0}"  # with its default
    server.open("linear.yaml", f"{MODELINE}model:\n  name: linear\n  \n")
    assert set(server.complete("linear.yaml", 4, 2)) == {"init"}


def test_the_names_of_options_and_the_values_of_a_field_are_offered(server: Editor) -> None:
    server.open("names.yaml", f"{MODELINE}model:\n  name: \ntrainer:\n  epochs: \n")
    assert {"mlp", "cnn", "transformer"} <= set(server.complete("names.yaml", 3, 8))
    assert set(server.complete("names.yaml", 5, 10)) == {"auto", "null", "???"}


def test_what_a_recipe_cannot_set_is_not_offered(server: Editor) -> None:
    server.open("mnist.yaml", f"{MODELINE}dataset:\n  name: mnist\n  \n")
    offered = server.complete("mnist.yaml", 4, 2)
    assert "augment" in offered
    assert "mirrors" not in offered
    server.open("iris.yaml", f"{MODELINE}dataset:\n  name: iris\n  \n")
    assert "augment" not in server.complete("iris.yaml", 4, 2)


def test_hovering_over_a_key_shows_what_it_means(server: Editor) -> None:
    server.open("hover.yaml", f"{MODELINE}model:\n  name: mlp\n  hidden: [64]\ntrainer: {{epochs: 3}}\n")
    assert "units of each hidden layer, 1..65536" in server.hover("hover.yaml", 4, 4)
    assert "passes over the training rows" in server.hover("hover.yaml", 5, 12)
    assert "Multilayer perceptron: dense layers over flattened inputs" in server.hover("hover.yaml", 2, 2)


def test_each_mistake_is_a_diagnostic_on_its_line(server: Editor) -> None:
    text = """\
recipe: {format: 1}
model:
  name: mlp
  hiden: [64]
  hidden: 64
  dropout: 2
  init: zeros
  init: zeros
dataset: {name: mnst}
optimizer: {name: adam, momentum: 0.9}
sede: 1
"""
    found = server.open("mistakes.yaml", MODELINE + text)
    assert found[:5] == [
        (5, "Property hiden is not allowed."),
        (6, 'Incorrect type. Expected "array".'),
        (7, "Value is above the exclusive maximum of 1."),
        (9, "Map keys must be unique"),
        (10, found[4][1]),
    ]
    assert found[4][1].startswith("Value is not accepted. Valid values:")
    assert found[5:] == [(11, "Property momentum is not allowed."), (12, "Property sede is not allowed.")]
