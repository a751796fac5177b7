"""What may be configured: groups, their options and each option's fields, read without importing any option.

An option is one Python file whose function's keyword-only arguments are its fields, and one YAML file with their
defaults. The signature is read with `ast`, so listing and checking never import torch.
"""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from dlrun.configuration import safe_yaml
from dlrun.configuration.schema import fields, settings
from dlrun.configuration.schema import groups as schema
from dlrun.configuration.schema.signature import MISSING, Field, read_signature

_PACKAGE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Group:
    """A group of options: its folder of option files, if any, and the settings all of its options share."""

    name: str
    folder: str | None
    common: type | None
    first: str | None = None  # the positional argument of an option's function
    summary: str = ""


GROUPS: Mapping[str, Group] = {
    group.name: group
    for group in (
        Group("dataset", "datasets", settings.DatasetSettings, None, "what is learnt from"),
        Group("model", "models", None, "spec", "what learns"),
        Group("optimizer", "optimizers", settings.OptimizerSettings, "parameters", "how weights are moved"),
        Group("scheduler", "schedulers", settings.SchedulerSettings, "horizon", "how the learning rate changes"),
        Group("loss", "losses", None, "spec", "what is made small"),
        Group("device", None, settings.DeviceSettings, None, "where numbers are computed"),
        Group("trainer", None, settings.TrainerSettings, None, "how long and how training goes on"),
        Group("checkpoint", None, settings.CheckpointSettings, None, "when the state is saved"),
        Group("logger", "loggers", None, "run_dir", "where metrics go besides metrics.jsonl"),
    )
}

TOP_LEVEL: Mapping[str, Any] = {
    "seed": fields.Seed,
    "resume": typing.Literal["never", "auto", "must"],
    "metric": str,
}


@dataclass(frozen=True)
class Option:
    """One option of a group: where its function stands, and its fields."""

    group: str
    name: str
    summary: str
    fields: Mapping[str, Field]
    source: Path | None  # the file whose function builds it; None where the core itself reads the fields
    arguments: tuple[str, ...]  # those fields that the function takes
    conf: Path | None  # the YAML file with its defaults
    origin: str = "dlrun"  # "dlrun", "plugin" or the name of the package that brings it

    def defaults(self) -> dict[str, Any]:
        """The node as Hydra composes it: `name` and every field's default."""
        return {"name": self.name, **{field.name: field.default for field in self.fields.values()}}


def resource_dir(name: str) -> Path:
    """The folder `conf` or `recipes`: inside an installed package, or beside it in a checkout."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


@cache
def builtin_names(group: str) -> tuple[str, ...]:
    """The names of the options that dlrun itself brings."""
    return tuple(sorted(path.stem for path in (resource_dir("conf") / group).glob("*.yaml")))


@cache
def builtin(group: str, name: str) -> Option:
    """One of dlrun's own options."""
    conf = resource_dir("conf") / group / f"{name}.yaml"
    folder = GROUPS[group].folder
    source = _PACKAGE / "options" / folder / f"{name}.py" if folder else None
    return read_option(group, name, source=source, conf=conf)


def read_option(group: str, name: str, *, source: Path | None, conf: Path | None, origin: str = "dlrun") -> Option:
    """The option that a Python file and, where there is one, a YAML file describe.

    Raises ConfigError when the function or one of its types is not as an option's must be.
    """
    found: dict[str, Field] = {}
    common = GROUPS[group].common
    if common is not None:
        hints = typing.get_type_hints(common, include_extras=True)
        for entry in dataclasses.fields(common):
            found[entry.name] = Field(entry.name, hints[entry.name], _plain_default(entry))
    summary = ""
    arguments: tuple[str, ...] = ()
    if source is not None:
        summary, declared = read_signature(source, name)
        found.update({field.name: field for field in declared})
        arguments = tuple(field.name for field in declared)
    if conf is not None:
        node, comments, summary_line = _read_conf(conf)
        summary = summary_line or summary
        for key, value in node.items():
            if key in found:
                found[key] = dataclasses.replace(found[key], default=value, comment=comments.get(key, ""))
    return Option(group, name, summary, found, source, arguments, conf, origin)


def _plain_default(entry: dataclasses.Field[Any]) -> Any:
    if entry.default_factory is not dataclasses.MISSING:
        return dataclasses.asdict(entry.default_factory())
    return MISSING if entry.default is dataclasses.MISSING else entry.default


def _read_conf(path: Path) -> tuple[dict[str, Any], dict[str, str], str]:
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    summary = lines[0].lstrip("# ").strip() if lines and lines[0].startswith("#") and "@package" not in lines[0] else ""
    comments = {m[1]: m[2].strip() for line in lines if (m := re.match(r"(\w+):.*?\s#\s*(.*)", line))}
    return safe_yaml.parse(text.encode(), name=str(path)), comments, summary


@cache
def default_choices() -> Mapping[str, str]:
    """The option each group has when nobody chooses one, from `conf/config.yaml`."""
    entries = safe_yaml.read(schema.resource_dir("conf") / "config.yaml")["defaults"]
    chosen = {key: str(name) for entry in entries if isinstance(entry, dict) for key, name in entry.items()}
    return {group: chosen[group] for group in GROUPS}
