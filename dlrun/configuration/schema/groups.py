"""The groups of the configuration, their options and each option's fields, read without importing any option.

An option is one Python file, whose function's keyword-only arguments are its fields, and one YAML file with their
defaults. The signature is read with `ast`, so that listing and checking never import torch.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dlrun.configuration import safe_yaml
from dlrun.configuration.schema import fields, settings
from dlrun.configuration.schema.signature import MISSING, Field, read_signature

_PACKAGE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Group:
    """A group of options."""

    name: str
    folder: str | None  # the folder of its options' Python files; None if the core reads all of their fields
    common: type | None  # the settings that all of its options have
    first: str | None = None  # the positional argument of an option's function
    summary: str = ""
    optional: type | None = None  # settings that only some of its options have: those whose YAML file sets them
    several: bool = False  # whether a list of options may be chosen


GROUPS: Mapping[str, Group] = {
    group.name: group
    for group in (
        Group(
            "dataset", "datasets", settings.SplitSettings, None, "the data to train on", optional=settings.ImageSettings
        ),
        Group("model", "models", None, "spec", "the model to train"),
        Group("optimizer", "optimizers", settings.OptimizerSettings, "parameters", "how weights are updated"),
        Group("scheduler", "schedulers", settings.SchedulerSettings, "horizon", "how the learning rate changes"),
        Group("loss", "losses", None, "spec", "the objective to minimise"),
        Group("device", None, settings.DeviceSettings, None, "where tensors are computed"),
        Group("trainer", None, settings.TrainerSettings, None, "how training runs, and for how long"),
        Group("checkpoint", None, settings.CheckpointSettings, None, "when checkpoints are saved"),
        Group("logger", "loggers", None, "run_dir", "where metrics go besides metrics.jsonl", several=True),
    )
}

TOP_LEVEL: Mapping[str, Any] = {
    "seed": fields.Seed,
    "resume": typing.Literal["never", "auto", "must"],
    "metric": str,
}


@dataclass(frozen=True)
class Option:
    """One option of a group with its fields."""

    group: str
    name: str
    summary: str
    fields: Mapping[str, Field]
    source: Path | None  # the Python file whose function builds it; None if the core reads its fields
    arguments: tuple[str, ...]  # the fields that the function takes
    conf: Path | None  # the YAML file with its defaults
    origin: str = "dlrun"  # "dlrun", "plugin" or the name of the package that provides it
    is_preset: bool = False  # whether `conf` is a file of a --config-dir, with other defaults for an option
    members: tuple[Option, ...] = ()  # the options that it combines, each of which is a field of it

    def defaults(self) -> dict[str, Any]:
        """Return the node as Hydra composes it: `name` and every field's default."""
        name = [member.name for member in self.members] if self.members else self.name
        return {"name": name, **{field.name: field.default for field in self.fields.values()}}


def resource_dir(name: str) -> Path:
    """Return the folder `conf` or `recipes`: inside an installed package, or beside it in a checkout."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def option_files(folder: Path) -> dict[str, Path]:
    """Return the YAML files of a group's folder by option; files that begin with "_" are bases shared by options."""
    return {path.stem: path for path in sorted(folder.glob("*.yaml")) if not path.name.startswith("_")}


@cache
def builtin_names(group: str) -> tuple[str, ...]:
    """Return the names of dlrun's own options of a group, sorted."""
    return tuple(option_files(resource_dir("conf") / group))


@cache
def builtin_option(group: str, name: str) -> Option:
    """Return one of dlrun's own options."""
    conf = resource_dir("conf") / group / f"{name}.yaml"
    folder = GROUPS[group].folder
    source = _PACKAGE / "options" / folder / f"{name}.py" if folder else None
    return read_option(group, name, source=source, conf=conf)


def read_option(group: str, name: str, *, source: Path | None, conf: Path | None, origin: str = "dlrun") -> Option:
    """Return the option that a Python file and a YAML file describe; either may be None.

    Raises ConfigError if the file has no function of that name, or the function has a field of an unsupported type.
    """
    node: dict[str, Any] = {}
    comments: dict[str, str] = {}
    summary = ""
    for path in conf_files(conf) if conf is not None else ():
        values, notes, summary = _read_conf(path)  # the option's own file comes last
        node.update(values)
        comments.update(notes)
    optional = GROUPS[group].optional
    found = _fields_of(GROUPS[group].common)
    found.update({key: entry for key, entry in _fields_of(optional).items() if conf is None or key in node})
    arguments: tuple[str, ...] = ()
    if source is not None:
        doc, declared = read_signature(source, name)
        summary = summary or doc
        found.update({field.name: field for field in declared})
        arguments = tuple(field.name for field in declared)
    for key, value in node.items():
        if key in found:
            inner = {name[len(key) + 1 :]: text for name, text in comments.items() if name.startswith(f"{key}.")}
            comment = comments.get(key, "")
            found[key] = dataclasses.replace(found[key], default=value, comment=comment, inner_comments=inner)
    return Option(group, name, summary, found, source, arguments, conf, origin)


def _fields_of(kind: type[Any] | None) -> dict[str, Field]:
    """Return the fields that a settings class declares; none without a class."""
    if kind is None:
        return {}
    hints = typing.get_type_hints(kind, include_extras=True)
    return {entry.name: Field(entry.name, hints[entry.name], _default_of(entry)) for entry in dataclasses.fields(kind)}


def _default_of(entry: dataclasses.Field[Any]) -> Any:
    if entry.default_factory is not dataclasses.MISSING:
        return dataclasses.asdict(entry.default_factory())
    return MISSING if entry.default is dataclasses.MISSING else entry.default


def conf_files(path: Path) -> list[Path]:
    """Return the YAML files that an option's file is composed of: the bases in its `defaults` list, then itself."""
    bases = _read_conf(path)[0].get("defaults", ())
    return [path.with_name(f"{name}.yaml") for name in bases if name != "_self_"] + [path]


@cache
def _read_conf(path: Path) -> tuple[dict[str, Any], dict[str, str], str]:
    """Return a YAML file's values, the comments beside them and its first line."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    summary = lines[0].lstrip("# ").strip() if lines and lines[0].startswith("#") and "@package" not in lines[0] else ""
    return safe_yaml.parse_yaml(text.encode(), name=str(path)), _comments(lines), summary


def _comments(lines: Iterable[str]) -> dict[str, str]:
    """Return the comment beside each key, by `key`, or `key.field` for the fields inside a field."""
    found: dict[str, str] = {}
    outer = ""
    for line in lines:
        match = re.match(r"( *)(\w+):(?:.*?\s#\s*(.*))?", line)
        if match is None:
            continue
        outer = outer if match[1] else match[2]
        if match[3]:
            found[f"{outer}.{match[2]}" if match[1] else outer] = match[3].strip()
    return found


@cache
def default_choices() -> Mapping[str, str]:
    """Return the default option of each group, from `conf/config.yaml`."""
    entries = safe_yaml.read_yaml(resource_dir("conf") / "config.yaml")["defaults"]
    chosen = {key: str(name) for entry in entries if isinstance(entry, dict) for key, name in entry.items()}
    return {group: chosen[group] for group in GROUPS}


def top_level_fields() -> dict[str, Field]:
    """Return the top-level keys as fields, with the defaults and comments of `conf/config.yaml`."""
    values, comments, _ = _read_conf(resource_dir("conf") / "config.yaml")
    return {key: Field(key, kind, values[key], comments.get(key, "")) for key, kind in TOP_LEVEL.items()}


ADDED_FIELDS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("model", "rnn"): {"forget_bias": 0.0},
    ("model", "tabular"): {"additive": False, "share": 1.0},
}
"""Fields that an option got later and whose defaults change it, with what it was like before."""

DEPENDS_ON: Mapping[str, str] = {"model": "dataset", "optimizer": "model", "scheduler": "model"}
"""The groups whose default option depends on the choice in another group, in the order in which they are chosen."""


@cache
def _dependent_defaults() -> Mapping[str, Mapping[str, str]]:
    return safe_yaml.read_yaml(default_options_file())


def default_option(group: str, chosen: str, values: Mapping[str, Any]) -> str:
    """Return a group's default option, where `chosen` is the option of the group that it depends on.

    values: of fields that are set, by dotted key; some decide too.
    """
    table = _dependent_defaults()[group]
    return str(table.get(default_option_entry(group, chosen, values), default_choices()[group]))


def default_option_entry(group: str, chosen: str, values: Mapping[str, Any]) -> str:
    """Return the entry of the file of default options that decides: `text`, or `text dataset.task=language`."""
    table = _dependent_defaults()[group]
    decisive = (f"{chosen} {key}={value}" for key, value in values.items())
    return next((entry for entry in decisive if entry in table), chosen)


def deciding_fields(group: str) -> set[str]:
    """Return the fields, by dotted key, on whose values a group's default option depends."""
    entries = (entry.split(" ") for entry in _dependent_defaults()[group])
    return {parts[1].partition("=")[0] for parts in entries if len(parts) > 1}


def default_options_file() -> Path:
    """Return the file of the default options that depend on another choice."""
    return resource_dir("conf") / "default_options.yaml"
