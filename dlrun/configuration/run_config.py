"""One run's configuration, typed and checked: what composing yields and everything after it reads."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlrun.configuration import check
from dlrun.configuration.schema import settings
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import GROUPS
from dlrun.errors import ConfigError


@dataclass(frozen=True)
class Choice:
    """The option chosen for a group, with the values of its function's arguments."""

    group: str
    name: str
    arguments: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]


@dataclass(frozen=True)
class RunConfig:
    """All that decides a run. `tree` is the same as plain containers, in the order of `conf/config.yaml`."""

    dataset: Choice
    model: Choice
    optimizer: Choice
    scheduler: Choice
    loss: Choice
    logger: Choice
    device_name: str
    data: settings.DatasetSettings
    optimizing: settings.OptimizerSettings
    scheduling: settings.SchedulerSettings
    device: settings.DeviceSettings
    trainer: settings.TrainerSettings
    checkpoint: settings.CheckpointSettings
    seed: int
    resume: str
    metric: str
    tree: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """A digest of everything that decides the result: the tree without how the run was asked for."""
        decisive = {key: value for key, value in self.tree.items() if key not in ("recipe", "resume")}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def build(tree: Mapping[str, Any], catalog: Catalog) -> RunConfig:
    """Check a composed tree and type it.

    Raises ConfigError with every problem found.
    """
    problems = check.check(tree, catalog)
    if problems:
        raise ConfigError(problems)

    def choice(group: str) -> Choice:
        option = catalog.option(group, tree[group]["name"])
        return Choice(group, option.name, {name: tree[group][name] for name in option.arguments})

    def common(group: str, kind: type[typing.Any]) -> Any:
        return _typed(kind, {field.name: tree[group][field.name] for field in dataclasses.fields(kind)})

    return RunConfig(
        **{group: choice(group) for group, entry in GROUPS.items() if entry.folder},
        device_name=tree["device"]["name"],
        data=common("dataset", settings.DatasetSettings),
        optimizing=common("optimizer", settings.OptimizerSettings),
        scheduling=common("scheduler", settings.SchedulerSettings),
        device=common("device", settings.DeviceSettings),
        trainer=common("trainer", settings.TrainerSettings),
        checkpoint=common("checkpoint", settings.CheckpointSettings),
        seed=tree["seed"],
        resume=tree["resume"],
        metric=tree["metric"],
        tree=tree,
    )


def _typed(kind: type[typing.Any], node: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(kind)
    return kind(
        **{
            name: _typed(hints[name], value)
            if dataclasses.is_dataclass(hints[name]) and isinstance(value, dict)
            else value
            for name, value in node.items()
        }
    )
