from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.configuration.override_text import Value
from dlrun.configuration.recipes.recipe import Recipe, load_recipe
from dlrun.configuration.recipes.sources.folders import recipe_names
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError


def load(text: str, *, own: bool = False) -> Recipe:
    Path("mine.yaml").write_text(text)
    return load_recipe("mine.yaml", Catalog(), own=own)


def problems(text: str) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return [(problem.where, problem.message) for problem in caught.value.problems]


def test_a_recipe_is_split_into_choices_and_values() -> None:
    loaded = load(
        "recipe: {format: 1, title: Small, expect: {test/accuracy: [0.9, 1]}}\n"
        "model: {name: cnn, kernel: 5}\n"
        "trainer: {epochs: 3, early_stop: {patience: 2}}\n"
        "seed: 7\n"
    )
    assert (loaded.name, loaded.path, loaded.title) == ("mine", Path("mine.yaml"), "Small")
    assert loaded.about["expect"] == {"test/accuracy": [0.9, 1]}
    assert loaded.choices == {"model": "cnn"}
    assert loaded.values == {"model.kernel": 5, "trainer.epochs": 3, "trainer.early_stop.patience": 2, "seed": 7}
    assert loaded.sweep == {}


def test_a_recipe_without_a_title_is_called_by_its_name() -> None:
    assert load("seed: 1").title == "mine"


@pytest.mark.parametrize("text", ["", "# only a comment\n", "recipe:\n", "recipe: {}\n", "sweep:\n", "model: {}\n"])
def test_a_file_that_says_nothing_is_no_recipe(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(text)
    what = "A recipe chooses an option or sets a value, such as `model: {name: mlp}`."
    assert str(caught.value) == f"mine.yaml: it says nothing. {what}"


def test_a_recipe_of_all_defaults_only_says_what_it_is() -> None:
    loaded = load("recipe: {format: 1}")
    assert (loaded.about, loaded.choices, loaded.values, loaded.sweep) == ({"format": 1}, {}, {}, {})


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_of_dlrun_is_right(name: str) -> None:
    loaded = load_recipe(name, Catalog())
    assert loaded.name == name
    assert loaded.title != name


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("modle: {name: cnn}", "modle", 'Unknown key "modle". Did you mean "model"?'),
        ("model: cnn", "model", 'Expected a mapping with a name and fields, got "cnn".'),
        ("model: {kernel: 3}", "model", "Expected a name: the option to which the fields belong."),
        ("model: {name: [cnn]}", "model.name", 'Expected a string, got ["cnn"].'),
        ("model: {name: null}", "model.name", "Expected a string, got null."),
        ("model: {name: cn}", "model=cn", 'Unknown model "cn". Did you mean "cnn"?'),
        (
            "model: {name: cnn, kernl: 3}",
            "model.kernl",
            'The model "cnn" has no field "kernl". Did you mean "model.kernel"?',
        ),
        ("model: {name: cnn, kernel: 99}", "model.kernel", "Expected a whole number from 1 to 63, got 99."),
        (
            "trainer: {epochs: 10.0}",
            "trainer.epochs",
            "Expected a whole number from 1 to 1000000000, auto or null, got 10.0.",
        ),
        ("loss: {name: mae, delta: 1}", "loss.delta", 'The loss "mae" has no field "delta". It has no fields.'),
        (
            'trainer: {"early_stop.patience": 3}',
            "trainer.early_stop.patience",
            'The trainer "default" has no field "early_stop". Did you mean "trainer.early_stop"?',
        ),
        (
            "trainer: {early_stop: {patince: 3}}",
            "trainer.early_stop.patince",
            'trainer.early_stop has no field "patince". Did you mean "trainer.early_stop.patience"?',
        ),
        ("seed: -1", "seed", "Expected a whole number from 0 to 4294967295, got -1."),
        ("resume: maybe", "resume", 'Expected one of never, auto, must, got "maybe".'),
        (
            "recipe: 3",
            "recipe",
            "Expected a mapping with format, title, source, command, notes, plugins, extends, expect, meaning, "
            "measured, seeds, lock, data, losses, got 3.",
        ),
        ("recipe: {title: x}", "recipe.format", "Expected 1, the format of this version of dlrun, got null."),
        ("recipe: {format: 2}", "recipe.format", "Expected 1, the format of this version of dlrun, got 2."),
        ("recipe: {format: true}", "recipe.format", "Expected 1, the format of this version of dlrun, got true."),
        ("recipe: {format: 1, titel: x}", "recipe.titel", 'Unknown key "titel". Did you mean "title"?'),
        ("recipe: {format: 1, title: [x]}", "recipe.title", 'Expected a string, got ["x"].'),
        ("recipe: {format: 1, plugins: {a.py: 3}}", "recipe.plugins", "Expected a string, got 3."),
        ("recipe: {format: 1, plugins: [a.py]}", "recipe.plugins", 'Expected a mapping, got ["a.py"].'),
        ("recipe: {format: 1, expect: [1]}", "recipe.expect", "Expected a mapping, got [1]."),
        (
            "recipe: {format: 1, expect: {test/a: [2, 1]}}",
            "recipe.expect.test/a",
            "Expected [lowest, highest], got [2, 1].",
        ),
        ("recipe: {format: 1, expect: {test/a: [1]}}", "recipe.expect.test/a", "Expected [lowest, highest], got [1]."),
        ("recipe: {format: 1, expect: {test/a: 1}}", "recipe.expect.test/a", "Expected [lowest, highest], got 1."),
        ("sweep: [1]", "sweep", "Expected a mapping of keys to lists of values, got [1]."),
        (
            "sweep: {seed: 1}",
            "sweep.seed",
            "Expected a list of values, or a range such as interval(1e-4, 1e-1), got 1.",
        ),
        (
            "sweep: {seed: []}",
            "sweep.seed",
            "Expected a list of values, or a range such as interval(1e-4, 1e-1), got [].",
        ),
        (
            "sweep:\n  optimizer.lr: interval(a, b)",
            "sweep.optimizer.lr",
            'Expected two numbers: interval(1e-4, 1e-1). Got "interval(a, b)".',
        ),
        (
            "sweep:\n  optimizer.lr: interval(1, 5000)",
            "sweep.optimizer.lr",
            "The upper end is out of bounds. Expected a number above 0, at most 1000 or auto, got 5000.0.",
        ),
        (
            "sweep:\n  optimizer.lr: interval(0.1",
            "sweep.optimizer.lr",
            "Expected interval(1e-4, 1e-1), tag(log, interval(1e-4, 1e-1)), range(1, 9) or choice(A, B). "
            'Got "interval(0.1". Within braces, quote it: a comma ends a value.',
        ),
        ("sweep: {seed: [x]}", "sweep.seed", 'Expected a whole number from 0 to 4294967295, got "x".'),
        ("sweep: {sed: [1]}", "sweep.sed", 'A recipe cannot sweep this key. Did you mean "seed"?'),
        ("sweep: {model: [cnn, cn]}", "sweep.model", 'Unknown model "cn". Did you mean "cnn"?'),
        ("sweep: {model: [3]}", "sweep.model", "Expected a string, got 3."),
        (
            "model: {name: cnn}\nsweep: {model.kernl: [3]}",
            "sweep.model.kernl",
            'The model "cnn" has no field "kernl". Did you mean "model.kernel"?',
        ),
        (
            "sweep: {optimizer.lr: [0.1, fast]}",
            "sweep.optimizer.lr",
            'Expected a number above 0, at most 1000 or auto, got "fast".',
        ),
    ],
)
def test_a_mistake_is_reported_with_its_key(text: str, where: str, message: str) -> None:
    assert problems(text) == [(where, message)]


def test_all_mistakes_are_reported_at_once_under_the_files_name() -> None:
    Path("mine.yaml").write_text("modle: {}\nseed: x\n")
    with pytest.raises(ConfigError) as caught:
        load_recipe("mine.yaml", Catalog())
    assert str(caught.value) == (
        "2 problems in the recipe mine.yaml:\n"
        '  line 1: modle\n      Unknown key "modle". Did you mean "model"?\n'
        '  line 2: seed\n      Expected a whole number from 0 to 4294967295, got "x".'
    )


def test_one_mistake_is_reported_in_the_singular() -> None:
    Path("mine.yaml").write_text("seed: x\n")
    with pytest.raises(ConfigError) as caught:
        load_recipe("mine.yaml", Catalog())
    assert str(caught.value).startswith("1 problem in the recipe mine.yaml:\n")


def test_a_required_field_may_be_left_to_the_user() -> None:
    assert load("model: {name: cnn, kernel: '???'}").values == {"model.kernel": "???"}


def test_fields_that_an_older_run_lacks_are_what_they_were() -> None:
    text = "model: {name: tabular, members: 4}"
    assert load(text, own=True).values == {"model.members": 4, "model.additive": False, "model.share": 1.0}
    assert load(text).values == {"model.members": 4}
    newer = "model: {name: tabular, additive: true, share: 0.5}"
    assert load(newer, own=True).values == {"model.additive": True, "model.share": 0.5}


def test_an_address_is_refused_except_the_default_or_in_the_users_own_run() -> None:
    wrong = "dataset: {name: mnist, mirrors: ['file:///etc/']}"
    message = "A recipe cannot set addresses; set them on the command line."
    assert problems(wrong) == [("dataset.mirrors", message)]
    assert load(wrong, own=True).values == {"dataset.mirrors": ["file:///etc/"]}
    default = Catalog().option("dataset", "mnist").fields["mirrors"].default
    assert load(f"dataset: {{name: mnist, mirrors: {default}}}").values == {"dataset.mirrors": default}


def test_a_sweep_becomes_values_without_what_the_user_chose() -> None:
    loaded = load(
        "model: {name: cnn}\nsweep: {seed: [0, 1], model.kernel: [3, 5], optimizer.lr: [0.1], loss: [mae, mse]}"
    )
    cnn, mlp, one = Value("cnn", "cnn"), Value("mlp", "mlp"), Value("1", 1)
    everything = loaded.sweep_values({})
    assert list(everything) == ["seed", "model.kernel", "optimizer.lr", "loss"]
    assert everything["seed"] == (Value("0", 0), Value("1", 1))
    assert everything["loss"] == (Value('"mae"', "mae"), Value('"mse"', "mse"))
    assert list(loaded.sweep_values({"seed": (one,), "model": (cnn,)})) == ["model.kernel", "optimizer.lr", "loss"]
    assert list(loaded.sweep_values({"model": (mlp,)})) == ["seed", "optimizer.lr", "loss"]
    assert list(loaded.sweep_values({"model": (cnn, mlp)})) == ["seed", "optimizer.lr", "loss"]
    assert list(loaded.sweep_values({"optimizer": (Value("sgd", "sgd"),)})) == ["seed", "model.kernel", "loss"]


def test_a_recipe_in_the_home_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "mine.yaml").write_text("seed: 4")
    assert load_recipe("~/mine.yaml", Catalog()).values == {"seed": 4}


OLD_RUN = "dataset: {name: wine, limit: 5, pad: %s, augment: %s}\n"


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("augment", ["{shift: 0, crop: 0, flip: false}", "{flip: false}", "{}"])
def test_the_fields_of_images_in_an_old_runs_configuration_are_dropped_if_neutral(own: bool, augment: str) -> None:
    assert load(OLD_RUN % (0, augment), own=own).values == {"dataset.limit": 5}


@pytest.mark.parametrize(
    ("pad", "augment", "wrong"),
    [
        ("1", "{flip: false}", ["dataset.pad"]),
        ("0", "{flip: true}", ["dataset.augment"]),
        ("false", "{flip: 0}", ["dataset.pad", "dataset.augment"]),
        ("0", "{spin: 0}", ["dataset.augment"]),
        ("null", "0", ["dataset.pad", "dataset.augment"]),
    ],
)
@pytest.mark.parametrize("own", [True, False])
def test_the_fields_of_images_with_another_value_are_refused(
    pad: str, augment: str, wrong: list[str], own: bool
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(OLD_RUN % (pad, augment), own=own)
    assert [problem.where for problem in caught.value.problems] == wrong
    assert all(" have it." in problem.message for problem in caught.value.problems)
