"""`dlrun cat`: recipes from everywhere, as they are and with what they extend."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.configuration.recipes.sources.site import CERTIFICATE, RECIPE, running

Dlrun = Callable[..., tuple[int, str, str]]
SHA256 = hashlib.sha256(RECIPE).hexdigest()


@pytest.fixture
def child() -> str:
    """The file of a recipe that extends the one beside it; returns its text."""
    Path("base.yaml").write_bytes(RECIPE)
    text = f"# mine\nrecipe: {{format: 1, title: Mine, extends: base.yaml@sha256:{SHA256}}}\nmodel: {{hidden: [8]}}\n"
    Path("mine.yaml").write_text(text)
    return text


def test_a_recipe_is_printed_as_it_is(dlrun: Dlrun, child: str) -> None:
    assert dlrun("cat", "base.yaml") == (0, RECIPE.decode(), "")
    code, out, err = dlrun("cat", "mine.yaml")
    assert (code, out) == (0, child)
    assert err == "notice: it extends another recipe; `dlrun cat mine.yaml --extended` prints both merged.\n"


def test_what_a_recipe_extends_to_is_a_recipe_that_extends_nothing(dlrun: Dlrun, child: str) -> None:
    code, out, err = dlrun("cat", "mine.yaml", "--extended")
    assert (code, err) == (0, "")
    assert out == (
        f"# mine.yaml\n# extends base.yaml@sha256:{SHA256}\n"
        "recipe: {format: 1, title: Mine}\n"
        "dataset: {name: iris}\n"
        "model:\n  name: mlp\n  hidden: [8]\n"
    )
    Path("whole.yaml").write_text(out)
    shown = [dlrun("show", f"recipe={name}", "--json")[1] for name in ("whole.yaml", "mine.yaml")]
    assert shown[0] == shown[1]
    assert dlrun("cat", "base.yaml", "--extended") == (0, RECIPE.decode(), "")


def test_a_changed_parent_is_an_error(dlrun: Dlrun, child: str) -> None:
    Path("base.yaml").write_text("seed: 1\n")
    for words in (("cat", "mine.yaml"), ("show", "recipe=mine.yaml"), ("check", "recipe=mine.yaml")):
        code, _, err = dlrun(*words)
        assert code == 2
        assert f"base.yaml has changed: this recipe was built on sha256:{SHA256}" in err


def test_a_file_that_says_nothing_is_no_recipe(dlrun: Dlrun) -> None:
    Path("empty.yaml").write_text("")
    assert dlrun("cat", "empty.yaml")[0] == 2
    code, _, err = dlrun("show", "recipe=empty.yaml")
    assert code == 2
    assert "empty.yaml: it says nothing. A recipe chooses an option or sets a value" in err


def test_an_address_is_fetched_by_cat_and_used_without_network(
    dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("DLRUN_CACHE", str(tmp_path / "own"))
    with running() as site:
        address = f"{site.address}/r/x.yaml"
        code, out, err = dlrun("cat", address)
        pinned = f"{address}@sha256:{SHA256}"
        told = f"notice: fetched {address}; to use exactly this one, also without network: recipe={pinned}\n"
        assert (code, out, err) == (0, RECIPE.decode(), told)
        code, out, err = dlrun("show", f"recipe={address}", "--why", "model")
        assert (code, out, err) == (0, f"model = mlp: recipe {address}:3\n", told)
        code, _, err = dlrun("show", f"recipe={site.address}/none.yaml")
        assert code == 2
        assert "The server has no such file (404 Not Found)." in err
        assert len(site.requests) == 3
    code, _, err = dlrun("show", f"recipe={address}")
    assert code == 3
    assert f"dlrun: {address}: could not be fetched: [Errno" in err
    assert dlrun("show", f"recipe={pinned}", "--why", "model") == (0, f"model = mlp: recipe {address}:3\n", "")
    code, out, err = dlrun("cp", pinned, ".")
    assert (code, out, err) == (0, "x.yaml\ntrain it: dlrun recipe=./x.yaml\n", "")
    assert Path("x.yaml").read_bytes() == RECIPE
