"""What the points of a sweep share: configuration that is not the default, data, and environment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlrun.configuration import safe_yaml
from dlrun.configuration.recipes.smallest import default_values, fields_that_differ, is_same, requested_tree
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import GROUPS
from dlrun.errors import ConfigError
from dlrun.runs.history import flatten, is_number
from dlrun.storage.reading import read_regular
from dlrun.wording import count, plural

_MOST_READ = 2_000  # configurations and results
_MOST_RESULT_BYTES = 4 << 20
MISSING = "(none)"


@dataclass
class Shared:
    """Values by dotted key that every readable point has.

    configuration: what differs from the defaults and was not swept. facts: of data and environment. differs: facts
    whose values differ between points, with how many there are.
    """

    configuration: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    differs: dict[str, int] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)


def read_shared(folders: Sequence[Path], *, swept: Sequence[str] = (), catalog: Catalog | None = None) -> Shared:
    """Return what the runs in these folders share.

    swept: keys that differ by intention; a group's key stands for all of its fields.
    """
    found = Shared()
    configs: list[Mapping[str, Any]] = []
    facts: list[Mapping[str, Any]] = []
    for folder in folders[:_MOST_READ]:
        result = read_result(folder)
        try:
            config = asked_for(folder, result, catalog or Catalog())
        except ConfigError:
            continue
        configs.append(config)
        facts.append(_facts(result))
    if len(configs) < len(folders):
        found.notices.append(f"the configuration of {plural(len(folders) - len(configs), 'point')} was not read")
    keys = dict.fromkeys(key for config in configs for key in config)
    for key in keys:
        values = [config.get(key, MISSING) for config in configs]
        if not any(key == name or key.startswith(f"{name}.") for name in swept) and _all_same(values):
            found.configuration[key] = values[0]
    for key in dict.fromkeys(key for each in facts for key in each):
        values = [each[key] for each in facts if key in each]
        if _all_same(values):
            found.facts[key] = values[0]
        else:
            found.differs[key] = len({json.dumps(value, sort_keys=True) for value in values})
    return found


def asked_for(folder: Path, result: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    """Return what differs from the defaults in a run's configuration, by dotted key; of a group also its option.

    Fields that rules worked out are left out. Of an option that is not known here (a plugin's) every field is returned.
    Raises ConfigError if `config.yaml` cannot be read.
    """
    path = folder / "config.yaml"
    if path.is_symlink():
        raise ConfigError(f"{path}: it is a link, which is not followed.")
    tree = safe_yaml.read_yaml(path)
    decided = result.get("auto")
    known = {key for key in flat_keys(tree) if isinstance(decided, dict) and key in decided}
    tree = requested_tree(tree, dict.fromkeys(known))
    found: dict[str, Any] = {}
    for group in GROUPS:
        node = tree.get(group)
        if isinstance(node, dict):
            found.update(_of_group(group, node, catalog))
    defaults = default_values()
    found.update(
        {
            key: tree[key]
            for key in defaults
            if key in tree and key != "resume" and not is_same(tree[key], defaults[key])
        }
    )
    return dict(flatten(found))


def _of_group(group: str, node: Mapping[str, Any], catalog: Catalog) -> dict[str, Any]:
    name = node.get("name")
    shown = {group: name} if isinstance(name, str) and group in ("dataset", "model", "optimizer") else {}
    if name not in catalog.names(group):
        return {**shown, **{f"{group}.{key}": value for key, value in node.items() if key != "name"}}
    option = catalog.option(group, str(name))
    whole = {**option.defaults(), **node}
    return {**shown, **{f"{group}.{key}": value for key, value in fields_that_differ(whole, option).items()}}


def flat_keys(tree: Mapping[str, Any]) -> set[str]:
    """Return the dotted keys of a configuration."""
    return {key for key, _ in flatten(tree)}


def read_result(folder: Path) -> Mapping[str, Any]:
    """Return a run's `result.json`; empty if there is none that can be read. A link is not followed."""
    path = folder / "result.json"
    try:
        result = {} if path.is_symlink() else json.loads(read_regular(path, most=_MOST_RESULT_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return result if isinstance(result, dict) else {}


def _facts(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a result says of its data and environment, by a name for people."""
    dataset, environment = result.get("dataset"), result.get("environment")
    found: dict[str, Any] = {}
    if isinstance(dataset, dict):
        sizes = dataset.get("sizes")
        found["dataset"] = dataset.get("name")
        if isinstance(sizes, dict):
            found["rows"] = ", ".join(f"{name} {_count(size)}" for name, size in sizes.items())
        found["fingerprint of the data"] = dataset.get("fingerprint")
    if isinstance(environment, dict):
        found.update({key: value for key, value in environment.items() if isinstance(value, str | int | float)})
        packages = environment.get("packages")
        if isinstance(packages, dict):
            found["packages"] = ", ".join(f"{name} {version}" for name, version in packages.items())
    return {key: value for key, value in found.items() if isinstance(value, str | int | float)}


def _count(size: Any) -> str:
    return count(size) if is_number(size) else str(size)


def _all_same(values: Sequence[Any]) -> bool:
    return all(value == values[0] and type(value) is type(values[0]) for value in values)
