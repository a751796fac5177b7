"""Recipes: small YAML files that people pass on to each other, read as data and checked before anything uses them.

A recipe names options and values. It is parsed by a bounded reader, held against the closed schema and only then
turned into plain overrides; Hydra never sees the file.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.configuration import check, safe_yaml
from dlrun.configuration.overrides import MAX_POINTS, Value, value_of
from dlrun.configuration.safe_yaml import FORBIDDEN_KEYS, check_data
from dlrun.configuration.schema import groups as schema
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import is_machine, is_private, misfit
from dlrun.configuration.schema.groups import GROUPS, TOP_LEVEL, Option, default_choices
from dlrun.configuration.schema.signature import MISSING
from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.wording import printable, printable_key, show

FORMAT = 1
_ABOUT = {
    "format": int, "title": str, "source": str, "command": str, "notes": str, "expect": dict, "plugins": dict[str, str],
}  # fmt: skip


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

    def sweep_values(self, chosen: Mapping[str, tuple[Value, ...]]) -> dict[str, tuple[Value, ...]]:
        """What its `sweep:` block adds to the settings `chosen` by the user.

        Neither a key that the user set, nor a field of an option that the user replaced.
        """

        def replaced(group: str) -> bool:
            own = self.choices.get(group, default_choices().get(group))
            return group in chosen and any(value.value != own for value in chosen[group])

        return {
            key: tuple(value_of(value) for value in values)
            for key, values in self.sweep.items()
            if key not in chosen and not replaced(key.split(".")[0])
        }


def names() -> list[str]:
    """The recipes that come with dlrun."""
    return sorted(path.stem for path in schema.resource_dir("recipes").glob("*.yaml"))


def locate(name: str) -> Path:
    """The file of a recipe given by name or by path.

    Raises ConfigError with the nearest name when there is none.
    """
    where = f"recipe={printable(name)}"
    if "/" in name or name.endswith((".yaml", ".yml")):
        try:
            path = Path(name).expanduser()
            if path.is_symlink():
                target = printable(str(path.resolve()))
                raise ConfigError(Problem(where, f"It is a link; name the file itself: recipe={target}"))
            found = path.exists()
        except (OSError, ValueError, RuntimeError):  # too long, with a NUL, the home of nobody
            found = False
        if not found:
            raise ConfigError(Problem(where, "There is no such file."))
        return path
    if name in names():
        return schema.resource_dir("recipes") / f"{name}.yaml"
    hint = f"{did_you_mean(name, names())} `dlrun ls recipe` lists them.".lstrip()
    raise ConfigError(Problem(where, f'There is no recipe "{printable(name)}". {hint}'))


def load(name: str, catalog: Catalog, *, own: bool = False, given: Collection[str] = ()) -> Recipe:
    """Read and check a recipe given by name or path; `own` says that it is the user's own run, to go on with.

    given: keys that the user set, whatever the recipe says.

    Raises ConfigError with every problem found.
    """
    path = locate(name)
    return from_tree(safe_yaml.read(path), name=path.stem, path=path, catalog=catalog, own=own, given=given)


def from_tree(
    tree: dict[str, Any], *, name: str, path: Path, catalog: Catalog, own: bool = False, given: Collection[str] = ()
) -> Recipe:
    """Check a parsed tree and split it into choices and values.

    Raises ConfigError with every problem found.
    """
    about = {} if tree.get("recipe") is None else tree["recipe"]
    problems = [*_check_about(about), *check_data(tree)]
    choices: dict[str, str] = {}
    values: dict[str, Any] = {}
    options: dict[str, Option] = {}
    for key, value in tree.items():
        if key in GROUPS:
            try:
                options[key] = option = _option_of(key, value, catalog)
            except ConfigError as error:
                problems += error.problems or [Problem(f"{key}.name", str(error))]
                continue
            if "name" in value:
                choices[key] = value["name"]
            problems += _check_fields(option, value, values, own=own, given=given)
        elif key in TOP_LEVEL:
            problems += [Problem(*wrong) for wrong in misfit(TOP_LEVEL[key], value, key=key)]
            values[key] = value
        elif key not in ("recipe", "sweep", *FORBIDDEN_KEYS):
            hint = did_you_mean(key, [*GROUPS, *TOP_LEVEL, "recipe", "sweep"])
            problems.append(Problem(printable_key(key), f'There is no key "{printable_key(key)}". {hint}'))
    problems = list(dict.fromkeys([*problems, *_check_sweep(tree.get("sweep"), options, catalog)]))
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise ConfigError(problems, title=f"{count} in the recipe {printable(str(path))}")
    return Recipe(name, path, about, choices, values, tree.get("sweep") or {})


def _check_about(about: Any) -> list[Problem]:
    if not isinstance(about, dict):
        return [Problem("recipe", f"Expected a mapping with {', '.join(_ABOUT)}, got {show(about)}.")]
    problems = []
    given = about.get("format")
    if about and (given != FORMAT or type(given) is not int):
        expected = f"Expected {FORMAT}, the format this version of dlrun reads"
        problems.append(Problem("recipe.format", f"{expected}, got {show(given)}."))
    for key, value in about.items():
        where = f"recipe.{printable_key(key)}"
        if key not in _ABOUT:
            problems.append(Problem(where, f'There is no key "{printable_key(key)}". {did_you_mean(key, _ABOUT)}'))
        elif key == "plugins" and isinstance(value, dict):
            problems += [Problem(*wrong) for name in value for wrong in misfit(str, value[name], key=where)]
        elif key != "format":
            problems += [Problem(*wrong) for wrong in misfit(_ABOUT[key], value, key=where)]
    expect = about.get("expect")
    for metric, bounds in expect.items() if isinstance(expect, dict) else ():
        where = f"recipe.expect.{printable_key(metric)}"
        if misfit(list[float], bounds, key=where) or len(bounds) != 2 or bounds[0] > bounds[1]:
            problems.append(Problem(where, f"Expected [lowest, highest], got {show(bounds)}."))
    return problems


def _option_of(group: str, node: Any, catalog: Catalog) -> Option:
    """The option whose fields a group's node holds.

    Raises ConfigError when it names none that exists.
    """
    if not isinstance(node, dict):
        raise ConfigError(Problem(group, f"Expected a mapping with a name and fields, got {show(node)}."))
    if "name" not in node:
        if GROUPS[group].folder is not None:
            raise ConfigError(Problem(group, "Expected a name: which option the fields belong to."))
        return catalog.option(group, default_choices()[group])  # these fields are those of every option
    if not isinstance(node["name"], str):
        raise ConfigError(Problem(f"{group}.name", f"Expected a text, got {show(node['name'])}."))
    return catalog.option(group, node["name"])


def _check_fields(
    option: Option, node: dict[str, Any], values: dict[str, Any], *, own: bool, given: Collection[str]
) -> list[Problem]:
    """Check the fields in one group's node, noting their values."""
    problems = []
    for key, value in node.items():
        if key == "name":
            continue
        trusted = own or f"{option.group}.{key}" in given
        wrong = _check_field(option, key, value, own=trusted) if key in option.fields else [check.no_field(option, key)]
        problems += wrong
        if not wrong:
            values.update(flatten(f"{option.group}.{key}", option.fields[key].kind, value))
    return problems


def flatten(key: str, kind: Any, value: Any) -> dict[str, Any]:
    """`value` by dotted keys, opened as far as the schema has named fields."""
    if dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return {f"{key}.{name}": entry for name, entry in value.items()}
    return {key: value}


def _check_field(option: Option, key: str, value: Any, *, own: bool = False) -> list[Problem]:
    """As `check.check_field`, and refuses an address that a stranger chose."""
    entry = option.fields.get(key.partition(".")[0])
    if value == MISSING:  # still to be given
        return []
    if entry is not None and is_machine(entry.kind) and value != entry.default and not own:
        problem = "A recipe cannot name addresses; give them on the command line."
        return [Problem(f"{option.group}.{printable_key(key)}", problem)]
    if entry is not None and is_private(entry.kind) and isinstance(value, str) and not own and not is_below(value):
        problem = (
            f"A recipe can name only files below the current folder, got {show(value)}. "
            f"Give it on the command line: {option.group}.{printable_key(key)}=..."
        )
        return [Problem(f"{option.group}.{printable_key(key)}", problem)]
    return check.check_field(option, key, value)


def is_below(name: str) -> bool:
    """Whether a file's name leads, through no link, to a place below the current folder, or is a bundled example."""
    if name.startswith("example:"):
        return "/" not in name
    path = Path(name)
    if not name or name.startswith("~") or path.is_absolute() or ".." in path.parts or "\0" in name:
        return False
    try:
        return path.resolve().is_relative_to(Path.cwd().resolve())
    except (OSError, RuntimeError):  # a name too long, links in a circle
        return False


def _check_sweep(node: Any, options: Mapping[str, Option], catalog: Catalog) -> list[Problem]:
    """Hold each value of a `sweep:` block against the options that the recipe itself chooses."""
    if node is None:
        return []
    if not isinstance(node, dict):
        return [Problem("sweep", f"Expected a mapping of keys to lists of values, got {show(node)}.")]
    problems = []
    for key, values in node.items():
        if isinstance(values, list) and values:
            wrong = [problem for value in values for problem in _check_swept(key, value, node, options, catalog)]
        else:
            wrong = [Problem(key, f"Expected a list of values, got {show(values)}.")]
        problems += [Problem(f"sweep.{printable_key(key)}", problem.message) for problem in wrong]
    size = math.prod(len(values) for values in node.values() if isinstance(values, list))
    if size > MAX_POINTS:
        problems.append(Problem("sweep", f"It has {size:,} points; at most {MAX_POINTS:,} are allowed."))
    return problems


def _check_swept(
    key: str, value: Any, sweep: Mapping[str, Any], options: Mapping[str, Option], catalog: Catalog
) -> list[Problem]:
    group, _, rest = key.partition(".")
    if key in TOP_LEVEL:
        return [Problem(*wrong) for wrong in misfit(TOP_LEVEL[key], value, key=key)]
    if group not in GROUPS or rest == "name":
        hint = did_you_mean(group, [*GROUPS, *TOP_LEVEL])
        return [Problem(key, f"A recipe cannot sweep this key. {hint}".rstrip())]
    try:
        if not rest:
            _option_of(group, {"name": value}, catalog)
            return []
        swept = sweep.get(group)
        names = (
            swept
            if isinstance(swept, list)
            else [options[group].name if group in options else default_choices()[group]]
        )
        chosen = [catalog.option(group, name) for name in names if isinstance(name, str)]
    except ConfigError as error:
        return error.problems or [Problem(key, str(error))]
    return [problem for option in chosen for problem in _check_field(option, rest, value)]
