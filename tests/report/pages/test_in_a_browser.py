"""Pages opened in a real browser: their script runs, and the console stays empty."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from dlrun.data.originals import Original
from dlrun.report.pages.run_page import run_page
from dlrun.runs.analysis.found import Mistake
from dlrun.runs.history import read_run
from tests.report.pages.test_run_page import examined
from tests.report.pages.test_sweep_page import EVIL, report
from tests.sweep_folders import row, write_run, write_sweep

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = next((path for path in map(shutil.which, NAMES) if path is not None), None)
TONE = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\x08\0\0\0" + bytes(8)
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"no browser is installed ({', '.join(NAMES)})")


def opened(path: Path) -> tuple[str, list[str]]:
    """Return the page as the browser has it after its script, and the lines of its console."""
    words = [str(BROWSER), "--headless", "--disable-gpu", "--enable-logging=stderr", "--dump-dom",
             f"--user-data-dir={path.parent / 'profile'}", path.as_uri()]  # fmt: skip
    if os.geteuid() == 0:
        words.insert(1, "--no-sandbox")  # which root cannot have
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert "<body" in done.stdout, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


def test_the_page_of_a_sweep_with_hostile_names(tmp_path: Path) -> None:
    rows = [row(n, f"model={EVIL[n % 7]}", f"lr={10.0**-n}", accuracy=n / 20, device=EVIL[n % 7]) for n in range(14)]
    path = tmp_path / "a.html"
    path.write_text(report(write_sweep(tmp_path / "s", rows), title=EVIL[0]), encoding="utf-8")
    page, console = opened(path)
    assert console == []
    assert '<html lang="en" class="script">' in page
    assert "<button>point</button></th>" in page
    assert "<img" not in page


def test_the_page_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(run_page(read_run(write_run(tmp_path / "r", evaluations=1)), title="Run"), encoding="utf-8")
    page, console = opened(path)
    assert console == []
    assert 'class="script"' in page


def test_the_page_of_a_run_with_hostile_names_pictures_and_sounds(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    for number, evil in enumerate((EVIL[0], EVIL[5])):
        path = tmp_path / f"{number}.html"
        found = examined(evil, tmp_path)
        found.mistakes = [Mistake(0, "a", "b", "", Original(sound=TONE))]
        path.write_text(run_page(read_run(write_run(tmp_path / "r")), found, title=evil), encoding="utf-8")
        page, console = opened(path)
        assert console == []
        assert 'class="script"' in page
        assert page.count("<audio") == 2


def test_what_the_policy_refuses_would_be_seen_in_the_console(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    text = run_page(read_run(write_run(tmp_path / "r")), title="Run")
    path.write_text(text.replace("</body>", "<script>document.title = 'x'</script></body>"), encoding="utf-8")
    page, console = opened(path)
    assert "Content Security Policy" in " ".join(console)
    assert "<title>Run</title>" in page
