"""The typed configuration of one run, which everything after composing reads."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlrun.configuration import auto
from dlrun.configuration.auto import Facts
from dlrun.configuration.schema import settings
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.groups import GROUPS


@dataclass(frozen=True)
class Choice:
    """The option chosen for a group, with the arguments of its function."""

    group: str
    name: str
    arguments: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]


@dataclass(frozen=True)
class RunConfig:
    """Everything that determines a run. `tree` has the same as plain containers, in the order of `conf/config.yaml`.

    Fields that are "auto" are worked out by `resolve_auto`, before anything reads them.
    """

    dataset: Choice
    model: Choice
    optimizer: Choice
    scheduler: Choice
    loss: Choice
    loggers: tuple[Choice, ...]
    device_name: str
    dataset_settings: settings.DatasetSettings
    optimizer_settings: settings.OptimizerSettings
    scheduler_settings: settings.SchedulerSettings
    device_settings: settings.DeviceSettings
    trainer: settings.TrainerSettings
    checkpoint: settings.CheckpointSettings
    seed: int
    resume: str
    metric: str
    tree: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """SHA-256 of everything that determines the result: the tree without `recipe` and `resume`."""
        decisive = {key: value for key, value in self.tree.items() if key not in ("recipe", "resume")}
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()

    @property
    def data_key(self) -> str:
        """What decides the data, except numbers drawn by the run's seed: runs with the same key may share it."""
        deterministic = self.device_settings.deterministic
        # `auto` fields of a dataset may depend on the model
        return json.dumps([self.tree["dataset"], self.model.name, self.trainer.workers, deterministic])

    def with_dataset_of(self, other: RunConfig) -> RunConfig:
        """Return this configuration with the dataset of another, whose `auto` fields may be worked out already."""
        tree = {**self.tree, "dataset": other.tree["dataset"]}
        return dataclasses.replace(self, tree=tree, dataset=other.dataset, dataset_settings=other.dataset_settings)

    def with_threads(self, threads: int | None) -> RunConfig:
        """Return this configuration with another number of CPU threads; None is torch's own."""
        tree = {**self.tree, "device": {**self.tree["device"], "threads": threads}}
        device_settings = dataclasses.replace(self.device_settings, threads=threads)
        return dataclasses.replace(self, tree=tree, device_settings=device_settings)

    def with_processes(self, number: int) -> RunConfig:
        """Return this configuration with the number of processes that really train it."""
        if self.device_settings.processes == number:
            return self
        tree = {**self.tree, "device": {**self.tree["device"], "processes": number}}
        device_settings = dataclasses.replace(self.device_settings, processes=number)
        return dataclasses.replace(self, tree=tree, device_settings=device_settings)


def resolve_auto(
    config: RunConfig, catalog: Catalog, facts: Facts, *, groups: tuple[str, ...] | None = None
) -> tuple[RunConfig, dict[str, Any]]:
    """Return the configuration with a value for each field that is `auto`, and those values by key."""
    tree, decided = auto.resolve(config.tree, facts, groups=groups)
    return (build_run_config(tree, catalog), decided) if decided else (config, {})


def build_run_config(tree: Mapping[str, Any], catalog: Catalog) -> RunConfig:
    """Return a composed tree, already checked, as a typed configuration."""

    def choice(group: str) -> Choice:
        option = catalog.option(group, tree[group]["name"])
        return Choice(group, option.name, {name: tree[group][name] for name in option.arguments})

    def common(group: str, kind: type[typing.Any]) -> Any:
        node = tree[group]  # an option without a field leaves the setting neutral
        return _typed(kind, {field.name: node[field.name] for field in dataclasses.fields(kind) if field.name in node})

    return RunConfig(
        **{group: choice(group) for group, entry in GROUPS.items() if entry.folder and not entry.several},
        loggers=_several("logger", tree["logger"], catalog),
        device_name=tree["device"]["name"],
        dataset_settings=common("dataset", settings.DatasetSettings),
        optimizer_settings=common("optimizer", settings.OptimizerSettings),
        scheduler_settings=common("scheduler", settings.SchedulerSettings),
        device_settings=common("device", settings.DeviceSettings),
        trainer=common("trainer", settings.TrainerSettings),
        checkpoint=common("checkpoint", settings.CheckpointSettings),
        seed=tree["seed"],
        resume=tree["resume"],
        metric=tree["metric"],
        tree=tree,
    )


def _several(group: str, node: Mapping[str, Any], catalog: Catalog) -> tuple[Choice, ...]:
    """Return the option of a group, or each of those that it combines."""
    chosen = catalog.option(group, node["name"])
    nodes = {each.name: node.get(each.name, {}) for each in chosen.members} or {chosen.name: node}
    return tuple(
        Choice(group, option.name, {name: nodes[option.name][name] for name in option.arguments})
        for option in chosen.members or (chosen,)
    )


def _typed(kind: type[typing.Any], node: Mapping[str, Any]) -> Any:
    hints = _type_hints(typing.cast(typing.Hashable, kind))  # mypy takes no class for hashable
    return kind(
        **{
            name: _typed(hints[name], value)
            if dataclasses.is_dataclass(hints[name]) and isinstance(value, dict)
            else value
            for name, value in node.items()
        }
    )


@functools.cache
def _type_hints(kind: typing.Hashable) -> Mapping[str, Any]:
    return typing.get_type_hints(kind)
