"""`dlrun.configuration.recipes.sources.parent`: where a recipe that another extends is found."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.configuration.recipes.sources import store
from dlrun.configuration.recipes.sources.find import find_recipe
from dlrun.configuration.recipes.sources.parent import find_parent
from dlrun.configuration.recipes.sources.source import Source
from dlrun.configuration.schema.groups import resource_dir
from dlrun.errors import ConfigError
from tests.configuration.recipes.sources.site import RECIPE, Site

Commit = Callable[[dict[str, str]], tuple[str, str]]
SHA256 = hashlib.sha256(RECIPE).hexdigest()
OTHER = "f" * 64


@pytest.fixture
def child() -> Source:
    """A recipe in a folder of its own, with a file beside it."""
    Path("mine/sub").mkdir(parents=True)
    Path("mine/child.yaml").write_text("seed: 1")
    Path("mine/base.yaml").write_bytes(RECIPE)
    Path("mine/sub/base.yaml").write_bytes(RECIPE + b"seed: 3\n")
    return find_recipe("mine/child.yaml")


def refusal(text: str, child: Source) -> str:
    with pytest.raises(ConfigError) as caught:
        find_parent(text, child)
    (problem,) = caught.value.problems
    assert problem.where == "recipe.extends"
    return problem.message


def test_a_file_is_relative_to_the_child(child: Source) -> None:
    found = find_parent(f"base.yaml@sha256:{SHA256}", child)
    assert (found.path, found.kind, found.content) == (Path("mine/base.yaml"), "file", RECIPE)
    below = hashlib.sha256(RECIPE + b"seed: 3\n").hexdigest()
    assert find_parent(f"sub/base.yaml@sha256:{below}", child).path == Path("mine/sub/base.yaml")


def test_a_name_is_looked_up_as_on_the_command_line(child: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    own = resource_dir("recipes") / "mlp_digits.yaml"
    pin = hashlib.sha256(own.read_bytes()).hexdigest()
    assert find_parent(f"mlp_digits@sha256:{pin}", child).path == own
    monkeypatch.setenv("DLRUN_RECIPES", "mine")
    assert find_parent(f"base@sha256:{SHA256}", child).kind == "folder"
    Path("mine/mlp_digits.yaml").write_bytes(RECIPE)
    assert find_parent(f"mlp_digits@sha256:{SHA256}", child).kind == "folder"  # the hash chooses


def test_a_parent_without_a_hash_is_refused_with_the_line_to_write(child: Source) -> None:
    expected = "Expected a recipe with its SHA-256, so that a changed one is noticed, got"
    assert refusal("base.yaml", child) == f'{expected} "base.yaml". Write extends: base.yaml@sha256:{SHA256}'
    assert refusal("none.yaml", child) == (
        f'{expected} "none.yaml". Write extends: none.yaml@sha256:HEX, with what `sha256sum FILE` prints.'
    )
    pin = hashlib.sha256((resource_dir("recipes") / "mlp_digits.yaml").read_bytes()).hexdigest()
    assert refusal("mlp_digits", child).endswith(f" Write extends: mlp_digits@sha256:{pin}")
    assert refusal("base.yaml@sha256:12", child).startswith("Expected the 64 hexadecimal digits of a SHA-256")


def test_a_changed_parent_is_refused_with_both_hashes(child: Source) -> None:
    message = (
        f"base.yaml has changed: this recipe was built on sha256:{OTHER}, and mine/base.yaml has sha256:{SHA256}. "
        "Get the file back as it was; or look at what changed, and if you want it, write extends: "
        f"base.yaml@sha256:{SHA256}"
    )
    assert refusal(f"base.yaml@sha256:{OTHER}", child) == message
    changed = b"seed: 4\n"
    pin = hashlib.sha256(changed).hexdigest()
    store.save(changed, name="base", address="a")
    assert "has changed: this recipe was built on" in refusal(f"base.yaml@sha256:{pin}", child)  # not hidden by a cache


@pytest.mark.parametrize(
    "name", ["../base.yaml", "/etc/passwd.yaml", "sub/../base.yaml", "~/base.yaml", "./base.yaml", "a\x00/b.yaml"]
)
def test_a_file_outside_the_childs_folder_is_refused(child: Source, name: str) -> None:
    assert refusal(f"{name}@sha256:{SHA256}", child).startswith(
        "A recipe can extend only a file in its own folder or below it, without ..: got "
    )


def test_a_link_is_refused(child: Source) -> None:
    Path("mine/link.yaml").symlink_to("base.yaml")
    Path("mine/out").symlink_to("/etc")
    told = "A recipe cannot extend a file through a link: {} is one."
    assert refusal(f"link.yaml@sha256:{SHA256}", child) == told.format("mine/link.yaml")
    assert refusal(f"out/passwd@sha256:{SHA256}", child) == told.format("mine/out")


def test_a_missing_parent_is_found_in_the_cache_by_its_hash(child: Source, own_cache: Path) -> None:
    for text in ("gone.yaml", "gone", "https://h/gone.yaml"):
        message = refusal(f"{text}@sha256:{SHA256}", child)
        assert f", nor is sha256:{SHA256} in the cache ({own_cache}/recipes)" in message
    assert refusal(f"sha256:{SHA256}", child) == (
        f"The cache ({own_cache}/recipes) has no recipe sha256:{SHA256}. Ask for it where this one is from."
    )
    store.save(RECIPE, name="x", address="a")
    for text in ("gone.yaml", "gone", "https://h/gone.yaml"):
        found = find_parent(f"{text}@sha256:{SHA256}", child)
        assert (found.content, found.shown) == (RECIPE, f"{text}@sha256:{SHA256}")
    found = find_parent(f"sha256:{SHA256}", child)
    assert (found.kind, found.shown) == ("cache", f"sha256:{SHA256}")


def test_what_to_do_about_a_missing_parent_is_said(child: Source, own_cache: Path) -> None:
    cache = f"nor is sha256:{SHA256} in the cache ({own_cache}/recipes)"
    assert refusal(f"none.yaml@sha256:{SHA256}", child) == f"There is no file none.yaml in mine, {cache}. Put it there."
    assert refusal(f"mlp_digit@sha256:{SHA256}", child) == (
        f'There is no recipe "mlp_digit", {cache}. Did you mean "mlp_digits"?'
    )
    assert refusal(f"https://h/x.yaml@sha256:{SHA256}", child) == (
        f"https://h/x.yaml is not on this machine, {cache}. A recipe cannot fetch what it extends; fetch it yourself: "
        f"dlrun cat https://h/x.yaml@sha256:{SHA256}"
    )


def test_a_parent_is_never_fetched(site: Site, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child = find_recipe(f"{site.address}/r/x.yaml", fetch=True)
    site.files["/r/base.yaml"] = RECIPE + b"seed: 2\n"
    pin = hashlib.sha256(site.files["/r/base.yaml"]).hexdigest()
    monkeypatch.setattr(socket, "socket", None)
    hint = f"fetch it yourself: dlrun cat {site.address}/r/base.yaml@sha256:{pin}"
    assert refusal(f"base.yaml@sha256:{pin}", child).endswith(hint)
    assert refusal(f"{site.address}/r/base.yaml@sha256:{pin}", child).endswith(hint)
    assert site.requests == ["/r/x.yaml"]
    monkeypatch.undo()
    monkeypatch.setenv("DLRUN_CACHE", str(own_cache))
    store.save(site.files["/r/base.yaml"], name="base", address="a")
    assert find_parent(f"base.yaml@sha256:{pin}", child).content == site.files["/r/base.yaml"]


def test_a_parent_in_the_same_commit_is_there_already(commit: Commit) -> None:
    address, name = commit({"r/x.yaml": "seed: 1", "r/b/base.yaml": RECIPE.decode(), "r/link.yaml": "-> b/base.yaml"})
    child = find_recipe(f"{address}@{name}:r/x.yaml", fetch=True)
    (Path("repository") / ".git").rename("gone")
    found = find_parent(f"b/base.yaml@sha256:{SHA256}", child)
    assert (found.content, found.shown) == (RECIPE, f"{address}@{name}:r/b/base.yaml")
    assert refusal(f"../x.yaml@sha256:{SHA256}", child).startswith("A recipe can extend only a file in its own folder")
    assert refusal(f"link.yaml@sha256:{SHA256}", child) == "Expected a file, got a link: r/link.yaml."
    assert refusal(f"none.yaml@sha256:{OTHER}", child).startswith("There is no file none.yaml in its commit, nor is")
