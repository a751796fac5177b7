"""`dlrun.cli.recipe_file`: what the user is told of where a recipe was found."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

Dlrun = Callable[..., tuple[int, str, str]]


def test_which_of_several_recipes_is_used_is_told_once(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("one", "two"):
        Path(folder).mkdir()
        Path(folder, "mine.yaml").write_text(
            "dataset: {name: iris}\nmodel: {name: linear}\ntrainer: {epochs: 1}\ndevice: {name: cpu, threads: 1}\n"
        )
    monkeypatch.setenv("DLRUN_RECIPES", f"one{os.pathsep}two")
    told = "notice: 2 recipes are called mine: one/mine.yaml is used; for another, write recipe=two/mine.yaml.\n"
    code, _, err = dlrun("-m", "recipe=mine", "seed=0,1", "--quiet")
    assert code == 0
    assert err.count(told) == 1
    code, out, err = dlrun("show", "recipe=mine", "--why", "model")
    assert (code, out, err) == (0, "model = linear: recipe one/mine.yaml:2\n", told)
    code, _, err = dlrun("cat", "mine")
    assert (code, err) == (0, told)
    assert dlrun("cat", "two/mine.yaml")[2] == ""
