"""Check a recipe's parsed tree against the schema, and what a recipe from somebody else must not do."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from dlrun.configuration.check import check_field, check_top_level, unknown_field
from dlrun.configuration.override_text import fix_of
from dlrun.configuration.overrides import MAX_POINTS, too_many_points
from dlrun.configuration.recipes.block import check_block
from dlrun.configuration.safe_yaml import FORBIDDEN_KEYS, check_data
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import LocalPath, NetworkAddress, Upload, WrittenPath, has_mark
from dlrun.configuration.schema.groups import ADDED_FIELDS, GROUPS, TOP_LEVEL, Option, default_choices
from dlrun.configuration.schema.several import as_choice
from dlrun.configuration.schema.signature import MISSING
from dlrun.configuration.sweeps.check_ranges import check_range
from dlrun.configuration.sweeps.ranges import Interval, NotARangeError, read_range
from dlrun.errors import ConfigError, Problem, did_you_mean, nearest
from dlrun.wording import printable_key, show


def split_recipe(
    tree: Mapping[str, Any], catalog: Catalog, *, own: bool = False, given: Collection[str] = ()
) -> tuple[dict[str, str], dict[str, Any], list[Problem]]:
    """Split a recipe's tree into the options it chooses and the values it sets, with everything wrong with it.

    `own` and `given` as for `load_recipe`.
    """
    block = {} if tree.get("recipe") is None else tree["recipe"]
    of_block = [dataclasses.replace(problem, fix=None) for problem in check_block(block)]  # no override sets its keys
    problems = [*of_block, *check_data(tree)]
    choices: dict[str, str] = {}
    values: dict[str, Any] = {}
    options: dict[str, Option] = {}
    for key, value in tree.items():
        if key in GROUPS:
            try:
                options[key] = option = _option_of(key, value, catalog)
            except ConfigError as error:
                unknown = error.problems or [Problem(f"{key}.name", str(error), error.id)]
                problems += [*_missing_plugins(block, catalog), *unknown]  # which may have the option
                continue
            if "name" in value:
                choices[key] = as_choice(key, value["name"])
            problems += _split_node(option, value, values, own=own, given=given)
            if own:
                values.update(_before(option, value))
        elif key in TOP_LEVEL:
            problems += check_top_level(key, value)
            values[key] = value
        elif key not in ("recipe", "sweep", *FORBIDDEN_KEYS):
            hint = did_you_mean(key, [*GROUPS, *TOP_LEVEL, "recipe", "sweep"])
            what = f'Unknown key "{printable_key(key)}". {hint}'
            problems.append(Problem(printable_key(key) or "''", what, "unknown-key", _fix_of_key(key, value)))
    problems += _check_sweep(tree.get("sweep"), options, catalog)
    return choices, values, list(dict.fromkeys(problems))


def _missing_plugins(block: Any, catalog: Catalog) -> list[Problem]:
    """Return a problem if the `recipe:` block names plugins that are not given."""
    named = block.get("plugins") if isinstance(block, dict) else None
    missing = set(named if isinstance(named, dict) else ()) - {plugin.name for plugin in catalog.plugins}
    if not missing:
        return []
    names = ", ".join(printable_key(name) for name in sorted(missing))
    what = f"This recipe needs {names} of the person who shared it: add --plugin FILE."
    return [Problem("recipe.plugins", what)]


def _option_of(group: str, node: Any, catalog: Catalog) -> Option:
    """Return the option whose fields a group's node sets.

    Raises ConfigError if it does not name an existing one.
    """
    if not isinstance(node, dict):
        what = f"Expected a mapping with a name and fields, got {show(node)}."
        raise ConfigError(Problem(group, what, "wrong-value"))
    if "name" not in node:
        if GROUPS[group].folder is not None:
            raise ConfigError(Problem(group, "Expected a name: the option to which the fields belong.", "required"))
        return catalog.option(group, default_choices()[group])  # all options of this group have the same fields
    name = as_choice(group, node["name"])
    if not isinstance(name, str):
        kind = "a name or a list of names" if GROUPS[group].several else "a string"
        raise ConfigError(Problem(f"{group}.name", f"Expected {kind}, got {show(name)}.", "unknown-option"))
    return catalog.option(group, name)


def _split_node(
    option: Option, node: dict[str, Any], values: dict[str, Any], *, own: bool, given: Collection[str]
) -> list[Problem]:
    """Check the fields in one group's node and add their values to `values`."""
    problems = []
    for key, value in node.items():
        if key == "name" or (key not in option.fields and _is_retired(option, key, value)):
            continue
        trusted = own or f"{option.group}.{key}" in given
        wrong = (
            _check_untrusted_field(option, key, value, own=trusted)
            if key in option.fields
            else [unknown_field(option, key, value)]
        )
        problems += wrong
        if not wrong:
            values.update(_by_dotted_key(f"{option.group}.{key}", option.fields[key].kind, value))
    return problems


def _before(option: Option, node: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the fields that a run's configuration lacks were before they existed, by dotted key.

    The configuration that a run writes has every field; one that lacks some was written by an older version.
    """
    older = ADDED_FIELDS.get((option.group, option.name), {})
    return {f"{option.group}.{name}": value for name, value in older.items() if name not in node}


def _is_retired(option: Option, key: str, value: Any) -> bool:
    """Return whether a field was once shared by all options of its group, and has the value without effect.

    Every dataset had `pad` and `augment` once; the config.yaml of old runs still contains them.
    """
    optional = GROUPS[option.group].optional
    neutral = {} if optional is None else dataclasses.asdict(optional())
    if key not in neutral:
        return False
    if isinstance(neutral[key], dict) and isinstance(value, dict):
        return all(name in neutral[key] and _is_same(entry, neutral[key][name]) for name, entry in value.items())
    return _is_same(value, neutral[key])


def _is_same(value: Any, neutral: Any) -> bool:
    return type(value) is type(neutral) and bool(value == neutral)


def _by_dotted_key(key: str, kind: Any, value: Any) -> dict[str, Any]:
    """Return `value` by dotted keys, one for each field that the schema names."""
    if dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return {f"{key}.{name}": entry for name, entry in value.items()}
    return {key: value}


def _check_untrusted_field(
    option: Option, key: str, value: Any, *, own: bool = False, within: str = ""
) -> list[Problem]:
    """Return what `check_field` does; refuse addresses, and files outside the current folder, unless it is `own`.

    within: the dotted key of the option, where it is one of several.
    """
    name, _, rest = key.partition(".")
    entry = option.fields.get(name)
    if value == MISSING:  # left to the user
        return []
    member = next((each for each in option.members if each.name == name), None)
    if member is not None and not own:
        inner = {rest: value} if rest else value if isinstance(value, dict) else {}
        refused = [
            problem
            for field, each in inner.items()
            for problem in _check_untrusted_field(member, field, each, within=f"{option.group}.{name}")
            if problem.id == "not-for-recipes"
        ]
        return refused or check_field(option, key, value)
    where = f"{within or option.group}.{printable_key(key)}"
    if entry is not None and has_mark(entry.kind, NetworkAddress) and value != entry.default and not own:
        what = "A recipe cannot set addresses; set them on the command line."
        if entry.kind == Upload:
            what = f"A recipe cannot send a run elsewhere; set it on the command line: {where}={value}."
        return [Problem(where, what, "not-for-recipes")]
    if entry is not None and has_mark(entry.kind, WrittenPath) and value != entry.default and not own:
        what = f"A recipe cannot choose a folder that is written to, got {show(value)}."
        return [Problem(where, f"{what} Set it on the command line: {where}=...", "not-for-recipes")]
    is_path = entry is not None and has_mark(entry.kind, LocalPath) and isinstance(value, str)
    if is_path and not own and not is_below(value):
        what = f"A recipe can name only files below the current folder, got {show(value)}."
        return [Problem(where, f"{what} Set it on the command line: {where}=...", "not-for-recipes")]
    return check_field(option, key, value)


def is_below(name: str) -> bool:
    """Return whether a file is below the current folder, without following links out of it, or a bundled example."""
    if name.startswith("example:"):
        return "/" not in name
    path = Path(name)
    if not name or name.startswith("~") or path.is_absolute() or ".." in path.parts or "\0" in name or "://" in name:
        return False
    try:
        return path.resolve().is_relative_to(Path.cwd().resolve())
    except (OSError, RuntimeError):  # a name too long, links in a circle
        return False


def _check_sweep(node: Any, options: Mapping[str, Option], catalog: Catalog) -> list[Problem]:
    """Check each value of a `sweep:` block with the options that the recipe itself chooses."""
    if node is None:
        return []
    if not isinstance(node, dict):
        return [Problem("sweep", f"Expected a mapping of keys to lists of values, got {show(node)}.", "wrong-value")]
    problems = []
    size = 1
    for key, values in node.items():
        taken, wrong = _read_swept(key, values)
        if isinstance(taken, Interval):
            wrong += _check_swept_range(key, taken, node, options, catalog)
        else:
            wrong += [problem for value in taken for problem in _check_swept(key, value, node, options, catalog)]
            size *= max(1, len(taken))
        where = f"sweep.{printable_key(key)}"
        problems += [dataclasses.replace(problem, where=where, fix=None) for problem in wrong]
    if size > MAX_POINTS:
        problems.append(dataclasses.replace(too_many_points(size), where="sweep"))
    return problems


def _read_swept(key: str, values: Any) -> tuple[Interval | list[Any], list[Problem]]:
    """Return the values of a key of `sweep:`: a list, or a range as text."""
    if isinstance(values, list) and values:
        return values, []
    if not isinstance(values, str):
        what = f"Expected a list of values, or a range such as interval(1e-4, 1e-1), got {show(values)}."
        return [], [Problem(key, what, "wrong-value")]
    try:
        found = read_range(values)
    except NotARangeError as error:
        hint = " Within braces, quote it: a comma ends a value." if values.count("(") > values.count(")") else ""
        return [], [Problem(key, f"{error} Got {show(values)}.{hint}", "wrong-range")]
    return (found if isinstance(found, Interval) else [each.value for each in found]), []


def _check_swept_range(
    key: str, interval: Interval, sweep: Mapping[str, Any], options: Mapping[str, Option], catalog: Catalog
) -> list[Problem]:
    """Return what is wrong with a range, with each option that its group may have."""
    group = key.partition(".")[0]
    if key not in TOP_LEVEL and group not in GROUPS:
        return _check_swept(key, interval.low, sweep, options, catalog)
    try:
        chosen = _options_of(group, sweep, options, catalog) if group in GROUPS else []
    except ConfigError as error:
        return error.problems or [Problem(key, str(error), error.id)]
    others = {name: [catalog.option(name, default)] for name, default in default_choices().items()}
    return check_range(key, interval, {**others, **({group: chosen} if chosen else {})})[1]


def _options_of(group: str, sweep: Mapping[str, Any], options: Mapping[str, Option], catalog: Catalog) -> list[Option]:
    """Return the options of a group that a recipe sweeps, or the one that it chooses."""
    swept = _read_swept(group, sweep[group])[0] if group in sweep else []
    chosen = options[group].name if group in options else default_choices()[group]
    names = swept if isinstance(swept, list) and swept else [chosen]
    found = [as_choice(group, name) for name in names]
    return [catalog.option(group, name) for name in found if isinstance(name, str)]


def _check_swept(
    key: str, value: Any, sweep: Mapping[str, Any], options: Mapping[str, Option], catalog: Catalog
) -> list[Problem]:
    group, _, rest = key.partition(".")
    if key in TOP_LEVEL:
        return check_top_level(key, value)
    if group not in GROUPS or rest == "name":
        hint = did_you_mean(group, [*GROUPS, *TOP_LEVEL])
        return [Problem(key, f"A recipe cannot sweep this key. {hint}".rstrip(), "unknown-key")]
    try:
        if not rest:
            _option_of(group, {"name": value}, catalog)
            return []
        chosen = _options_of(group, sweep, options, catalog)
    except ConfigError as error:
        return error.problems or [Problem(key, str(error), error.id)]
    return [problem for option in chosen for problem in _check_untrusted_field(option, rest, value)]


def _fix_of_key(key: str, value: Any) -> str | None:
    """Return the override that sets what an unknown key was to set: a top-level key, or an option by its name."""
    near = nearest(key, [*GROUPS, *TOP_LEVEL])
    chosen = value.get("name") if near in GROUPS and isinstance(value, dict) else value
    return fix_of(near, chosen) if near is not None and isinstance(chosen, str | int | float) else None
