"""Every command on every page works, and prints what the page shows."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.docs.pages import DOCS, LANGUAGES, README, ROOT, blocks, pages
from tests.docs.run_commands import Dlrun, PageRunner, runnable
from tests.docs.sample_files import write_sample_files

WITH_COMMANDS = [page for page in pages() if runnable(page)]


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_work(
    page: Path, dlrun: Dlrun, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(own_folder))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)  # pages show what runs on a processor print
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # and so do the processes that a command starts
    write_sample_files(own_folder)
    PageRunner(dlrun).run(page)


def test_the_pages_that_show_commands_are_found() -> None:
    assert {README, DOCS / "plugins.md", DOCS / "data" / "table.md", DOCS / "durability.md"} <= set(WITH_COMMANDS)


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_command_hides_from_the_test(page: Path) -> None:
    for block in blocks(page):
        is_directive = block.language.startswith("{")  # of the site: an include, a list of pages
        assert is_directive or block.language in LANGUAGES, (
            f"{block.place}: a fence names its language, one of {LANGUAGES}"
        )
        if block.language not in ("bash", "console"):
            assert not [line for line in block.lines if line.startswith(("$ ", "dlrun "))], f"{block.place}: use bash"
