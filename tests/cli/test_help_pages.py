"""dlrun.cli.help_pages and commands_page: pages made from the records, and the documents held against them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.cli import flags, verbs
from dlrun.cli.commands_page import commands_table, page
from dlrun.configuration.schema.groups import GROUPS

Dlrun = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parents[2]


def test_the_general_page_names_every_command_group_and_exit_code(dlrun: Dlrun) -> None:
    code, out, _ = dlrun("--help")
    assert code == 0
    for word in (*verbs.NAMES, *GROUPS, *(flag.name for flag in flags.EVERYWHERE)):
        assert re.search(rf"^ +(-h, |\[)?{word}\b", out, re.MULTILINE), word
    for number in ("0", "2", "3", "4", "5", "6", "130", "143"):
        assert re.search(rf"^  {number} ", out, re.MULTILINE)
    assert dlrun("help")[1] == out


@pytest.mark.parametrize("name", verbs.NAMES)
def test_a_verbs_page_shows_usage_flags_examples_and_exit_codes(name: str, dlrun: Dlrun) -> None:
    code, out, _ = dlrun(name, "--help")
    verb = verbs.verb(name)
    assert code == 0
    assert out.startswith(f"dlrun {name}: {verb.summary}\n")
    for text in (*verb.usages, *(each.line for each in verb.examples), *(flag.spelling for flag in verb.flags)):
        assert f"  {text}" in out or f", {text}" in out
    listed = set(re.findall(r"^ +(?:-\w+, )?(--[\w-]+)", out, re.MULTILINE))
    assert listed == {flag.name for flag in verb.flags}
    assert max(map(len, out.splitlines())) <= 120
    assert dlrun("help", name)[1] == out


def test_help_of_an_unknown_command_names_the_nearest(dlrun: Dlrun) -> None:
    code, _, err = dlrun("help", "predcit")
    assert code == 2
    assert 'help predcit\n      There is no such command. Did you mean "predict"?' in err


def test_a_summary_is_one_line_and_every_module_is_listed() -> None:
    modules = {path.stem for path in (ROOT / "dlrun/cli/verbs").glob("*.py")} - {"__init__"}
    assert modules == set(verbs.NAMES)
    for verb in verbs.every_verb():
        assert "\n" not in verb.summary
        assert len(verb.summary) <= 90
        assert not verb.summary.endswith(".")


def test_the_page_of_commands_is_up_to_date() -> None:
    written = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m dlrun.cli.commands_page > docs/commands.md"


def test_the_readmes_table_is_up_to_date() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"<!-- commands -->\n(.*?)\n<!-- /commands -->", readme, re.DOTALL)
    assert found == [commands_table()], "run: python -m dlrun.cli.commands_page table"


def test_the_module_prints_the_page_or_the_table() -> None:
    command = [sys.executable, "-m", "dlrun.cli.commands_page"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == page()
    done = subprocess.run([*command, "table"], capture_output=True, text=True, check=True)
    assert done.stdout == f"{commands_table()}\n"
