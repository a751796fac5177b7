"""The frame of a page: only its own style sheet and script may do anything."""

from __future__ import annotations

import base64
import hashlib
import re

from dlrun.report.pages.page import MARK, page


def test_the_policy_allows_the_style_sheet_and_the_script_by_their_hashes_and_nothing_else() -> None:
    text = page("<T>", "<p>body</p>")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    found = {}
    for name in ("style", "script"):
        (content,) = re.findall(f"<{name}>(.*?)</{name}>", text, re.DOTALL)
        found[name] = "sha256-" + base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    assert policy[1].split("; ") == [
        "default-src 'none'",
        f"style-src '{found['style']}'",
        f"script-src '{found['script']}'",
        "img-src data:",
        "media-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_a_page_names_nothing_on_a_network() -> None:
    text = re.sub(r"'sha256-[^']*'", "", page("T", ""))  # which may have any letters
    assert not re.findall(r"https?:|//[a-z]|@import|url\(", text)
    assert MARK in text[:100]
    assert "<title>&lt;T&gt;</title>" in page("<T>", "")
