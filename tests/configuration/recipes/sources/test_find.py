"""`dlrun.configuration.recipes.sources.find`: the recipe that a command line names."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.configuration.recipes.sources import folders, store
from dlrun.configuration.recipes.sources.find import find_recipe
from dlrun.configuration.recipes.sources.source import Source
from dlrun.configuration.schema.groups import resource_dir
from dlrun.errors import ConfigError, DataError, Problem
from tests.configuration.recipes.sources.site import RECIPE, Site

Commit = Callable[[dict[str, str]], tuple[str, str]]
SHA256 = hashlib.sha256(RECIPE).hexdigest()
OTHER = "f" * 64


def located(name: str, *, fetch: bool = False) -> Problem:
    with pytest.raises(ConfigError) as caught:
        find_recipe(name, fetch=fetch)
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    "name", ["no.yaml", "./no", "no\x00.yaml", "a/" + "b" * 5000 + ".yaml", "~nobody_at_all/x.yaml"]
)
def test_a_file_that_does_not_exist_is_reported(name: str) -> None:
    assert located(name).message == "The file does not exist."
    assert located(name).where.startswith("recipe=")


def test_a_name_that_does_not_exist_is_reported_with_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "recipe_names", lambda: ["lenet_mnist", "mlp_mnist"])
    assert located("lenet_mnits") == Problem(
        "recipe=lenet_mnits",
        'Unknown recipe "lenet_mnits". Did you mean "lenet_mnist"? `dlrun ls recipe` lists all recipes.',
    )
    monkeypatch.setenv("DLRUN_RECIPES", "none")
    assert located("lenet_mnits").message == (
        'Unknown recipe "lenet_mnits". Did you mean "lenet_mnist"? DLRUN_RECIPES lists none, which is no folder that '
        "can be read. `dlrun ls recipe` lists all recipes."
    )


@pytest.mark.parametrize("name", ["r", "./r/"])
def test_the_folder_of_a_run_is_told_how_it_becomes_a_recipe(name: str) -> None:
    Path("r").mkdir()
    Path("r", "config.yaml").write_text("seed: 1")
    assert (
        f"{name} is the folder of a run: `dlrun share {name}` makes a recipe of it, with what it promises; "
        f"recipe={name.rstrip('/')}/config.yaml only trains the same again."
    ) in located(name).message


def test_a_link_is_reported_with_the_file_it_leads_to() -> None:
    target = Path("real.yaml").resolve()
    target.write_text("seed: 1")
    os.symlink(target, "link.yaml")
    assert located("link.yaml") == Problem("recipe=link.yaml", f"This file is a link; name its target: recipe={target}")


def test_a_folder_pipe_or_device_is_not_a_recipe() -> None:
    Path("folder.yaml").mkdir()
    os.mkfifo("pipe.yaml")
    for name, what in (
        ("folder.yaml", "a folder"),
        ("pipe.yaml", "a pipe or a device"),
        ("/dev/zero", "a pipe or a device"),
    ):
        with pytest.raises(ConfigError) as caught:
            find_recipe(name)
        assert str(caught.value) == f"{name}: expected a file, got {what}."


def summary(source: Source) -> tuple[str, str, str]:
    return source.name, source.kind, source.shown


def test_a_name_is_one_of_dlruns_or_of_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DLRUN_RECIPES", f"one{os.pathsep}two")
    for folder in ("one", "two"):
        Path(folder).mkdir()
        Path(folder, "mine.yaml").write_text(f"metric: {folder}")
    Path("two/mlp_digits.yaml").write_text("metric: two")
    own = resource_dir("recipes") / "mlp_digits.yaml"
    found = find_recipe("mlp_digits")
    assert summary(found) == ("mlp_digits", "dlrun", str(own))
    told = "2 recipes are called mlp_digits: dlrun's own is used; for another, write recipe=two/mlp_digits.yaml."
    assert found.notices == (told,)
    assert summary(find_recipe("mine")) == ("mine", "folder", "one/mine.yaml")
    assert summary(find_recipe("./one/mine.yaml")) == ("mine", "file", "one/mine.yaml")
    second = find_recipe(f"mine@sha256:{hashlib.sha256(b'metric: two').hexdigest()}")  # a hash chooses among them
    assert (second.path, second.notices) == (Path("two/mine.yaml"), ())


def test_a_file_or_name_with_another_hash_is_refused() -> None:
    Path("x.yaml").write_bytes(RECIPE)
    assert find_recipe(f"x.yaml@sha256:{SHA256}").content == RECIPE
    assert located(f"x.yaml@sha256:{OTHER}").message == (
        f"x.yaml is not the recipe that is pinned: expected sha256:{OTHER}, got sha256:{SHA256}."
    )
    assert "mlp_digits.yaml is not the recipe that is pinned: expected" in located(f"mlp_digits@sha256:{OTHER}").message
    assert located("x.yaml@sha256:1").message.startswith("Expected the 64 hexadecimal digits of a SHA-256")


def test_an_address_is_fetched_kept_and_told_how_to_pin(site: Site) -> None:
    address = f"{site.address}/r/x.yaml"
    found = find_recipe(address, fetch=True)
    assert summary(found) == ("x", "https", address)
    assert (found.content, found.path) == (RECIPE, store.path_of(SHA256))
    told = f"fetched {address}; to use exactly this one, also without network: recipe={address}@sha256:{SHA256}"
    assert found.notices == (told,)
    assert [(entry.name, entry.address) for entry in store.entries()] == [("x", address)]
    find_recipe(address, fetch=True)
    assert site.requests == ["/r/x.yaml"] * 2  # it may have changed


def test_a_pinned_address_is_fetched_once_and_then_works_without_network(site: Site) -> None:
    pinned = f"{site.address}/r/x.yaml@sha256:{SHA256}"
    for _ in range(2):
        found = find_recipe(pinned, fetch=True)
        assert (summary(found), found.notices) == (("x", "https", f"{site.address}/r/x.yaml"), ())
    assert find_recipe(pinned).content == RECIPE
    assert find_recipe(f"sha256:{SHA256}").name == "x"
    assert site.requests == ["/r/x.yaml"]


def test_an_address_with_other_bytes_than_pinned_is_refused_and_not_kept(site: Site) -> None:
    address = f"{site.address}/r/x.yaml"
    assert located(f"{address}@sha256:{OTHER}", fetch=True).message == (
        f"{address} is not the recipe that is pinned: expected sha256:{OTHER}, got sha256:{SHA256}."
    )
    assert store.entries() == []


def test_a_page_that_is_no_data_is_refused_and_not_kept(site: Site) -> None:
    site.files["/r/x.yaml"] = b"<!DOCTYPE html>\n<html>\n"
    with pytest.raises(ConfigError, match=f"{site.address}/r/x.yaml: expected a mapping of keys to values"):
        find_recipe(f"{site.address}/r/x.yaml", fetch=True)
    assert store.entries() == []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", "recipe"),
        ("/a%20b.yaml?raw=1", "a_b"),
        ("/..yaml", "recipe"),
        ("/%1b%5b.yml", "__"),
        ("/" + "x" * 99, "x" * 80),
    ],
)
def test_the_name_of_a_fetched_recipe_is_safe_as_a_files_name(site: Site, path: str, name: str) -> None:
    site.files[path] = RECIPE
    assert find_recipe(f"{site.address}{path}", fetch=True).name == name


def test_nothing_is_fetched_unless_it_may_be(site: Site, commit: Commit, monkeypatch: pytest.MonkeyPatch) -> None:
    address, name = commit({"x.yaml": "seed: 1"})
    monkeypatch.setattr(socket, "socket", None)  # any use would fail
    assert located(f"{site.address}/r/x.yaml").message == (
        "A recipe is fetched only where the command line itself names its address."
    )
    assert located(f"{address}@{name}:x.yaml").message == (
        "A recipe is fetched only where the command line itself names its repository."
    )
    assert site.requests == []


def test_a_file_of_a_commit_is_found_and_kept(commit: Commit) -> None:
    address, name = commit({"r/x.yaml": RECIPE.decode()})
    reference = f"{address}@{name}:r/x.yaml"
    found = find_recipe(reference, fetch=True)
    assert summary(found) == ("x", "git", reference)
    assert found.path == store.path_of(SHA256)
    assert [(entry.name, entry.address) for entry in store.entries()] == [("x", reference)]
    (Path("repository") / ".git").rename("gone")
    assert find_recipe(f"{reference}@sha256:{SHA256}").content == RECIPE
    assert located(f"{reference}@sha256:{OTHER}").message.startswith(f"{reference} is not the recipe that is pinned")
    assert located(f"{address}@{name}:none.yaml").message == "The commit has no file none.yaml."


def test_a_hash_that_the_cache_does_not_have_is_reported(own_cache: Path) -> None:
    assert located(f"sha256:{OTHER}").message == (
        f"The cache ({own_cache}/recipes) has no such recipe. `dlrun ls recipe` lists what it has."
    )
    assert located("sha256:12").message.startswith("Expected the 64 hexadecimal digits")


def test_only_an_address_is_one(own_folder: Path) -> None:
    Path("git+mine.yaml").write_bytes(RECIPE)
    Path("sha256:1").mkdir()
    Path("sha256:1/config.yaml").write_bytes(RECIPE)
    assert find_recipe("git+mine.yaml").kind == find_recipe("sha256:1/config.yaml").kind == "file"


def test_a_server_that_fails_is_no_mistake_of_the_command(site: Site) -> None:
    site.codes["/r/x.yaml"] = 500
    with pytest.raises(DataError, match="the server answered 500 Internal Server Error"):
        find_recipe(f"{site.address}/r/x.yaml", fetch=True)
