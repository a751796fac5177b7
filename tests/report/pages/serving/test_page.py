"""dlrun.report.pages.serving.page: documents that load nothing and hold nothing of a model."""

from __future__ import annotations

import re

from dlrun.report.pages.serving.page import pages


def test_a_page_needs_no_network_and_only_its_own_script_runs() -> None:
    assert [*pages()] == ["/", "/docs"]
    for html, policy in pages().values():
        assert re.findall(r"(?:src|href)=\"(?!data:,)", html) == []
        assert "http://" not in html.replace("http://www.w3.org/2000/svg", "")
        assert "innerHTML" not in html
        assert html.count("<script>") == 1
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "connect-src 'self'" in policy
        assert "unsafe" not in policy
        assert 'name="viewport"' in html
        assert "prefers-color-scheme:dark" in html
