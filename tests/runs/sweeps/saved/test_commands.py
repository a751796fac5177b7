"""The commands and objectives of a sweep."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dlrun.runs.sweeps.saved.commands import Asked, read_asked


def test_commands_are_quoted_for_a_shell_and_the_newest_names_the_objectives(tmp_path: Path) -> None:
    commands = [
        {"words": ["dataset=iris", "search.objectives=[loss]"]},
        {"words": ["model.hidden=[8, 4]", "search.objectives=[accuracy,'parameters']"]},
    ]
    (tmp_path / "sweep.json").write_text(json.dumps({"format": 1, "commands": commands}))
    asked = read_asked(tmp_path)
    assert asked.commands == [
        "dlrun -m dataset=iris 'search.objectives=[loss]'",
        "dlrun -m 'model.hidden=[8, 4]' 'search.objectives=[accuracy,'\"'\"'parameters'\"'\"']'",
    ]
    assert asked.objectives == ["accuracy", "parameters"]


@pytest.mark.parametrize("content", ["[]", "{", '{"commands": 1}', '{"commands": [[], {"words": 1}, {"words": [1]}]}'])
def test_something_else_says_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "sweep.json").write_text(content)
    assert read_asked(tmp_path) == Asked()


def test_no_file_or_a_link_says_nothing(tmp_path: Path) -> None:
    assert read_asked(tmp_path) == Asked()
    (tmp_path / "real.json").write_text('{"commands": [{"words": ["a=1"]}]}')
    (tmp_path / "sweep.json").symlink_to("real.json")
    assert read_asked(tmp_path) == Asked()
