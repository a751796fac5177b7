"""dlrun.report.pages.serving.page: documents that load nothing and hold nothing of a model."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from dlrun.report.pages.serving.page import pages
from tests.report.pages.test_in_a_browser import BROWSER
from tests.runs.export.conftest import Train, data, trained
from tests.runs.serving.conftest import needs_serve
from tests.runs.serving.test_server import running

__all__ = ["data", "trained"]


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


@needs_serve
@pytest.mark.skipif(BROWSER is None, reason="no browser is installed")
def test_a_row_is_predicted_in_a_browser(trained: Train, tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    with running(str(trained("linear"))) as (_, port):
        for path, words in (("", ("setosa", " %")), ("docs", ("POST /predict", "curl http://127.0.0.1"))):
            flags = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
            flags += ["--virtual-time-budget=4000", f"--user-data-dir={tmp_path}"]
            command = [str(BROWSER), *flags, f"http://127.0.0.1:{port}/{path}"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
            for word in words:
                assert word in done.stdout
            assert [line for line in done.stderr.splitlines() if ":CONSOLE" in line] == []
