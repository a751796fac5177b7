"""The JSON Schema of a recipe agrees with dlrun's own check, where JSON Schema can say it."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from dlrun.configuration.compose import compose
from dlrun.configuration.json_schema import recipe_schema
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.recipes.block import MEANINGS, block_keys
from dlrun.configuration.recipes.check import split_recipe
from dlrun.configuration.recipes.sources.folders import recipe_names
from dlrun.configuration.safe_yaml import parse_yaml, read_yaml
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import GROUPS, resource_dir
from dlrun.configuration.yaml_text import to_yaml

CATALOG = Catalog()
SCHEMA = recipe_schema(CATALOG)
VALIDATOR = Draft202012Validator(SCHEMA)
OPTIONS = [(group, name) for group in GROUPS for name in CATALOG.names(group)]


def errors(tree: Any) -> list[str]:
    return [f"{each.json_path}: {each.message}" for each in VALIDATOR.iter_errors(tree)]


def recipe(text: str) -> dict[str, Any]:
    return parse_yaml(text.encode(), name="recipe")


def node_of(group: str, name: str) -> dict[str, Any]:
    return {"recipe": {"format": 1}, group: CATALOG.option(group, name).defaults()}


def test_it_is_a_json_schema_of_the_draft_that_it_names() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert (SCHEMA["$id"], SCHEMA["title"]) == ("urn:dlrun:recipe:1", "dlrun recipe")


@pytest.mark.parametrize("name", recipe_names())
def test_each_shipped_recipe_validates(name: str) -> None:
    assert errors(read_yaml(resource_dir("recipes") / f"{name}.yaml")) == []


@pytest.mark.parametrize(("group", "name"), OPTIONS, ids=lambda part: str(part))
def test_the_configuration_of_a_run_with_each_option_validates(group: str, name: str) -> None:
    path = ["dataset.path=x"] if "path" in node_of(group, name)[group] else []
    words = [f"{group}={name}", *path, *(["dataset.target=b"] if name == "table" else [])]
    (plan,) = plan_runs(parse_overrides(words, CATALOG), CATALOG)
    assert errors(parse_yaml(to_yaml(compose(plan, CATALOG).config.tree).encode(), name="config.yaml")) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("model: {name: mlp, hiden: [64]}", "$.model"),  # an unknown field
        ("modle: {name: mlp}", "$"),  # an unknown key
        ("model: {name: mpl}", "$.model.name"),  # an unknown option
        ("model: {name: mlp, kernel: 3}", "$.model"),  # a field of another option
        ("model: {hidden: [64]}", "$.model"),  # fields without the option
        ("model: mlp", "$.model"),  # a name instead of a node
        ("model: {name: mlp, hidden: 64}", "$.model.hidden"),  # a wrong type
        ("model: {name: mlp, hidden: [0]}", "$.model.hidden[0]"),  # out of range
        ("model: {name: mlp, dropout: 1.0}", "$.model.dropout"),
        ("model: {name: mlp, activation: rleu}", "$.model.activation"),
        ("trainer: {epochs: no}", "$.trainer.epochs"),
        ("trainer: {early_stop: {patience: 0}}", "$.trainer.early_stop.patience"),
        ("trainer: {early_stop: {patients: 3}}", "$.trainer.early_stop"),
        ("trainer: {max_time: 10 minutes}", "$.trainer.max_time"),
        ("seed: -1", "$.seed"),
        ("seed: null", "$.seed"),
        ("resume: perhaps", "$.resume"),
        ("hydra: {run: {dir: /}}", "$"),
        ("defaults: [x]", "$"),
        ("metric: ${oc.env:HOME}", "$.metric"),
        ("dataset: {name: mnist, mirrors: ['http://x/']}", "$.dataset.mirrors"),  # an address
        ("dataset: {name: table, path: /etc/passwd}", "$.dataset.path"),
        ("recipe: {title: x}", "$.recipe"),  # no format
        ("recipe: {format: 2}", "$.recipe.format"),
        ("recipe: {format: 1, titel: x}", "$.recipe"),
        ("recipe: {format: 1, expect: {test/accuracy: 0.9}}", "$.recipe.expect['test/accuracy']"),
        ("recipe: {format: 1, expect: {test/accuracy: [0.9]}}", "$.recipe.expect['test/accuracy']"),
        ("sweep: {optimizer.lr: 0.1}", "$.sweep['optimizer.lr']"),  # not a list
        ("sweep: {optimizer.lr: []}", "$.sweep['optimizer.lr']"),
        ("sweep: {optimizer.lr: [0]}", "$.sweep['optimizer.lr'][0]"),
        ("sweep: {optimizer.rl: [0.1]}", "$.sweep"),
        ("sweep: {model: [mpl]}", "$.sweep.model[0]"),
        ("sweep: {trainer.early_stop.patience: [0]}", "$.sweep['trainer.early_stop.patience'][0]"),
        ("sweep: {model.name: [mlp]}", "$.sweep"),
        ("sweep: {optimizer.lr: 'interval(a, b)'}", "$.sweep['optimizer.lr']"),
        ("sweep: {optimizer.lr: 'tag(lg, interval(1, 2))'}", "$.sweep['optimizer.lr']"),
        ("sweep: {optimizer.lr: 'interval(0.1, 0.2'}", "$.sweep['optimizer.lr']"),
        ("sweep: {trainer.epochs: 'glob(*)'}", "$.sweep['trainer.epochs']"),
        ("sweep: {model: 'interval(0, 1)'}", "$.sweep.model"),
        ("sweep: {trainer.shuffle: 'interval(0, 1)'}", "$.sweep['trainer.shuffle']"),
    ],
)
def test_a_mistake_is_reported_where_it_is_and_dlrun_agrees(text: str, place: str) -> None:
    tree = recipe(text)
    assert [error.partition(": ")[0] for error in errors(tree)] == [place]
    assert split_recipe(tree, CATALOG)[2] != []


@pytest.mark.parametrize(
    "text",
    [
        "recipe: null",
        "recipe: {format: 1, expect: {test/accuracy: [0.9, 1]}, plugins: {mine.py: 0a1b}}",
        "model: {name: mlp, hidden: '???', activation: '???'}",  # left to the user
        "dataset: {name: iris, pad: 0, augment: {shift: 0, flip: false}}",  # of old runs
        "trainer: {epochs: null, max_steps: 10, early_stop: {patience: auto}}",
        "device: {precision: bf16}",  # all devices have the same fields
        "sweep: {model: [mlp, cnn], seed: [0, 1], trainer.early_stop.patience: [null, 3], optimizer.lr: [auto, 0.1]}",
        "sweep: {model.generator_optimizer.lr: [0.1]}\nmodel: {name: gan}",
        "sweep: {optimizer.lr: 'tag(log, interval(1e-5, 1e-1))', trainer.batch_size: 'interval(8, 64)'}",
        "sweep: {model: 'choice(mlp, cnn)', seed: 'range(0, 5)', trainer.early_stop.patience: 'interval(1, 9)'}",
        "sweep: {model.generator_optimizer.lr: 'interval(0.1, 0.2)'}\nmodel: {name: gan}",
    ],
)
def test_what_dlrun_accepts_is_accepted(text: str) -> None:
    assert errors(recipe(text)) == []
    assert split_recipe(recipe(text), CATALOG)[2] == []


def test_every_field_has_its_comment_default_and_range() -> None:
    mlp, adam = SCHEMA["$defs"]["model.mlp"], SCHEMA["$defs"]["optimizer.adam"]
    assert mlp["description"] == "Multilayer perceptron: dense layers over flattened inputs"
    assert mlp["properties"]["hidden"] == {
        "description": "units of each hidden layer, 1..65536",
        "if": {"const": "???"},
        "else": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 65_536}},
        "default": [128, 128],
    }
    assert adam["properties"]["lr"]["anyOf"] == [
        {"type": "number", "maximum": 1000, "exclusiveMinimum": 0},
        {"enum": ["auto", "???"]},
    ]
    assert "auto is 0.001; for model=forecast, cnn and text 0.003" in adam["properties"]["lr"]["description"]
    patience = SCHEMA["properties"]["trainer"]["properties"]["early_stop"]["else"]["properties"]["patience"]
    assert patience["description"].startswith("evaluations without improvement before stopping, at least 1")
    assert patience["default"] == "auto"
    assert SCHEMA["properties"]["seed"] == {
        "description": "seed of all random numbers of the run, 0..4294967295",
        "type": "integer", "minimum": 0, "maximum": 4_294_967_295, "default": 0,
    }  # fmt: skip


def test_every_field_and_every_key_of_the_block_is_described() -> None:
    described = [node for group, name in OPTIONS if (node := SCHEMA["$defs"].get(f"{group}.{name}")) is not None]
    fields = [field for node in described for key, field in node["properties"].items() if key != "name"]
    assert [field for field in fields if not field.get("description")] == []
    assert len(fields) > 300
    assert set(block_keys()) <= set(MEANINGS)


def test_what_a_recipe_cannot_set_is_not_suggested() -> None:
    mirrors = SCHEMA["$defs"]["dataset.mnist"]["properties"]["mirrors"]
    assert mirrors["doNotSuggest"] is True
    assert "a recipe cannot set it" in mirrors["description"]
    assert not any("mirrors" in key for key in SCHEMA["properties"]["sweep"]["properties"])


def test_options_of_plugins_and_presets_are_in_it(tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text("def mine(spec, *, width: int = 4, note: str):\n    'My model.'\n")
    preset = tmp_path / "options/model/small.yaml"
    preset.parent.mkdir(parents=True)
    preset.write_text("# A small one\nname: mlp\nhidden: [4]\n")
    schema = recipe_schema(Catalog(plugins=[plugin], config_dirs=[tmp_path / "options"]))
    mine = schema["$defs"]["model.mine"]
    assert mine["description"] == "My model."
    assert mine["properties"]["width"] == {
        "description": "a whole number", "if": {"const": "???"}, "else": {"type": "integer"}, "default": 4,
    }  # fmt: skip
    assert "default" not in mine["properties"]["note"]
    assert schema["$defs"]["model.small"]["properties"]["hidden"]["default"] == [4]
    validator = Draft202012Validator(schema)
    assert validator.is_valid({"model": {"name": "mine", "width": 3}})
    assert not validator.is_valid({"model": {"name": "mine", "hidden": [3]}})
    assert not VALIDATOR.is_valid({"model": {"name": "mine"}})


# Mutations: single changes of good recipes, which JSON Schema and dlrun must judge alike.

VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2, 2.5, 0.5, -0.1, 10**9 + 1, 1e300, "auto", "???", "x", "", [], [1], ["a"],
    [0.1, 0.2], {}, {"a": 1}, {"_target_": "os.system"}, {"hydra": 1}, {"lr": 0.1}, {"shift": 1},
    {"shift": "auto", "flip": True}, {"patience": None}, "${seed}", "relu", "90s", "0s", "/etc/passwd", "../x",
    "a/../b", "~", "example:a.csv", "a.csv", "mnist", "mlp", "cpu", "none", "batch", "true",
]  # fmt: skip
KEYS = [
    "nonsense", "_target_", "hydra", "+hydra", "${x}", "lr", "hidden", "pad", "augment", "seed", "resume", "metric",
    "model", "trainer", "path", "name", "mirrors", "root", "momentum", "title", "expect", "plugins", "sweep", "notes",
    "early_stop", "val", "standardise", "batch_size",
]  # fmt: skip
SWEPT = [
    "model", "model.hidden", "model.name", "trainer", "trainer.epochs", "trainer.early_stop", "seed", "metric",
    "trainer.early_stop.patience", "optimizer.lr", "optimizer.momentum", "dataset", "dataset.limit", "dataset.mirrors",
    "device", "device.threads", "nonsense", "recipe", "hydra.x",
]  # fmt: skip

KNOWN_DIFFERENCES = {
    "Expected [lowest, highest]": "JSON Schema cannot compare two numbers of a list",
    "sweep.": "the schema of `sweep:` does not depend on the option that the recipe chooses",
}
"""Part of dlrun's message, or of its key -> why the JSON Schema accepts what dlrun refuses.

What these mutations do not meet: paths through links, sweeps of over 100,000 points, whole numbers written 1.0."""


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key in tree if isinstance(tree, dict) else range(len(tree) if isinstance(tree, list) else 0):
        yield (*path, key)
        yield from places(tree[key], (*path, key))


def at(tree: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def mutate(tree: dict[str, Any], draw: random.Random) -> dict[str, Any]:
    """Return a copy with one change: a value, a new, missing or misspelled key, a list around a value, a sweep."""
    tree = copy.deepcopy(tree)
    path = draw.choice(list(places(tree)))
    parent, key = at(tree, path[:-1]), path[-1]
    kind = draw.choice(["value", "value", "value", "value", "add", "delete", "rename", "wrap", "sweep"])
    value = copy.deepcopy(draw.choice(VALUES))
    if kind == "value":
        parent[key] = value
    elif kind == "add":
        mappings = [found for each in places(tree) if isinstance(found := at(tree, each), dict)]
        draw.choice([tree, *mappings])[draw.choice(KEYS)] = value
    elif kind == "delete":
        del parent[key]
    elif kind == "rename" and isinstance(key, str):
        parent[key + draw.choice("xs_")] = parent.pop(key)
    elif kind == "wrap":
        parent[key] = [parent[key]]
    else:
        tree["sweep"] = {draw.choice(SWEPT): draw.choice([[value], [value, draw.choice(VALUES)], [], value])}
    return tree


@pytest.mark.parametrize("seed", range(4))
def test_json_schema_and_dlrun_judge_mutated_recipes_alike(seed: int) -> None:
    trees = [read_yaml(resource_dir("recipes") / f"{name}.yaml") for name in recipe_names()]
    trees += [node_of(group, name) for group, name in OPTIONS]
    draw = random.Random(seed)
    differ, num_accepted = [], 0
    for _ in range(1_000):
        tree = mutate(draw.choice(trees), draw)
        problems = split_recipe(tree, CATALOG)[2]
        num_accepted += not problems
        known = any(part in str(problem) for problem in problems for part in KNOWN_DIFFERENCES)
        if VALIDATOR.is_valid(tree) != (not problems) and not (known and problems):
            differ.append((tree, problems, errors(tree)))
    assert differ == []
    assert 50 < num_accepted < 500  # both answers are common
