"""`dlrun cp`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

Dlrun = Callable[..., tuple[int, str, str]]


def test_cp_copies_a_recipe_that_trains_and_never_overwrites(dlrun: Dlrun, own_folder: Path) -> None:
    code, out, _ = dlrun("cp", "mlp_digits", "mine.yaml")
    assert code == 0
    assert out == "mine.yaml\ntrain it: dlrun recipe=./mine.yaml\n"
    _, text, _ = dlrun("cat", "mlp_digits")
    assert (own_folder / "mine.yaml").read_text() == text
    code, _, err = dlrun("cp", "mlp_digits", "mine.yaml")
    assert code == 2
    assert "The file exists; choose another name." in err
    code, _, err = dlrun("cp", "mlp_digits", "no/such/mine.yaml")
    assert code == 2
    assert "The file cannot be written (No such file or directory)" in err
    assert dlrun("recipe=./mine.yaml", "trainer.epochs=1", "device.threads=1", "--quiet")[0] == 0


def test_cp_into_a_folder_keeps_the_recipes_name(dlrun: Dlrun, own_folder: Path) -> None:
    (own_folder / "here").mkdir()
    assert dlrun("cp", "mlp_digits", "here")[1] == "here/mlp_digits.yaml\ntrain it: dlrun recipe=here/mlp_digits.yaml\n"
    assert (own_folder / "here/mlp_digits.yaml").is_file()


def test_a_copy_of_a_recipe_that_extends_another_is_told_or_merged(dlrun: Dlrun, own_folder: Path) -> None:
    (own_folder / "base.yaml").write_text("dataset: {name: iris}\n")
    pin = hashlib.sha256(b"dataset: {name: iris}\n").hexdigest()
    (own_folder / "mine.yaml").write_text(f"recipe: {{format: 1, extends: base.yaml@sha256:{pin}}}\n")
    (own_folder / "there").mkdir()
    code, _, err = dlrun("cp", "mine.yaml", "there")
    assert (code, err) == (0, "notice: it extends base.yaml; with --extended the copy needs no other file.\n")
    code, _, err = dlrun("show", "recipe=there/mine.yaml")
    assert code == 2
    assert "There is no file base.yaml in there, nor is sha256:" in err
    assert dlrun("cp", "mine.yaml", "there/whole.yaml", "--extended")[2] == ""
    assert dlrun("show", "recipe=there/whole.yaml", "--why", "dataset")[1].startswith(
        "dataset = iris: recipe there/whole"
    )


def test_an_unknown_recipe_is_an_error_with_the_nearest_name(dlrun: Dlrun) -> None:
    code, _, err = dlrun("cat", "mlp_digit")
    assert code == 2
    assert 'Did you mean "mlp_digits"?' in err
