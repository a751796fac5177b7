"""What tests of rules share: tables and plugin models with a mistake in them, and the findings of one rule."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
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


FindAll = Callable[..., list[Finding]]
Train = Callable[..., dict[str, float]]


@pytest.fixture
def find(check: Examine) -> FindAll:
    """Return the function that examines `find("no-validation", "dataset=iris", ...)` for one id."""
    return lambda wanted, *words: [found for found in check(*words) if found.id == wanted]


@pytest.fixture
def train(dlrun: Callable[..., tuple[int, str, str]], tmp_path: Path) -> Train:
    """Return the function that trains a command line and returns the metrics of its result."""

    def trained(*words: str) -> dict[str, float]:
        quiet = ("device.threads=1", "dataset.baselines=false", "resume=never", "--quiet")
        folder = tmp_path / f"run{len(list(tmp_path.glob('run*')))}"
        code, _, err = dlrun(*words, f"hydra.run.dir={folder}", *quiet)
        assert code == 0, err
        return dict(json.loads((folder / "result.json").read_text())["metrics"])

    return trained


def write_table(path: Path, columns: dict[str, Sequence[object]]) -> tuple[str, str, str]:
    """Write columns as a CSV whose last one is the target; return the overrides that name it."""
    lines = [",".join(columns), *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))]
    path.write_text("\n".join(lines) + "\n")
    return "dataset=table", f"dataset.path={path}", f"dataset.target={list(columns)[-1]}"


def noise(count: int, *, seed: int = 0) -> list[float]:
    """Return numbers of a normal distribution, all different."""
    return [float(value) for value in np.random.default_rng(seed).normal(size=count)]


def labels(truth: Iterable[bool]) -> list[str]:
    """Return "yes" and "no"."""
    return ["yes" if each else "no" for each in truth]
