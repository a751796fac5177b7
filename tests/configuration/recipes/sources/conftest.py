"""Fixtures of the tests of recipe sources: an https server, a git repository, an empty cache."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.configuration.recipes.sources.site import CERTIFICATE, Site, running


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has an empty cache and no folders of recipes."""
    monkeypatch.setenv("DLRUN_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DLRUN_RECIPES", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An https server whose certificate is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")
    with running() as site:
        yield site


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], tuple[str, str]]:
    """Commit files to a new repository; returns its address for `recipe=` and the commit. A value "-> X" is a link."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")

    def make(files: dict[str, str]) -> tuple[str, str]:
        folder = tmp_path / "repository"
        folder.mkdir()

        def git(*words: str) -> str:
            named = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
            done = subprocess.run(["git", *named, *words], cwd=folder, check=True, capture_output=True, text=True)
            return done.stdout.strip()

        git("init", "--quiet")
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text.startswith("-> "):
                path.symlink_to(text.removeprefix("-> "))
            else:
                path.write_text(text)
        git("add", ".")
        git("commit", "--quiet", "-m", "one")
        return f"git+file://{folder}", git("rev-parse", "HEAD")

    return make
