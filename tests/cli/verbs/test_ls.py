"""`dlrun ls`: groups, options and recipes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

Dlrun = Callable[..., tuple[int, str, str]]


def test_ls_names_every_group_and_recipe(dlrun: Dlrun) -> None:
    _, out, _ = dlrun("ls")
    heads = [line.split()[0] for line in out.splitlines()]
    assert heads == [
        "group",
        "dataset",
        "model",
        "optimizer",
        "scheduler",
        "loss",
        "device",
        "trainer",
        "checkpoint",
        "logger",
        "recipe",
    ]


def test_ls_of_a_group_has_one_line_per_option(dlrun: Dlrun) -> None:
    _, out, _ = dlrun("ls", "optimizer")
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        "adagrad",
        "adam",
        "adamw",
        "muon",
        "nadam",
        "rmsprop",
        "sgd",
    ]


def test_ls_as_json_gives_types_defaults_and_comments(dlrun: Dlrun) -> None:
    _, out, _ = dlrun("ls", "model", "--json")
    (cnn,) = (option for option in json.loads(out) if option["name"] == "cnn")
    (kernel,) = (field for field in cnn["fields"] if field["name"] == "kernel")
    assert kernel == {
        "name": "kernel",
        "type": "a whole number from 1 to 63",
        "default": 3,
        "comment": "side of the filters in pixels, 1..63",
    }
    _, out, _ = dlrun("ls", "recipe", "--json")
    (lenet,) = (recipe for recipe in json.loads(out) if recipe["recipe"] == "lenet_mnist")
    assert lenet["expect"] == {"test/accuracy": [0.989, 1.0]}
    _, out, _ = dlrun("ls", "--json")
    assert {row["group"] for row in json.loads(out)} >= {"dataset", "recipe"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("ls", "modle"), 'ls modle\n      There is no such group. Did you mean "model"?'),
        (("ls", "recipes"), 'ls recipes\n      There is no such group. Did you mean "recipe"?'),
    ],
)
def test_an_unknown_group_is_an_error_with_the_nearest_name(dlrun: Dlrun, words: tuple[str, ...], message: str) -> None:
    code, _, err = dlrun(*words)
    assert code == 2
    assert message in err
