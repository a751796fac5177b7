"""What tests of rules share: a plugin model on disk, and a finding by its id."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.lint.finding import Finding
from tests.lint.conftest import Examine

WritePlugin = Callable[..., Path]
Only = Callable[..., Finding]


@pytest.fixture
def write_plugin(tmp_path: Path) -> WritePlugin:
    """Return the function that writes `write_plugin("name", "expression of a model", before="class ...")`."""

    def write(name: str, body: str, *, before: str = "", returns: str = "nn.Module") -> Path:
        path = tmp_path / f"{name}.py"
        kind = "Loss = nn.Module\n" if returns == "Loss" else ""
        head = (
            f"from torch import nn\nimport torch\n{kind}{before}\ndef {name}(spec, *, width: int = 32) -> {returns}:\n"
        )
        path.write_text(f"{head}    '''A mistake.'''\n    return {body}\n")
        return path

    return write


@pytest.fixture
def only(check: Examine) -> Only:
    """Return the function that examines a run and returns its one finding with an id."""

    def find(rule: str, *words: str, plugins: tuple[Path, ...] = (), deep: bool = False) -> Finding:
        found = [each for each in check(*words, plugins=plugins, deep=deep) if each.id == rule]
        assert len(found) == 1, (rule, found)
        return found[0]

    return find
