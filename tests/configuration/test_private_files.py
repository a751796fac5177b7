"""Recipes from somebody else cannot reach the user's own files elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.configuration.recipes.check import is_below

Dlrun = Callable[..., tuple[int, str, str]]
ROWS = "x,y\n" + "\n".join(f"{i},{'ab'[i % 2]}" for i in range(40)) + "\n"
ELSEWHERE = ("/etc/passwd", "../secret.csv", "~/secret.csv", "a/../../secret.csv", "link.csv", "out/secret.csv", "loop")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with links out of it, beside a private file."""
    (tmp_path / "secret.csv").write_text(ROWS)
    place = tmp_path / "here"
    place.mkdir()
    (place / "mine.csv").write_text(ROWS)
    (place / "link.csv").symlink_to(tmp_path / "secret.csv")
    (place / "out").symlink_to(tmp_path)
    (place / "loop").symlink_to(place / "loop")
    monkeypatch.chdir(place)
    return place


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize("key", ["path", "val", "test", "swept"])
def test_a_recipe_names_no_file_elsewhere(here: Path, name: str, key: str, dlrun: Dlrun) -> None:
    if key == "swept":
        text = f"dataset: {{name: table, target: y}}\nsweep: {{dataset.path: ['{name}']}}\n"
    else:
        text = f"dataset: {{name: table, path: mine.csv, target: y, {key}: '{name}'}}\n".replace(
            "path: mine.csv, target: y, path", "target: y, path"
        )
    Path("evil.yaml").write_text(text)
    code, _, err = dlrun("-m", "recipe=./evil.yaml", "model=linear")
    assert code == 2
    assert "A recipe can name only files below the current folder" in err
    assert not Path("outputs").exists()


def test_a_recipe_names_files_below(here: Path, dlrun: Dlrun) -> None:
    (here / "data").mkdir()
    (here / "data" / "inner.csv").write_text(ROWS)
    (here / "fine.csv").symlink_to(here / "mine.csv")
    for name in ("mine.csv", "./data/inner.csv", "fine.csv", "example:people.csv", "none.csv"):
        assert is_below(name)
    assert not is_below("example:../secret")
    assert not is_below("")
    assert not is_below("a\0b")


def test_what_the_command_line_sets_is_the_users_own(here: Path, dlrun: Dlrun) -> None:
    words = ("dataset=table", f"dataset.path={here.parent}/secret.csv", "dataset.target=y", "model=linear")
    words = (*words, "trainer.epochs=1", "device.threads=1", "-q")
    assert dlrun(*words, "hydra.run.dir=run")[0] == 0
    assert dlrun("eval", "run")[0] == 0
    code, _, err = dlrun("recipe=run/config.yaml", "hydra.run.dir=again")
    assert code == 2
    assert "Set it on the command line: dataset.path=..." in err
    code, _, err = dlrun(
        "recipe=run/config.yaml", f"dataset.path={here.parent}/secret.csv", "hydra.run.dir=again", "-q"
    )
    assert code == 0, err
    both = [json.loads(Path(name, "result.json").read_text())["dataset"] for name in ("run", "again")]
    assert both[0] == both[1]
    assert dlrun("resume", "run", "trainer.epochs=2")[0] == 0
