from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from dlrun.configuration.check import (
    check_contradictions,
    check_field,
    check_override,
    check_required,
    check_tree,
    unknown_field,
)
from dlrun.configuration.check_request import can_contradict, check_overrides, uncomposed_tree
from dlrun.configuration.override_text import Value
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import default_choices
from dlrun.errors import Problem

NEVER_ENDS = Problem("trainer.epochs", "Set trainer.epochs or trainer.max_steps; with both null training never ends.")
NO_ROWS = Problem(
    "dataset.val_fraction",
    "Together with dataset.test_fraction this leaves no rows to train on; their sum must be below 1.",
)
NO_VALIDATION = Problem(
    "trainer.early_stop.patience", "Early stopping needs validation rows, and dataset.val_fraction is 0."
)


def tree(**values: Any) -> dict[str, Any]:
    """The default tree with values by key, dots written as two underscores; a group's key chooses its option."""
    catalog = Catalog()
    chosen = {**default_choices(), **{key: value for key, value in values.items() if key in default_choices()}}
    options = [catalog.option(group, name) for group, name in chosen.items()]
    fields = {key.replace("__", "."): value for key, value in values.items() if key not in default_choices()}
    return uncomposed_tree(options, {"seed": 0, "resume": "never", "metric": "auto", "recipe": {}, **fields})


@pytest.mark.parametrize(
    ("values", "where", "message"),
    [
        ({"sed": 1}, "sed", 'Unknown key "sed". Did you mean "seed"?'),
        ({"seed": -1}, "seed", "Expected a whole number from 0 to 4294967295, got -1."),
        ({"resume": "yes"}, "resume", 'Expected one of never, auto, must, got "yes".'),
        ({"metric": 3}, "metric", "Expected a string, got 3."),
        ({"model__kernel": 0}, "model.kernel", "Expected a whole number from 1 to 63, got 0."),
        ({"model__kernl": 3}, "model.kernl", 'The model "cnn" has no field "kernl". Did you mean "model.kernel"?'),
        ({"model__kernel": "???"}, "model.kernel", "This field is required; set model.kernel=..."),
        ({"model__channels": [8, "x"]}, "model.channels[1]", 'Expected a whole number from 1 to 65536, got "x".'),
    ],
)
def test_what_is_wrong_with_a_tree_is_reported(values: dict[str, Any], where: str, message: str) -> None:
    assert check_tree(tree(**values), Catalog()) == [Problem(where, message)]


def test_a_field_that_no_file_sets_is_reported() -> None:
    incomplete = tree()
    del incomplete["model"]["kernel"]
    assert check_tree(incomplete, Catalog()) == [
        Problem("model.kernel", "The model cnn requires this field, and no file sets it.")
    ]


@pytest.mark.parametrize(
    ("values", "problems"),
    [
        ({}, []),
        ({"trainer__epochs": None}, [NEVER_ENDS]),
        ({"trainer__epochs": None, "trainer__max_steps": 5}, []),
        ({"dataset__val_fraction": 0.5, "dataset__test_fraction": 0.5}, [NO_ROWS]),
        ({"dataset__val_fraction": 0.5, "dataset__test_fraction": 0.4}, []),
        ({"dataset__val_fraction": 0, "trainer__early_stop": {"patience": 1}}, [NO_VALIDATION]),
        ({"dataset__val_fraction": 0, "dataset__val": "val.csv", "trainer__early_stop": {"patience": 1}}, []),
        ({"dataset__val_fraction": 0}, []),
        ({"model": "gan", "model__generator_optimizer": {"lr": 0.1, "beta1": 0.5}}, []),
        (
            {"model": "gan", "model__generator_optimizer": {"lr": -1}},
            [Problem("model.generator_optimizer.lr", "Expected a number above 0, at most 1000 or auto, got -1.")],
        ),
        (
            {"model": "gan", "model__discriminator_optimizer": {"betta1": 0.5}},
            [
                Problem(
                    "model.discriminator_optimizer.betta1",
                    'The optimizer "adam" has no field "betta1". Did you mean "optimizer.beta1"?',
                )
            ],
        ),
        (
            {"trainer__epochs": None, "dataset__val_fraction": 0.9, "dataset__test_fraction": 0.9},
            [NEVER_ENDS, NO_ROWS],
        ),
    ],
)
def test_values_that_are_impossible_together_are_reported(values: dict[str, Any], problems: list[Problem]) -> None:
    assert check_contradictions(tree(**values), Catalog()) == problems


def test_contradictions_are_reported_only_of_values_that_fit() -> None:
    assert [problem.where for problem in check_tree(tree(trainer__epochs=None, seed=-1), Catalog())] == ["seed"]


@pytest.mark.parametrize(
    ("key", "value", "problems"),
    [
        ("kernel", 3, []),
        ("kernel", "x", [Problem("model.kernel", 'Expected a whole number from 1 to 63, got "x".')]),
        ("kernel.x", 3, [Problem("model.kernel.x", "model.kernel is a single value and has no fields.")]),
        ("kernel.x", {"x": 3}, [Problem("model.kernel.x", "model.kernel is a single value and has no fields.")]),
        ("kernel", "???", [Problem("model.kernel", "This field is required; set model.kernel=...")]),
        ("kernl", 3, [Problem("model.kernl", 'The model "cnn" has no field "kernl". Did you mean "model.kernel"?')]),
    ],
)
def test_a_field_is_checked_with_its_type(key: str, value: Any, problems: list[Problem]) -> None:
    assert check_field(Catalog().option("model", "cnn"), key, value) == problems


def test_a_field_of_a_field_is_checked_with_its_type() -> None:
    trainer, gan = Catalog().option("trainer", "default"), Catalog().option("model", "gan")
    assert check_field(trainer, "early_stop.patience", 3) == []
    assert check_field(trainer, "early_stop.patience", 0) == [
        Problem("trainer.early_stop.patience", "Expected a whole number from 1 to 1000000000, auto or null, got 0.")
    ]
    assert check_field(gan, "generator_optimizer.lr", 3) == []


def test_an_option_without_fields_says_so() -> None:
    assert unknown_field(Catalog().option("loss", "mae"), "delta\x1b", 1) == Problem(
        "loss.delta\\x1b", 'The loss "mae" has no field "delta\\x1b". It has no fields.'
    )


def test_an_option_with_too_many_fields_to_name_says_where_they_are() -> None:
    assert unknown_field(Catalog().option("dataset", "table"), "qqqq", 1) == Problem(
        "dataset.qqqq",
        'The dataset "table" has no field "qqqq". `dlrun ls dataset` lists the fields of each.',
        "unknown-key",
    )


def test_a_key_that_is_like_no_other_is_reported_with_the_choices() -> None:
    (problem,) = check_override("qqqq", "1", 1, {})
    assert problem.where == "qqqq=1"
    assert problem.message == (
        'Unknown key "qqqq". Choose from: checkpoint, dataset, device, logger, loss, metric, model, optimizer, '
        "recipe, resume, scheduler, seed, trainer."
    )


def test_a_default_option_may_depend_on_a_field() -> None:
    def models(*tasks: str) -> list[str]:
        fixed = {"dataset.task": [Value(task, task) for task in tasks], "seed": [Value("1", 1)]}
        choices = {"dataset": [Value("text", "text")]}
        return [option.name for option in check_overrides(choices, {}, Catalog(), fixed=fixed)[1]["model"]]

    assert models("classification") == ["text"]
    assert models("language") == ["transformer"]
    assert models("classification", "language") == ["text", "transformer"]


def test_settings_are_checked_with_every_option_chosen() -> None:
    choices = {"model": [Value("cnn", "cnn"), Value("mlp", "mlp"), Value("cnn", "cnn")]}
    problems, options = check_overrides(choices, {"seed": [Value("1", 1), Value("x", "x")]}, Catalog(), fixed={})
    assert [option.name for option in options["model"]] == ["cnn", "mlp"]
    assert [option.name for option in options["trainer"]] == ["default"]
    assert [problem.where for problem in problems] == ["seed=x"]


def test_only_what_contradicts_can_contradict() -> None:
    options = {"model": [Catalog().option("model", "gan")]}
    assert can_contradict("trainer.epochs", options)
    assert can_contradict("trainer.early_stop.patience", options)
    assert can_contradict("model.generator_optimizer", options)
    assert can_contradict("model.generator_optimizer.lr", options)
    assert not can_contradict("model.latent_dim", options)
    assert not can_contradict("seed", options)


def test_required_fields_that_are_not_given_are_reported() -> None:
    import dataclasses

    option = Catalog().option("model", "cnn")
    fields = {**option.fields, "kernel": dataclasses.replace(option.fields["kernel"], default="???")}
    required = dataclasses.replace(option, fields=fields)
    assert check_required(required, ()) == [Problem("model.kernel", "This field is required; set model.kernel=...")]
    assert check_required(required, {"model.kernel"}) == []


def test_a_tree_of_options_and_values_leaves_the_options_as_they_were() -> None:
    trainer = Catalog().option("trainer", "default")
    before = copy.deepcopy(trainer.defaults())
    made = uncomposed_tree(
        [trainer], {"trainer.early_stop": {"patience": 2}, "trainer.early_stop.min_delta": 0.5, "model.x": 1}
    )
    assert made["trainer"]["early_stop"] == {"patience": 2, "min_delta": 0.5}
    assert trainer.defaults() == before
    assert list(made) == ["trainer"]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("90", 'Did you mean "90s"?'),
        ("'3 hours 50 minutes'", 'Did you mean "3h50m"?'),
        ("'3:50:00'", 'Did you mean "3h50m"?'),
        ("10min", 'Did you mean "10m"?'),
        ("soon", 'got "soon".'),
        ("0s", 'got "0s".'),
    ],
)
def test_a_duration_of_another_form_is_an_error_that_names_the_right_form(
    dlrun: Callable[..., tuple[int, str, str]], value: str, hint: str
) -> None:
    code, _, err = dlrun("check", f"trainer.max_time={value}")
    assert code == 2
    assert "Expected a string that states a duration, such as 90s, 10m or 3h50m or null" in err
    assert hint in err
