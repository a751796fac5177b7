"""The catalog of options: dlrun's own, the user's plugins, those of installed packages and of a `--config-dir`."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from dlrun.configuration import safe_yaml
from dlrun.configuration.schema import groups
from dlrun.configuration.schema.groups import GROUPS, Option
from dlrun.configuration.schema.other_names import hint_of_path, overrides_of
from dlrun.configuration.schema.several import as_choice, names_in, read_list
from dlrun.configuration.schema.signature import read_first_argument, read_return_type
from dlrun.configuration.schema.user_code import tell
from dlrun.errors import ConfigError, Problem, did_you_mean, nearest
from dlrun.wording import printable, show

ENTRY_POINT_GROUP = "dlrun.options"
_TAKEN = '{path}: dlrun has its own {group} "{name}"; rename the file.'


class Catalog:
    """Every option that can be chosen in this process.

    `plugins` are Python files from the command line, `config_dirs` folders with more YAML options. No file is imported
    before `load`.
    """

    def __init__(self, *, plugins: Sequence[Path] = (), config_dirs: Sequence[Path] = ()) -> None:
        self.plugins = tuple(path.resolve() for path in plugins)
        self.config_dirs = tuple(path.resolve() for path in config_dirs)
        self._added = {(option.group, option.name): option for option in map(_plugin_option, self.plugins)}
        self._modules: dict[tuple[str, str], str] = {}  # from which options of installed packages are imported

    @cached_property
    def _installed(self) -> dict[tuple[str, str], Option]:
        """Options of installed packages, found through entry points; scanned once, and only if needed."""
        from importlib.metadata import entry_points  # slow: as long as everything else here together

        found = {}
        for entry in entry_points(group=ENTRY_POINT_GROUP):
            relative = entry.module.replace(".", "/") + ".py"
            path = Path(str(entry.dist.locate_file(relative))) if entry.dist is not None else Path(relative)
            option = _option_of(path, entry.name, origin=entry.dist.name if entry.dist is not None else entry.module)
            found[option.group, option.name] = option
            self._modules[option.group, option.name] = entry.module
        return found

    def plugin_hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each plugin's file by its name."""
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.plugins}

    def _base(self, group: str, name: str) -> Option | None:
        """Return an option that is not a preset: a plugin's, dlrun's own or an installed package's."""
        if (group, name) in self._added:
            return self._added[group, name]
        if name in groups.builtin_names(group):
            return groups.builtin_option(group, name)
        return self._installed.get((group, name))

    def choices_with_defaults(self, chosen: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
        """Return the option of every group: the chosen one, or the default, which may depend on the others.

        values: of fields that are set, by dotted key.
        """
        choices = {**groups.default_choices(), **chosen}
        for group, other in groups.DEPENDS_ON.items():
            if group not in chosen:
                choices[group] = groups.default_option(group, self.option(other, choices[other]).name, values)
        return choices

    def has_foreign_options(self) -> bool:
        """Whether there are options that are not dlrun's own, whose tasks may have metrics of their own."""
        return bool(self._added or self._installed)

    def _presets(self, group: str) -> dict[str, Path]:
        return {name: path for folder in self.config_dirs for name, path in groups.option_files(folder / group).items()}

    def names(self, group: str) -> list[str]:
        """Return the names of all options of `group`, sorted."""
        added = [name for place, name in (*self._added, *self._installed) if place == group]
        return sorted({*groups.builtin_names(group), *added, *self._presets(group)})

    def get_group_options(self, group_name: str, results_filter: object = None) -> list[str]:
        """Return the same to Hydra's override parser, which expands `glob(...)` with it."""
        return self.names(group_name)

    def option(self, group: str, choice: str | list[str]) -> Option:
        """Return the option that `group=choice` chooses, or the one that combines those of a list.

        Raises ConfigError with the nearest name if it does not exist.
        """
        choice = str(as_choice(group, choice))
        if not GROUPS[group].several or names_in(choice) is None:
            return self._one(group, choice)
        return read_list(group, choice, known=self.names(group), one=partial(self._one, group))

    def _one(self, group: str, choice: str) -> Option:
        presets = self._presets(group)
        if choice in presets:
            return self._preset(group, presets[choice])
        option = self._base(group, choice)
        if option is not None:
            return option
        hint, near = did_you_mean(choice, self.names(group)), nearest(choice, self.names(group))
        fix = f"{group}={near}" if near is not None else None
        if (meant := overrides_of(group, choice)) is not None:
            hint, fix = f"It is {meant} here.", meant if " " not in meant else None
        elif group == "dataset":
            hint = hint_of_path(choice) or hint
        what = f'Unknown {group} "{printable(choice)}". {hint}'
        raise ConfigError(Problem(f"{group}={printable(choice)}", what, "unknown-option", fix))

    def find(self, group: str, choice: Any, text: str) -> tuple[Option | None, list[Problem]]:
        """Return the option that the override `group=text` chooses, and what is wrong with it.

        If it does not exist, return the nearest option, so that its fields can be checked too; none for a list.
        """
        shown = f"{group}={printable(text)}"
        if not isinstance(choice, str) or "${" in choice:
            hint = did_you_mean(text, self.names(group))
            what = f"Expected the name of an option of {group}, got {show(choice)}. {hint}".rstrip()
            return None, [Problem(shown, what, "unknown-option")]
        try:
            return self.option(group, choice), []
        except ConfigError as error:
            near = nearest(choice, self.names(group)) if names_in(choice) is None else None
            closest = self.option(group, near) if near is not None and near != choice else None
            return closest, error.problems or [Problem(shown, str(error), error.id)]

    def _preset(self, group: str, path: Path) -> Option:
        node = safe_yaml.read_yaml(path)
        name = str(node.pop("name", path.stem))
        if path.stem in groups.builtin_names(group):  # Hydra would use dlrun's own file
            raise ConfigError(_TAKEN.format(path=path, group=group, name=path.stem))
        base = self._base(group, name)
        if base is None:
            hint = did_you_mean(name, set(self.names(group)) - set(self._presets(group)))
            raise ConfigError(f'{path}: name: expected an existing {group}, got "{printable(name)}". {hint}')
        fields = {
            key: dataclasses.replace(field, default=node.get(key, field.default)) for key, field in base.fields.items()
        }
        return dataclasses.replace(base, fields=fields, conf=path, is_preset=True)

    def load(self, group: str, name: str) -> Callable[..., Any]:
        """Import the file of the option `name` and return its function.

        Raises ConfigError if the option has none or importing it fails.
        """
        option = self._base(group, name)
        if option is None or option.source is None:
            raise ConfigError(f'Unknown {group} "{printable(name)}". {did_you_mean(name, self.names(group))}')
        if option.origin == "dlrun":
            module = importlib.import_module(f"dlrun.options.{GROUPS[group].folder}.{name}")
        elif option.origin == "plugin":
            module = _import_file(option.source)
        else:
            module = importlib.import_module(self._modules[group, name])
        function: Callable[..., Any] = getattr(module, name)
        return function


def packages_of(tree: Mapping[str, Any], catalog: Catalog) -> list[str]:
    """Return the installed packages besides dlrun that a configuration's options are from, but its loggers."""
    nodes = [(group, tree[group]["name"]) for group in GROUPS if group != "logger"]
    return sorted({catalog.option(group, name).origin for group, name in nodes} - {"dlrun", "plugin"})


def _import_file(path: Path) -> Any:
    name = f"dlrun_plugin_{path.stem}"
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path):
        return loaded
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: expected a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(f"{path}: importing it failed: {tell(error, [path])}") from error
    return module


def _plugin_option(path: Path) -> Option:
    option = _option_of(path, path.stem, origin="plugin")
    if option.name in groups.builtin_names(option.group):  # Hydra would use dlrun's own defaults
        raise ConfigError(_TAKEN.format(path=path, group=option.group, name=option.name))
    return option


def _option_of(path: Path, name: str, *, origin: str) -> Option:
    """Read an option that is not dlrun's own; its function's first argument and return type determine the group."""
    first = read_first_argument(path, name)
    returned = read_return_type(path, name).split(".")[-1]
    if first == "spec":
        group = "loss" if returned == "Loss" else "model"
    else:
        owners = {entry.first: entry.name for entry in GROUPS.values() if entry.folder and entry.first != "spec"}
        group = owners.get(first, "")  # a dataset's function takes nothing before its fields
    if not group:
        raise ConfigError(
            f'{path}: no group has options with the first argument "{first}"; a model takes "spec", a loss "spec" (and '
            'returns Loss), an optimizer "parameters", a scheduler "horizon", a logger "run_dir", a dataset nothing '
            "before its fields."
        )
    return groups.read_option(group, name, source=path, conf=None, origin=origin)
