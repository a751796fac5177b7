"""`dlrun.configuration.recipes.sources.folders`: recipes by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dlrun.configuration.recipes.sources.folders import (
    Named,
    hidden_notice,
    missing_folders,
    named_recipes,
    recipe_names,
    user_folders,
)
from dlrun.configuration.schema.groups import resource_dir


def test_dlruns_own_recipes_have_names() -> None:
    assert recipe_names() == sorted(path.stem for path in resource_dir("recipes").glob("*.yaml"))
    assert "mlp_digits" in recipe_names()
    assert all(each.is_own for each in named_recipes())


def test_folders_are_separated_as_in_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("DLRUN_RECIPES", os.pathsep.join(["a", "", "~/b", "a", "/c"]))
    assert user_folders() == [Path("a"), Path("/home/me/b"), Path("/c")]
    monkeypatch.setenv("DLRUN_RECIPES", "")
    assert user_folders() == []


def test_every_yaml_file_of_a_folder_is_a_recipe_but_no_link_hidden_file_or_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path("one").mkdir()
    for name in ("b.yaml", "a.yaml", ".hidden.yaml", "a\x1b[31m.yaml", "notes.txt", "c.yml"):
        Path("one", name).write_text("seed: 1")
    Path("one/d.yaml").mkdir()
    Path("one/e.yaml").symlink_to("a.yaml")
    Path("two").mkdir()
    Path("two/a.yaml").write_text("seed: 2")
    monkeypatch.setenv("DLRUN_RECIPES", os.pathsep.join(["two", "none", "one", "bad\x01"]))
    others = [each for each in named_recipes() if not each.is_own]
    assert others == [
        Named("a", Path("two/a.yaml"), is_own=False),
        Named("a", Path("one/a.yaml"), is_own=False),
        Named("b", Path("one/b.yaml"), is_own=False),
    ]
    assert [name for name in recipe_names() if len(name) == 1] == ["a", "b"]
    assert missing_folders() == [Path("none"), Path("bad\x01")]


def test_a_notice_says_which_of_several_is_used() -> None:
    own = Named("x", Path("/dlrun/recipes/x.yaml"), is_own=True)
    first, second = (Named("x", Path(folder) / "x.yaml", is_own=False) for folder in ("one", "."))
    assert hidden_notice([own]) == ()
    assert hidden_notice([own, first, second]) == (
        "3 recipes are called x: dlrun's own is used; for another, write recipe=one/x.yaml or recipe=./x.yaml.",
    )
    assert hidden_notice([first, second]) == (
        "2 recipes are called x: one/x.yaml is used; for another, write recipe=./x.yaml.",
    )
