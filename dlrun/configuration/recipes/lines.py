"""The lines of a recipe's file on which its problems are."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from dlrun.configuration.safe_yaml import read_nodes
from dlrun.errors import Problem
from dlrun.wording import printable_key

_INDEX = re.compile(r"\[(\d+)\]")


def add_lines(problems: Iterable[Problem], path: Path) -> list[Problem]:
    """Return problems of a recipe, each with the line of the key that it names, or of the innermost one that exists.

    Call it with what `split_recipe` found in this file, which was read safely.
    """
    found = list(problems)
    nodes = read_nodes(path) if found else None  # a good recipe is not read twice
    return [dataclasses.replace(problem, line=_line_of(nodes, problem.where)) for problem in found]


def _line_of(node: Any, where: str) -> int | None:
    """Return the line, from 1 up, of a key such as model.hidden[0], or model=NAME for the name in the node."""
    line = None
    rest = where
    while rest:
        index = _INDEX.match(rest)
        if index is not None:
            if not isinstance(node, yaml.SequenceNode):
                return line
            node, rest = node.value[int(index[1])], rest[index.end() :].removeprefix(".")
            line = node.start_mark.line + 1
            continue
        entries = node.value if isinstance(node, yaml.MappingNode) else []
        named = [(printable_key(key.value), key, value) for key, value in entries]
        fitting = [entry for entry in named if rest.startswith(entry[0]) and rest[len(entry[0]) :][:1] in ("", *".[=")]
        if not fitting:
            return line
        name, key, node = max(fitting, key=lambda entry: len(entry[0]))
        line, rest = key.start_mark.line + 1, rest[len(name) :]
        rest = "name" if rest.startswith("=") else rest.removeprefix(".")
    return line
