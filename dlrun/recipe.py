"""Recipes: small YAML files that people pass on to each other, read as data and checked before anything uses them.

A recipe names options and values. It is parsed by a bounded reader, held against the closed schema and only then
turned into plain overrides; Hydra never sees the file.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun import safe_yaml, schema
from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.fields import Machine, misfit, printable, show
from dlrun.registry import Catalog
from dlrun.schema import GROUPS, TOP_LEVEL

FORMAT = 1
_ABOUT = {"format": int, "title": str, "source": str, "command": str, "notes": str, "expect": dict, "plugins": dict}
_FORBIDDEN = {
    "hydra": "A recipe cannot reach Hydra's own configuration.",
    "defaults": "A recipe cannot change what is composed; name the options instead (model: {name: mlp}).",
}


@dataclass(frozen=True)
class Recipe:
    """A checked recipe: what it is about, the options it chooses and the values it sets."""

    name: str
    path: Path
    about: Mapping[str, Any]
    choices: Mapping[str, str]
    values: Mapping[str, Any]  # by dotted key
    sweep: Mapping[str, list[Any]] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """One line about it."""
        return str(self.about.get("title", self.name))


def names() -> list[str]:
    """The recipes that come with dlrun."""
    return sorted(path.stem for path in schema.share("recipes").glob("*.yaml"))


def locate(name: str) -> Path:
    """The file of a recipe given by name or by path.

    Raises ConfigError with the nearest name when there is none.
    """
    if "/" in name or name.endswith((".yaml", ".yml")):
        path = Path(name).expanduser()
        if not path.is_file():
            raise ConfigError(Problem(f"recipe={printable(name)}", "There is no such file."))
        return path
    if name in names():
        return schema.share("recipes") / f"{name}.yaml"
    raise ConfigError(
        Problem(f"recipe={printable(name)}", f'There is no recipe "{printable(name)}". {did_you_mean(name, names())} `dlrun ls recipe` lists them.')
    )


def load(name: str, catalog: Catalog) -> Recipe:
    """Read and check a recipe given by name or path.

    Raises ConfigError with every problem found.
    """
    path = locate(name)
    return from_tree(safe_yaml.read(path), name=path.stem, path=path, catalog=catalog)


def from_tree(tree: dict[str, Any], *, name: str, path: Path, catalog: Catalog) -> Recipe:
    """Check a parsed tree and split it into choices and values."""
    problems: list[Problem] = []
    choices: dict[str, str] = {}
    values: dict[str, Any] = {}
    about = tree.get("recipe") or {}
    problems += _check_about(about)
    problems += _interpolations(tree, "")
    for key, value in tree.items():
        if key in ("recipe", "sweep"):
            continue
        if key in _FORBIDDEN:
            problems.append(Problem(key, _FORBIDDEN[key]))
        elif key in GROUPS:
            problems += _check_group(key, value, catalog, choices, values)
        elif key in TOP_LEVEL:
            problems += [Problem(*wrong) for wrong in misfit(TOP_LEVEL[key], value, key=key)]
            values[key] = value
        else:
            known = [*GROUPS, *TOP_LEVEL, "recipe", "sweep"]
            problems.append(Problem(printable(key), f'There is no key "{printable(key)}". {did_you_mean(key, known)}'))
    sweep, wrong = _check_sweep(tree.get("sweep"))
    problems += wrong
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ConfigError(problems, title=f"{count} in the recipe {printable(str(path))}")
    return Recipe(name, path, about, choices, values, sweep)


def _check_about(about: Any) -> list[Problem]:
    if not isinstance(about, dict):
        return [Problem("recipe", f"Expected a mapping with {', '.join(_ABOUT)}, got {show(about)}.")]
    problems = []
    if about and about.get("format") != FORMAT:
        problems.append(Problem("recipe.format", f"Expected {FORMAT}, the format this version of dlrun reads, got {show(about.get('format'))}."))
    for key, value in about.items():
        if key not in _ABOUT:
            problems.append(Problem(f"recipe.{printable(key)}", f'There is no key "{printable(key)}". {did_you_mean(key, _ABOUT)}'))
        elif key != "format":
            problems += [Problem(*wrong) for wrong in misfit(_ABOUT[key], value, key=f"recipe.{key}")]
    expect = about.get("expect")
    for metric, bounds in expect.items() if isinstance(expect, dict) else ():
        wrong = misfit(list[float], bounds, key=f"recipe.expect.{printable(metric)}")
        if wrong or len(bounds) != 2 or bounds[0] > bounds[1]:
            problems.append(Problem(f"recipe.expect.{printable(metric)}", f"Expected [lowest, highest], got {show(bounds)}."))
    return problems


def _interpolations(value: Any, key: str) -> list[Problem]:
    if isinstance(value, dict):
        found = [Problem(printable(f"{key}{name}"), "A recipe cannot hold interpolations.") for name in value if "${" in name]
        return found + [problem for name, entry in value.items() for problem in _interpolations(entry, f"{key}{name}.")]
    if isinstance(value, list):
        return [problem for i, entry in enumerate(value) for problem in _interpolations(entry, f"{key[:-1]}[{i}].")]
    if isinstance(value, str) and "${" in value:
        return [Problem(printable(key.rstrip(".")), f"A recipe cannot hold interpolations, got {show(value)}; write the value itself.")]
    return []


def _check_group(group: str, node: Any, catalog: Catalog, choices: dict[str, str], values: dict[str, Any]) -> list[Problem]:
    """Check one group's node, noting its choice and values."""
    if not isinstance(node, dict):
        return [Problem(group, f"Expected a mapping with a name and fields, got {show(node)}.")]
    name = node.get("name")
    if name is None:
        if GROUPS[group].folder is None:
            name = "auto" if group == "device" else "default"
        else:
            return [Problem(group, "Expected a name: which option the fields belong to.")]
    elif not isinstance(name, str):
        return [Problem(f"{group}.name", f"Expected a text, got {show(name)}.")]
    try:
        option = catalog.option(group, name)
    except ConfigError as error:
        return error.problems or [Problem(f"{group}.name", str(error))]
    choices[group] = name
    problems = []
    for key, value in node.items():
        if key == "name":
            continue
        dotted = f"{group}.{printable(key)}"
        if key not in option.fields:
            hint = did_you_mean(key, option.fields, prefix=f"{group}.")
            problems.append(Problem(dotted, f'The {group} "{option.name}" has no field "{printable(key)}". {hint}'))
            continue
        entry = option.fields[key]
        if value == schema.MISSING or (value == entry.default):
            wrong: list[tuple[str, str]] = []
        elif is_machine(entry.kind):
            wrong = [(dotted, "A recipe cannot name addresses; give them on the command line.")]
        else:
            wrong = misfit(entry.kind, value, key=dotted)
        problems += [Problem(*each) for each in wrong]
        values.update(flatten(f"{group}.{key}", entry.kind, value))
    return problems


def is_machine(kind: Any) -> bool:
    """Whether a field's type is marked as naming a place that a stranger must not choose."""
    marks = getattr(kind, "__metadata__", ())
    return any(isinstance(mark, Machine) for mark in marks) or any(is_machine(arg) for arg in typing.get_args(kind))


def flatten(key: str, kind: Any, value: Any) -> dict[str, Any]:
    """`value` by dotted keys, opened as far as the schema has named fields."""
    if dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return {f"{key}.{name}": entry for name, entry in value.items()}
    return {key: value}


def _check_sweep(node: Any) -> tuple[dict[str, list[Any]], list[Problem]]:
    """Only the shape: that each key names something is checked with the other overrides, point by point."""
    if node is None:
        return {}, []
    if not isinstance(node, dict):
        return {}, [Problem("sweep", f"Expected a mapping of keys to lists of values, got {show(node)}.")]
    problems = []
    for key, choices in node.items():
        if not isinstance(choices, list) or not choices:
            problems.append(Problem(f"sweep.{printable(key)}", f"Expected a list of values, got {show(choices)}."))
        elif key.split(".")[0].split("/")[0] not in (*GROUPS, *TOP_LEVEL):
            hint = did_you_mean(key.split(".")[0], [*GROUPS, *TOP_LEVEL])
            problems.append(Problem(f"sweep.{printable(key)}", f"A recipe cannot sweep this key. {hint}".rstrip()))
    return {key: value for key, value in node.items() if isinstance(value, list)}, problems
