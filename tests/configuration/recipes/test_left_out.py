"""What stays out of a shared recipe, and which overrides leave a promise as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dlrun.configuration.recipes.left_out import data_files_left_to_user, keeps_promise, names_a_place, without_own
from dlrun.configuration.schema.catalog import Catalog
from tests.harness import configure

TABLE = ("dataset=table", "dataset.target=y")


def left_out(*words: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the tree without what stays out, and this by key."""
    tree, left = without_own(configure(*words).tree, Catalog())
    return tree, {each.key: each.value for each in left}


def test_defaults_take_the_place_of_what_belongs_to_a_machine() -> None:
    words = (
        "dataset=mnist", "dataset.root=/data/mnist", "dataset.download=false", 'dataset.mirrors=["https://x.org/a"]',
        "device=cpu", "device.threads=3", "device.compile=true", "device.precision=bf16", "checkpoint.keep=7",
        "logger=tensorboard", "trainer.max_time=3h", "trainer.workers=2", "trainer.log_every=7",
    )  # fmt: skip
    tree, left = left_out(*words)
    assert tree == configure("dataset=mnist", "device.precision=bf16").tree
    assert left == {
        "logger": "tensorboard", "checkpoint": "default", "device": "cpu", "dataset.root": "/data/mnist",
        "dataset.mirrors": ["https://x.org/a"], "dataset.download": False, "device.compile": True, "device.threads": 3,
        "trainer.max_time": "3h", "trainer.workers": 2, "trainer.log_every": 7,
    }  # fmt: skip


@pytest.mark.parametrize("path", ["/abs/a.csv", "~/a.csv", "../a.csv", "a/../../b.csv"])
def test_a_file_elsewhere_is_left_to_the_receiver(path: str) -> None:
    tree, left = left_out(*TABLE, f'dataset.path="{path}"')
    assert tree["dataset"]["path"] == "???"
    assert left == {"dataset.path": path}


@pytest.mark.parametrize("path", ["a.csv", "data/a.csv", "example:people.csv"])
def test_a_file_below_the_current_folder_stays(path: str, own_folder: Path) -> None:
    tree, left = left_out(*TABLE, f'dataset.path="{path}"')
    assert tree["dataset"]["path"] == path
    assert left == {}


def test_a_link_out_of_the_current_folder_is_elsewhere(own_folder: Path) -> None:
    (own_folder / "a.csv").symlink_to("/etc/hostname")
    assert left_out(*TABLE, "dataset.path=a.csv")[1] == {"dataset.path": "a.csv"}


@pytest.mark.parametrize(
    ("text", "is_place"),
    [
        ("/etc/passwd", True), ("~/x", True), ("C:\\data", True), ("D:/data", True), ("\\\\server\\share", True),
        ("s3://bucket/x", True), ("/", False), ("a/b", False), ("words", False), (";", False), ("~", False),
    ],
)  # fmt: skip
def test_absolute_paths_and_addresses_are_places(text: str, is_place: bool) -> None:
    assert names_a_place(text) is is_place


def test_the_home_folder_is_a_place_anywhere_in_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/users/ada")
    assert names_a_place("in=/users/ada/x")
    assert not names_a_place("in=/users/eve/x")


@pytest.mark.parametrize(
    ("key", "kept"),
    [
        ("dataset.root", True), ("dataset.rooted", False), ("device", True), ("device.threads", True),
        ("devices", False), ("logger.flush_s", True), ("checkpoint.keep", True), ("recipe", True),
        ("resume", True), ("seed", False),
        ("dataset.path", False), ("dataset.limit", False), ("trainer.workers", True), ("trainer.epochs", False),
    ],
)  # fmt: skip
def test_what_leaves_a_promise_as_it_is(key: str, kept: bool) -> None:
    assert keeps_promise(key) is kept


def test_files_that_a_recipe_leaves_to_its_user_leave_its_promise_as_it_is() -> None:
    left = data_files_left_to_user({"dataset.path": "a.csv", "dataset.val": "???"})
    assert left == ["dataset.val", "dataset.test"]
    assert keeps_promise("dataset.test", left_to_user=left)
    assert not keeps_promise("dataset.path", left_to_user=left)
