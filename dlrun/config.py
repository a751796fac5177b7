"""One run's configuration, typed and checked: what composing yields and everything after it reads."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dlrun import schema, settings
from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.fields import misfit, printable
from dlrun.registry import Catalog
from dlrun.schema import GROUPS, MISSING, TOP_LEVEL


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
    problems = check(tree, catalog)
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
    return kind(**{
        name: _typed(hints[name], value) if dataclasses.is_dataclass(hints[name]) and isinstance(value, dict) else value
        for name, value in node.items()
    })


def check(tree: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    """Everything wrong with a composed tree: unknown keys, missing or misfitting values, contradictions."""
    problems: list[Problem] = []
    for key in tree:
        if key not in GROUPS and key not in TOP_LEVEL and key != "recipe":
            problems.append(Problem(printable(key), f'There is no key "{printable(key)}". {did_you_mean(key, [*GROUPS, *TOP_LEVEL])}'))
    for group in GROUPS:
        problems += _check_node(group, tree[group], catalog)
    for key, kind in TOP_LEVEL.items():
        problems += [Problem(*wrong) for wrong in misfit(kind, tree[key], key=key)]
    return problems or contradictions(tree, catalog)


def _check_node(group: str, node: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    option = catalog.option(group, node["name"])
    problems = []
    for key, value in node.items():
        if key == "name":
            continue
        problems += check_field(option, key, value)
    for key in option.fields:
        if key not in node:
            problems.append(Problem(f"{group}.{key}", f"The {group} {option.name} needs it, and no file sets it."))
    return problems


def check_field(option: schema.Option, key: str, value: Any) -> list[Problem]:
    """What is wrong with one field of an option; `key` may be dotted where the field itself has fields."""
    name, _, rest = key.partition(".")
    where = f"{option.group}.{key}"
    if name not in option.fields:
        hint = did_you_mean(name, option.fields, prefix=f"{option.group}.")
        return [Problem(printable(where), f'The {option.group} "{option.name}" has no field "{printable(name)}". {hint}'.rstrip())]
    kind = option.fields[name].kind
    if rest:
        value = {rest: value} if dataclasses.is_dataclass(kind) or typing.get_origin(kind) is dict else value
        if not isinstance(value, dict):
            return [Problem(printable(where), f"{option.group}.{name} is a single value; it has no fields.")]
    elif value == MISSING:
        return [Problem(where, f"It has no default; give it: {where}=...")]
    return [Problem(*wrong) for wrong in misfit(kind, value, key=f"{option.group}.{name}")]


def contradictions(tree: Mapping[str, Any], catalog: Catalog) -> list[Problem]:
    """Values that are each right and together impossible."""
    problems = []
    trainer = tree["trainer"]
    if trainer["epochs"] is None and trainer["max_steps"] is None:
        problems.append(Problem("trainer.epochs", "Set trainer.epochs or trainer.max_steps; with both null training never ends."))
    data = tree["dataset"]
    if data["val_fraction"] + data["test_fraction"] >= 1:
        problems.append(Problem("dataset.val_fraction", "Together with dataset.test_fraction it leaves no rows to train on."))
    stop = trainer["early_stop"]
    if stop["patience"] is not None and data["val_fraction"] == 0:
        problems.append(Problem("trainer.early_stop.patience", "Early stopping needs validation rows, and dataset.val_fraction is 0."))
    optimizer = catalog.option("optimizer", tree["optimizer"]["name"])
    for name, field in catalog.option("model", tree["model"]["name"]).fields.items():
        if typing.get_origin(field.kind) is dict:  # fields of the optimizer, overridden for one side of the model
            for key, value in tree["model"][name].items():
                for problem in check_field(optimizer, key, value):
                    problems.append(Problem(f"model.{name}.{key}", problem.message))
    return problems
