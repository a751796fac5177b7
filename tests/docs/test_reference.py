"""The generated reference: every option, every field with its meaning, and shared fields once."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dlrun.configuration.auto import RULES
from dlrun.configuration.schema.groups import GROUPS, builtin_names, builtin_option
from tests.docs.pages import ROOT


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs") / "reference"
    subprocess.run([sys.executable, "docs/make_reference.py", str(folder)], cwd=ROOT, check=True)
    return folder


def test_there_is_a_page_for_each_group(reference: Path) -> None:
    assert {page.stem for page in reference.iterdir()} == {*GROUPS, "auto"}


def test_a_page_lists_the_rule_of_every_field_that_may_be_auto(reference: Path) -> None:
    page = (reference / "auto.md").read_text(encoding="utf-8")
    assert all(f"| `{key}` | {rule.text} |" in page for key, rule in RULES.items())


@pytest.mark.parametrize("group", GROUPS)
def test_a_page_has_every_option_and_field(group: str, reference: Path) -> None:
    page = (reference / f"{group}.md").read_text(encoding="utf-8")
    for name in builtin_names(group):
        option = builtin_option(group, name)
        assert f"| `{name}` | {option.summary} |" in page
        for field in option.fields:
            assert re.search(rf"^\| `{group}\.{field}(\.\w+)?` \|", page, re.MULTILINE), field


@pytest.mark.parametrize("group", GROUPS)
def test_every_field_has_a_meaning(group: str, reference: Path) -> None:
    page = (reference / f"{group}.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith(f"| `{group}.")]
    assert [row for row in rows if not row.split(" | ")[3].strip(" |")] == []


def test_what_all_datasets_share_is_shown_once(reference: Path) -> None:
    page = (reference / "dataset.md").read_text(encoding="utf-8")
    (row,) = (line for line in page.splitlines() if line.startswith("| `dataset.split_seed`") and "every" in line)
    assert row.split(" | ")[1:3] == ["a whole number from 0 to 4294967295", "`0`"]


def test_fields_inside_a_field_have_rows_of_their_own(reference: Path) -> None:
    page = (reference / "trainer.md").read_text(encoding="utf-8")
    assert "| `trainer.early_stop.patience` | a whole number from 1 to 1000000000, auto or null | `auto` | " in page


def test_a_required_field_says_so(reference: Path) -> None:
    assert "| `dataset.target` | a string or a list, each a string | required | " in (
        reference / "dataset.md"
    ).read_text(encoding="utf-8")


def test_without_a_folder_the_script_shows_its_usage() -> None:
    done = subprocess.run([sys.executable, "docs/make_reference.py"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "usage: python docs/make_reference.py FOLDER\n")
