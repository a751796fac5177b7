"""What set a value: a line of a file, an override, a recipe or an option's default."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

from dlrun.configuration import safe_yaml
from dlrun.configuration.auto import RULES
from dlrun.configuration.compose import Composed
from dlrun.configuration.recipes.extends import Layer
from dlrun.configuration.recipes.recipe import Recipe
from dlrun.configuration.schema import groups, settings
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import AUTO
from dlrun.configuration.schema.groups import DEPENDS_ON, GROUPS, default_choices
from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.wording import printable, printable_key, show


def explain_origin(key: str, composed: Composed, catalog: Catalog) -> str:
    """Return a line for `key`, or for each key below it, with its value and what set it.

    Raises ConfigError with the nearest key if it does not exist.
    """
    key = key.removesuffix(".name") if key.removesuffix(".name") in GROUPS else key
    leaves = _leaves(composed.config.tree)
    if key in GROUPS:
        return f"{key} = {composed.choices[key]}: {_origin(key, composed, catalog)}"
    found = [leaf for leaf in leaves if leaf == key or leaf.startswith(f"{key}.")]
    if not found:
        known = [*GROUPS, *leaves, *{leaf.rpartition(".")[0] for leaf in leaves} - {""}]
        fields = {leaf.split(".", 1)[-1]: leaf for leaf in reversed(leaves)}
        near = fields.get(key)
        hint = f'Did you mean "{near}"?' if near is not None else did_you_mean(key, known)
        shown = printable_key(key)
        raise ConfigError(Problem(f"--why {shown}", f'Unknown key "{shown}". {hint}'.rstrip(), "unknown-key"))
    return "\n".join(_explained(leaf, leaves[leaf], composed, catalog) for leaf in found)


def _explained(leaf: str, value: Any, composed: Composed, catalog: Catalog) -> str:
    text = f"{leaf} = {show(value)}: {_origin(leaf, composed, catalog)}"
    if value == AUTO and leaf in RULES:
        text += f"; auto is {RULES[leaf].text}"
    return text


def _leaves(tree: Any, prefix: str = "") -> dict[str, Any]:
    """Return each value by its dotted key, without the names of options and the `recipe:` block."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        key = f"{prefix}{name}"
        if key == "recipe" or (name == "name" and prefix[:-1] in GROUPS):
            continue
        if isinstance(value, dict) and value:
            found.update(_leaves(value, f"{key}."))
        else:
            found[key] = value
    return found


def _origin(key: str, composed: Composed, catalog: Catalog) -> str:
    parts = key.split(".")
    origin = composed.origins.get(key)
    if origin is not None and origin.startswith("recipe ") and composed.recipe is not None:
        return _in_recipe(parts, composed.recipe)
    if origin is not None:
        return origin
    depends = DEPENDS_ON.get(key)
    if depends is not None and composed.choices[key] != default_choices()[key]:
        listed = groups.default_options_file()
        other = composed.config.tree[depends]["name"]
        entry = groups.default_option_entry(key, other, _leaves(composed.config.tree))
        return f"default for {depends}={entry} in {format_place(listed, safe_yaml.line_of(listed, key, entry))}"
    if len(parts) == 1:
        root = groups.resource_dir("conf") / "config.yaml"
        line = safe_yaml.line_of(root, *(("defaults", key) if key in GROUPS else (key,)))
        return f"default in {format_place(root, line)}"
    return _default(parts, composed, catalog)


def _in_recipe(parts: list[str], recipe: Recipe) -> str:
    """Return the line of a recipe, or of what it extends, that sets a value."""
    first, *_ = recipe.layers
    for keys in ([*parts, "name"], parts, parts[:-1]):
        for layer in recipe.layers:
            line = safe_yaml.line_of(layer.path, *keys)
            if line is not None:
                extended = "" if layer is first else f", which {_place_in(first, None)} extends"
                return f"recipe {_place_in(layer, line)}{extended}"
    return f"recipe {_place_in(first, None)}"


def _place_in(layer: Layer, line: int | None) -> str:
    """Return a recipe's file or address and a line."""
    if layer.shown == str(layer.path):
        return format_place(layer.path, line)
    return printable(layer.shown if line is None else f"{layer.shown}:{line}", limit=4096)


def _default(parts: list[str], composed: Composed, catalog: Catalog) -> str:
    """Return what sets an option's default: its YAML file, its function's signature or the settings of its group."""
    group, name = parts[0], parts[1]
    option = catalog.option(group, composed.choices[group])
    intro = f"default of {group}={composed.choices[group]} in"
    member = next((each for each in option.members if each.name == name and len(parts) > 2), None)
    if member is not None:
        option, parts, name = member, [group, *parts[2:]], parts[2]
        intro = f"default of {group}={member.name} in"
    files = [option.conf] if option.is_preset and option.conf is not None else []
    if option.name in groups.builtin_names(group):  # a preset has the other defaults of its option
        files += reversed(groups.conf_files(groups.resource_dir("conf") / group / f"{option.name}.yaml"))
    for path in files:
        line = safe_yaml.line_of(path, *parts[1:]) or safe_yaml.line_of(path, name)
        if line is not None:
            return f"{intro} {format_place(path, line)}"
    entry = option.fields.get(name)
    if entry is not None and entry.line is not None and option.source is not None:
        return f"{intro} {format_place(option.source, entry.line)}"
    return f"{intro} {format_place(Path(settings.__file__), _line_in_settings(group, name))}"


def _line_in_settings(group: str, name: str) -> int | None:
    """Return the line that declares a field in the settings of a group, for options without a YAML file."""
    owners = [kind.__name__ for kind in (GROUPS[group].common, GROUPS[group].optional) if kind is not None]
    body = ast.parse(Path(settings.__file__).read_text(encoding="utf-8")).body
    classes = [node for node in body if isinstance(node, ast.ClassDef) and node.name in owners]
    entries = [entry for node in classes for entry in node.body if isinstance(entry, ast.AnnAssign)]
    return next((entry.lineno for entry in entries if ast.unparse(entry.target) == name), None)


def format_place(path: Path, line: int | None) -> str:
    """Return a file and a line as text; dlrun's own file relative to dlrun, any other as it was given."""
    roots = (groups.resource_dir("conf").parent, Path(groups.__file__).parents[3])
    shown = next((str(path.relative_to(root)) for root in roots if path.is_relative_to(root)), str(path))
    return printable(shown if line is None else f"{shown}:{line}", limit=4096)
