"""The docs site builds without a warning: no broken link, heading, table or page outside the index."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT

_MISSING = [name for name in ("sphinx", "myst_parser", "furo") if importlib.util.find_spec(name) is None]


def _build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the pages that were copied into `folder`."""
    return subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "docs", "site"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The pages in a folder of their own, since the build writes the reference beside them."""
    shutil.copytree(DOCS, tmp_path / "docs", ignore=shutil.ignore_patterns("_build", "reference", "__pycache__"))
    for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)} (the extra docs)")
def test_the_site_builds_without_a_warning(copied: Path) -> None:
    built = _build(copied)
    assert built.returncode == 0, built.stderr
    home = (copied / "site" / "index.html").read_text(encoding="utf-8")
    assert 'href="data/table.html"' in home, "the README's links lead to the site's pages"
    assert "optimizer.lr" in (copied / "site" / "reference" / "optimizer.html").read_text(encoding="utf-8")


@pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)} (the extra docs)")
def test_a_broken_link_stops_the_build(copied: Path) -> None:
    with (copied / "docs" / "recipes.md").open("a", encoding="utf-8") as page:
        page.write("[nowhere](nowhere.md)\n")
    built = _build(copied)
    assert built.returncode != 0
    assert "nowhere.md" in built.stderr
