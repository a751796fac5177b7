"""Pages opened in a real browser: their script runs, and the console stays empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from dlrun.data.originals import Original
from dlrun.report.pages.run_page import run_page
from dlrun.runs.analysis.reports import Mistake
from dlrun.runs.history import read_run
from tests.browser import BROWSER, NO_BROWSER, Browser, running_browser
from tests.report.pages.test_run_page import examined
from tests.report.pages.test_sweep_page import EVIL, report
from tests.sweep_folders import row, write_run, write_sweep

TONE = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x08\0\0\0" + bytes(8)
pytestmark = pytest.mark.skipif(BROWSER is None, reason=NO_BROWSER)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with running_browser(tmp_path_factory.mktemp("browser") / "profile") as running:
        yield running


def opened(browser: Browser, path: Path) -> tuple[str, list[str]]:
    """Return the page as the browser has it after its script, and what its console has."""
    with browser.opened(path.as_uri()) as page:
        return page.evaluate("document.documentElement.outerHTML"), page.console


def test_the_page_of_a_sweep_with_hostile_names(tmp_path: Path, browser: Browser) -> None:
    rows = [row(n, f"model={EVIL[n % 7]}", f"lr={10.0**-n}", accuracy=n / 20, device=EVIL[n % 7]) for n in range(14)]
    path = tmp_path / "a.html"
    path.write_text(report(write_sweep(tmp_path / "s", rows), title=EVIL[0]), encoding="utf-8")
    page, console = opened(browser, path)
    assert console == []
    assert '<html lang="en" class="script">' in page
    assert "<button>point</button></th>" in page
    assert "<img" not in page


def test_the_page_of_a_run(tmp_path: Path, browser: Browser) -> None:
    path = tmp_path / "a.html"
    path.write_text(run_page(read_run(write_run(tmp_path / "r", evaluations=1)), title="Run"), encoding="utf-8")
    page, console = opened(browser, path)
    assert console == []
    assert 'class="script"' in page


def test_the_page_of_a_run_with_hostile_names_pictures_and_sounds(tmp_path: Path, browser: Browser) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    for number, evil in enumerate((EVIL[0], EVIL[5])):
        path = tmp_path / f"{number}.html"
        found = examined(evil, tmp_path)
        found.mistakes = [Mistake(0, "a", "b", "", Original(sound=TONE))]
        path.write_text(run_page(read_run(write_run(tmp_path / "r")), found, title=evil), encoding="utf-8")
        page, console = opened(browser, path)
        assert console == []
        assert 'class="script"' in page
        assert page.count("<audio") == 2


def test_what_the_policy_refuses_would_be_seen_in_the_console(tmp_path: Path, browser: Browser) -> None:
    path = tmp_path / "a.html"
    text = run_page(read_run(write_run(tmp_path / "r")), title="Run")
    path.write_text(text.replace("</body>", "<script>document.title = 'x'</script></body>"), encoding="utf-8")
    page, console = opened(browser, path)
    assert "Content Security Policy" in " ".join(console)
    assert "<title>Run</title>" in page
