"""`dlrun verify --all`: a table of every shipped recipe; here of three."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.cli import verifying_all
from dlrun.configuration.recipes.sources import folders
from dlrun.runs.shipped import BEGIN, END

Dlrun = Callable[..., tuple[int, str, str]]


@pytest.fixture
def three_recipes(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three shipped recipes: one that keeps its promise, one that does not, one whose data is missing."""
    folder = own_folder / "recipes"
    folder.mkdir()
    small = "dataset: {{name: iris}}\nmodel: {{name: linear}}\ntrainer: {{epochs: 1}}\n"
    block = "recipe: {{format: 1, expect: {{test/accuracy: [{low}, {high}]}}}}\n"
    (folder / "good.yaml").write_text((block + small).format(low=0, high=1))
    (folder / "worse.yaml").write_text((block + small).format(low=1.5, high=2))
    (folder / "far.yaml").write_text(block.format(low=0, high=1) + "dataset: {name: mnist}\nmodel: {name: linear}\n")
    monkeypatch.setattr(folders, "resource_dir", lambda name: folder)
    monkeypatch.delenv("DLRUN_MNIST", raising=False)
    return folder


def test_each_is_trained_and_the_table_says_how_it_went(three_recipes: Path, dlrun: Dlrun) -> None:
    Path("docs").mkdir()
    Path("docs/recipes.md").write_text(f"# Recipes\n{BEGIN}\n{END}\nend\n")
    code, out, err = dlrun("verify", "--all", "device=cpu", "device.threads=1")
    assert code == 6
    assert "these recipes do not keep their promise: worse; docs/recipes.md has the table." in err
    assert "verifying good\n    kept\n" in err
    assert out == "docs/recipes.md: 3 recipes\n"
    lines = Path("docs/recipes.md").read_text().splitlines()
    assert lines[:2] == ["# Recipes", BEGIN]
    assert lines[4].startswith("| `far` | test/accuracy | 0 to 1 | - | - | not measured: DLRUN_MNIST names no folder")
    assert lines[5].startswith("| `good` | test/accuracy | 0 to 1 | 0.")
    assert lines[5].endswith(" s | kept |")
    assert "| broken: test/accuracy is 0." in lines[6]
    assert lines[8].startswith("Of 3 recipes: 1 not measured, 1 kept, 1 broken. Measured on ")
    assert lines[-2:] == [END, "end"]


def test_a_new_file_has_the_table_alone(three_recipes: Path, dlrun: Dlrun) -> None:
    (three_recipes / "worse.yaml").unlink()
    code, _, _ = dlrun("verify", "--all", "-o", "table.md", "device.threads=1")
    assert code == 0
    assert Path("table.md").read_text().startswith("| recipe | metric |")


def test_a_recipe_that_cannot_be_trained_does_not_stop_the_others(three_recipes: Path, dlrun: Dlrun) -> None:
    (three_recipes / "a.yaml").write_text(
        "recipe: {format: 1, expect: {test/loss: [0, 1]}}\ndataset: {name: iris}\nmodel: {name: cnn}\n"
    )
    assert dlrun("verify", "--all", "-o", "table.md", "device.threads=1")[0] == 6
    text = Path("table.md").read_text()
    assert "| `a` | test/loss | 0 to 1 | - | - | failed: " in text
    assert "| `good` " in text


def test_without_a_place_for_the_table_nothing_is_trained(three_recipes: Path, dlrun: Dlrun) -> None:
    code, _, err = dlrun("verify", "--all")
    assert code == 2
    assert "docs/recipes.md\n      The table goes between two marked lines of this file" in err
    assert not Path("outputs").exists()
    Path("folder").mkdir()
    code, _, err = dlrun("verify", "--all", "-o", "folder")
    assert (code, "folder\n      The file cannot be read (Is a directory)." in err) == (2, True)


def test_it_verifies_by_the_same_rules(three_recipes: Path, dlrun: Dlrun) -> None:
    code, _, err = dlrun("verify", "--all", "optimizer.lr=1", "-o", "table.md")
    assert (code, "optimizer.lr=1\n      It changes what the recipe promises" in err) == (2, True)
    code, _, err = dlrun("verify", "--all", "mlp_digits", "-o", "table.md")
    assert (code, "mlp_digits\n      Expected KEY=VALUE." in err) == (2, True)
    code, _, err = dlrun("verify", "--all", "--quick")
    assert (code, "--all\n      It cannot be combined with --quick." in err) == (2, True)
    assert Path("docs/recipes.md") == verifying_all.PAGE
