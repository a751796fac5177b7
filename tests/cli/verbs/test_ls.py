"""`dlrun ls`: groups, options and recipes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.configuration.recipes.sources import store

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
    assert lenet["expect"] == {"test/accuracy": [0.9871, 0.9963]}
    _, out, _ = dlrun("ls", "--json")
    assert {row["group"] for row in json.loads(out)} >= {"dataset", "recipe"}


def test_ls_recipe_says_where_each_is_from(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DLRUN_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("DLRUN_RECIPES", os.pathsep.join(["team", "none"]))
    Path("team").mkdir()
    Path("team/mine.yaml").write_text("recipe: {format: 1, title: Mine, extends: mlp_digits@sha256:0}\n")
    Path("team/mlp_digits.yaml").write_text("recipe: {format: 1, expect: {test/loss: [0, 0.5]}}\n")
    Path("team/broken.yaml").write_text("recipe: {format: 1, expect: {test/loss: 3}}\n")
    Path("team/tagged.yaml").write_text("seed: !!python/name:os.system\n")
    path = store.save(b"seed: 1\n", name="x", address="https://h/x.yaml")
    code, out, err = dlrun("ls", "recipe", "--json")
    assert (code, err) == (0, "notice: DLRUN_RECIPES lists none, which is no folder that can be read.\n")
    rows = {row["recipe"]: row for row in json.loads(out)}
    assert (rows["mlp_digits"]["from"], rows["mlp_digits"]["origin"]["kind"]) == ("dlrun", "dlrun")
    assert rows["mine"]["origin"] == {"kind": "folder", "path": "team/mine.yaml"}
    assert (rows["mine"]["from"], rows["mine"]["title"]) == ("team", "Mine")
    assert rows["mine"]["extends"] == "mlp_digits@sha256:0"
    assert rows["team/mlp_digits.yaml"]["promise"] == "test/loss 0 to 0.5"  # its name means dlrun's own
    wrong = "no recipe: recipe.expect.test/loss: Expected [lowest, highest], got 3."
    assert rows["broken"]["title"] == wrong
    assert rows["tagged"]["title"].startswith("no recipe: team/tagged.yaml:1: tags (")
    cached = rows[f"sha256:{path.stem}"]
    assert cached["origin"] == {"kind": "cache", "path": str(path), "address": "https://h/x.yaml"}
    assert cached["from"].startswith("https://h/x.yaml, 2")
    _, out, _ = dlrun("ls", "recipe")
    assert out.splitlines()[0].split() == ["recipe", "what", "it", "is", "promises", "from"]
    assert any(line.startswith("mine ") and line.endswith(" team") for line in out.splitlines())
    *_, empty, heads, last = out.split("\n")[:-1]
    assert (empty, heads[:20]) == ("", "recipe in the cache ")
    assert last.startswith(f"sha256:{path.stem} ")
    assert "mine" in json.loads(dlrun("ls", "--json")[1])[-1]["options"]


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


def test_the_settings_of_a_sweep_are_listed(dlrun: Dlrun) -> None:
    code, out, _ = dlrun("ls", "search")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        "search", "search.trials", "search.budget", "search.prune", "search.seed", "search.objectives",
    ]  # fmt: skip
    _, out, _ = dlrun("ls", "launch", "--json")
    assert json.loads(out)[0] == {
        "name": "launch.jobs",
        "type": "a whole number from 1 to 1024 or auto",
        "default": "auto",
        "comment": "points trained at the same time, each in its own process; auto: what fits",
    }
