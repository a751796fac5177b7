"""Links between pages lead to files that exist; the site's strict build (test_site) also checks their headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, ROOT, pages

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_to_files(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    broken = [link for link in _LINK.findall(text) if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


def test_every_page_can_be_reached_from_the_index() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    listed = {line.strip() for line in index.splitlines()}
    pages_of_the_site = [page.relative_to(DOCS).with_suffix("") for page in DOCS.rglob("*.md")]
    names = {name.as_posix() for name in pages_of_the_site if name.parts[0] in ("data",) or len(name.parts) == 1}
    assert names - {"index"} - listed == set()
    assert "decisions/index" in listed
