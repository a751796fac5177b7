"""`dlrun.configuration.recipes.extends`: a recipe built on another."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.provenance import explain_origin
from dlrun.configuration.recipes import extends
from dlrun.configuration.recipes.extends import merge
from dlrun.configuration.recipes.recipe import Recipe, load_recipe
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError, Problem

BASE = (
    "recipe: {format: 1, title: Base, source: A book, command: dlrun recipe=base, expect: {test/accuracy: [0.9, 1]}}\n"
    "dataset: {name: iris, val_fraction: 0.2}\n"
    "model: {name: mlp, hidden: [16]}\n"
    "trainer:\n"
    "  epochs: 9\n"
    "  early_stop: {patience: 3}\n"
)


def write(name: str, text: str) -> str:
    """Write a file; returns what a recipe beside it writes to extend it."""
    Path(name).write_text(text)
    return f"{Path(name).name}@sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def extend(child: str, base: str = BASE) -> Recipe:
    write("child.yaml", f"recipe: {{format: 1, extends: '{write('base.yaml', base)}'}}\n{child}")
    return load_recipe("child.yaml", Catalog())


def problems(child: str, base: str = BASE) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        extend(child, base)
    return [(problem.where, problem.message) for problem in caught.value.problems]


def test_the_childs_keys_win_and_fields_are_merged() -> None:
    loaded = extend("model: {hidden: [8, 8]}\ntrainer: {batch_size: 4, early_stop: {min_delta: 0.1}}\nseed: 2\n")
    assert loaded.choices == {"dataset": "iris", "model": "mlp"}
    assert loaded.values == {
        "dataset.val_fraction": 0.2,
        "model.hidden": [8, 8],
        "trainer.epochs": 9,
        "trainer.early_stop.patience": 3,
        "trainer.batch_size": 4,
        "trainer.early_stop.min_delta": 0.1,
        "seed": 2,
    }
    assert (loaded.name, loaded.path) == ("child", Path("child.yaml"))
    assert [layer.shown for layer in loaded.layers] == ["child.yaml", "base.yaml"]


def test_of_an_option_that_the_child_replaces_nothing_remains() -> None:
    loaded = extend("model: {name: linear}\ndataset: {name: wine}\n")
    assert loaded.choices == {"dataset": "wine", "model": "linear"}
    assert loaded.values == {"trainer.epochs": 9, "trainer.early_stop.patience": 3}


def test_of_the_parents_block_the_child_has_only_where_it_comes_from() -> None:
    assert extend("seed: 1").about == {"format": 1, "source": "A book"}
    block = "recipe: {format: 1, title: Mine, expect: {test/loss: [0, 1]}, extends: %s}\n"
    write("child.yaml", block % f"'{write('base.yaml', BASE)}'")
    about = load_recipe("child.yaml", Catalog()).about
    assert about == {"format": 1, "source": "A book", "title": "Mine", "expect": {"test/loss": [0, 1]}}


def test_a_run_of_it_names_no_parent_and_promises_nothing() -> None:
    extend("seed: 1")
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(["recipe=child.yaml"], catalog), catalog)
    tree = compose(plan, catalog).config.tree
    assert tree["recipe"] == {"format": 1, "source": "A book"}
    assert (tree["model"]["hidden"], tree["trainer"]["epochs"], tree["seed"]) == ([16], 9, 1)
    assert pickle.loads(pickle.dumps(plan)) == plan  # noqa: S301 - a launcher sends it to other processes


SWEEP = "sweep: {seed: [0, 1], model: [mlp, linear], optimizer.lr: [0.1], trainer.early_stop.patience: [1, 2]}\n"
ALL = {"seed": [0, 1], "model": ["mlp", "linear"], "optimizer.lr": [0.1], "trainer.early_stop.patience": [1, 2]}


@pytest.mark.parametrize(
    ("child", "changed"),
    [
        ("metric: loss", {}),
        ("sweep: {seed: [5]}", {"seed": [5]}),
        ("sweep: {trainer.batch_size: [4]}", {"trainer.batch_size": [4]}),
        ("seed: 3", {"seed": None}),
        ("optimizer: {name: adam, lr: 0.2}", {"optimizer.lr": None}),
        ("optimizer: {name: adam}", {}),
        ("trainer: {early_stop: {patience: 9}}", {"trainer.early_stop.patience": None}),
        ("trainer: {early_stop: {min_delta: 9}}", {}),
        ("model: {name: linear}", {"model": None}),
    ],
)
def test_sweeps_are_merged_by_key_and_a_value_ends_one(child: str, changed: dict[str, Any]) -> None:
    expected = {key: values for key, values in {**ALL, **changed}.items() if values is not None}
    assert extend(f"{child}\n", f"dataset: {{name: iris}}\n{SWEEP}").sweep == expected


def test_a_sweep_of_fields_ends_with_the_option_that_has_them() -> None:
    base = "model: {name: cnn}\nsweep: {model.kernel: [3, 5]}\n"
    assert extend("model: {name: mlp}\n", base).sweep == {}
    assert extend("model: {name: cnn}\n", base).sweep == {"model.kernel": [3, 5]}
    swept = "sweep: {model: [cnn, resnet], model.norm: [none, batch]}\n"
    assert extend("model: {name: mlp}\n", swept).sweep == {}


def test_a_sweep_names_the_file_that_it_is_from() -> None:
    extend("sweep: {seed: [1]}\n", f"dataset: {{name: iris}}\n{SWEEP}")
    catalog = Catalog()
    plan, *_ = plan_runs(parse_overrides(["recipe=child.yaml"], catalog, multirun=True), catalog)
    assert plan.origins()["seed"] == "sweep seed=1 of recipe child.yaml"
    assert plan.origins()["optimizer.lr"] == "sweep optimizer.lr=0.1 of recipe base.yaml"


def test_what_set_a_value_is_told_with_the_parents_line() -> None:
    extend("model: {hidden: [8]}\ntrainer: {batch_size: 4}\n")
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides(["recipe=child.yaml"], catalog), catalog)
    composed = compose(plan, catalog)
    for key, told in (
        ("model", "model = mlp: recipe base.yaml:3, which child.yaml extends"),
        ("model.hidden", "model.hidden = [8]: recipe child.yaml:2"),
        ("trainer.epochs", "trainer.epochs = 9: recipe base.yaml:5, which child.yaml extends"),
        ("trainer.batch_size", "trainer.batch_size = 4: recipe child.yaml:3"),
        (
            "trainer.early_stop.patience",
            "trainer.early_stop.patience = 3: recipe base.yaml:6, which child.yaml extends",
        ),
    ):
        assert explain_origin(key, composed, catalog) == told


def test_a_parent_may_extend_another() -> None:
    first = write("first.yaml", "dataset: {name: iris}\nseed: 1\nmetric: loss\n")
    loaded = extend("seed: 3\n", f"recipe: {{format: 1, extends: '{first}'}}\nseed: 2\ntrainer: {{epochs: 4}}\n")
    assert loaded.values == {"seed": 3, "metric": "loss", "trainer.epochs": 4}
    assert [layer.shown for layer in loaded.layers] == ["child.yaml", "base.yaml", "first.yaml"]


def test_a_parents_file_is_relative_to_the_parent() -> None:
    Path("sub").mkdir()
    first = write("sub/first.yaml", "seed: 1\n")
    base = write("sub/base.yaml", f"recipe: {{format: 1, extends: '{first}'}}\n")
    write("child.yaml", f"recipe: {{format: 1, extends: 'sub/{base}'}}\n")
    assert load_recipe("child.yaml", Catalog()).values == {"seed": 1}


def chain(count: int) -> None:
    reference = write("0.yaml", "seed: 1\n")
    for number in range(1, count + 1):
        reference = write(f"{number}.yaml", f"recipe: {{format: 1, extends: '{reference}'}}\n")


def test_the_number_of_parents_is_bounded() -> None:
    chain(extends.MOST_PARENTS + 1)
    assert load_recipe("8.yaml", Catalog()).values == {"seed": 1}
    with pytest.raises(ConfigError) as caught:
        load_recipe("9.yaml", Catalog())
    what = "A recipe can extend at most 8 others, one after another."
    assert caught.value.problems == [Problem("recipe.extends", what)]


def test_a_circle_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # No hash can be that of a file which contains it, so that only a parent found by other means makes a circle.
    found = extends.find_parent
    monkeypatch.setattr(extends, "find_parent", lambda text, child: found(text.replace("0" * 64, hash_of("a")), child))

    def hash_of(name: str) -> str:
        return hashlib.sha256(Path(f"{name}.yaml").read_bytes()).hexdigest()

    b = write("b.yaml", f"recipe: {{format: 1, extends: 'a.yaml@sha256:{'0' * 64}'}}\n")
    write("a.yaml", f"recipe: {{format: 1, extends: '{b}'}}\n")
    with pytest.raises(ConfigError) as caught:
        load_recipe("a.yaml", Catalog())
    what = "The recipes extend each other in a circle: a.yaml → b.yaml → a.yaml."
    assert caught.value.problems == [Problem("recipe.extends", what)]


def test_a_recipe_cannot_extend_itself() -> None:
    write("a.yaml", f"recipe: {{format: 1, extends: 'a.yaml@sha256:{'0' * 64}'}}\nseed: 1\n")
    with pytest.raises(ConfigError, match=r"a\.yaml has changed: this recipe was built on sha256:0000"):
        load_recipe("a.yaml", Catalog())


def test_a_mistake_of_the_parent_names_its_file() -> None:
    assert problems("seed: 1\n", "model: {name: cnn, kernel: 99}\n") == [
        (
            "model.kernel",
            "Expected a whole number from 1 to 63, got 99. It is set in base.yaml, which this recipe extends.",
        )
    ]
    assert problems("seed: 1\n", "model: {name: cn}\n") == [
        ("model=cn", 'Unknown model "cn". Did you mean "cnn"? It is set in base.yaml, which this recipe extends.')
    ]
    told = "It is set in base.yaml, which this recipe extends."
    assert problems("seed: 1\n", "model: {name: mlp, hidden: [8, 0]}\n") == [
        ("model.hidden[1]", f"Expected a whole number from 1 to 65536, got 0. {told}")
    ]
    assert problems("seed: 1\n", "sweep: {optimizer.lr: 3}\n") == [
        ("sweep.optimizer.lr", f"Expected a list of values, or a range such as interval(1e-4, 1e-1), got 3. {told}")
    ]
    assert problems("model: {kernel: 99}\n", "model: {name: cnn}\n") == [
        ("model.kernel", "Expected a whole number from 1 to 63, got 99.")
    ]


def test_what_merging_would_hide_is_checked_in_the_parent() -> None:
    base = "recipe: {format: 2, expects: {}}\nmodel: {name: mlp, _target_: os.system}\n"
    assert problems("model: {name: linear}\n", base) == [
        ("base.yaml: recipe.format", "Expected 1, the format of this version of dlrun, got 2."),
        ("base.yaml: recipe.expects", 'Unknown key "expects". Did you mean "expect"?'),
        ("base.yaml: model._target_", 'A recipe is data, never code; it cannot contain "_target_".'),
    ]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[a]", 'Expected NAME_OR_FILE@sha256:HEX, got ["a"].'),
        ("null", "Expected NAME_OR_FILE@sha256:HEX, got null."),
        ("3", "Expected NAME_OR_FILE@sha256:HEX, got 3."),
    ],
)
def test_only_a_text_names_a_parent(value: str, message: str) -> None:
    write("child.yaml", f"recipe: {{format: 1, extends: {value}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_recipe("child.yaml", Catalog())
    assert caught.value.problems == [Problem("recipe.extends", message)]


def test_a_parent_that_says_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^base.yaml: it says nothing\. A recipe chooses an option"):
        extend("seed: 1\n", "# nothing\n")


@pytest.mark.parametrize(
    ("parent", "child", "merged"),
    [
        ({"model": "mlp"}, {"model": {"name": "cnn"}}, {"model": {"name": "cnn"}}),
        ({"model": {"name": "cnn"}}, {"model": "mlp"}, {"model": "mlp"}),
        ({"device": {"threads": 1}}, {"device": {"name": "cpu"}}, {"device": {"threads": 1, "name": "cpu"}}),
        ({"sweep": {"seed": [1]}}, {"sweep": [1]}, {"sweep": [1]}),
        ({"sweep": [1]}, {}, {"sweep": [1]}),
        ({"sweep": [1]}, {"sweep": {"seed": [1]}}, {"sweep": {"seed": [1]}}),
    ],
)
def test_what_is_no_mapping_is_left_to_the_check(
    parent: dict[str, Any], child: dict[str, Any], merged: dict[str, Any]
) -> None:
    assert merge(parent, {"recipe": {}, **child}) == {"recipe": {}, **merged}
