"""How a sweep's points are run (`launch.*`) and chosen (`search`, `search.*`): keys of the command line, with -m only.

They do not belong to a run's configuration: a point trains to the same bytes however it was chosen and run.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from dlrun.configuration.override_text import Value
from dlrun.configuration.schema.fields import AUTO, Auto, Count, Duration, Range, Seed
from dlrun.configuration.schema.type_check import find_mismatches
from dlrun.configuration.sweeps.cluster import RaySettings, SlurmSettings
from dlrun.errors import Problem, did_you_mean
from dlrun.wording import printable

AutoJobs = Annotated[int, Range(low=1, high=1024), Auto()]


@dataclass(frozen=True)
class LaunchSettings:
    """How points are run."""

    jobs: AutoJobs = AUTO  # points trained at the same time, each in a process of its own; auto: what the machine holds
    pack: Literal["auto", "on", "off"] = "auto"  # train points that differ only in numbers as one batched model
    engine: Literal["local", "submitit", "ray"] = "local"  # this machine, a SLURM cluster, a Ray cluster
    reuse: str | None = None  # a folder with earlier runs: a point trained there to the same bytes is taken over
    fail_fast: bool = False  # stop the sweep at the first point that fails or diverges
    slurm: SlurmSettings = field(default_factory=SlurmSettings)  # launch.engine=submitit: what a job asks for
    ray: RaySettings = field(default_factory=RaySettings)  # launch.engine=ray: the cluster, and what a job asks for


@dataclass(frozen=True)
class SearchSettings:
    """How points are chosen."""

    name: Literal["grid", "random", "lhs", "tpe"] = "grid"
    trials: Count | None = None  # points to try; grid: null, which tries all
    budget: Duration | None = None  # time to spend, such as 90s, 10m or 2h
    prune: Literal["none", "halving"] = "none"  # stop hopeless points while they run
    seed: Seed = 0  # seed of the choice of points
    objectives: list[str] = field(default_factory=list)  # what to improve; [] is the run's `metric`


@dataclass(frozen=True)
class SweepSettings:
    """Both, and which keys the user set."""

    launch: LaunchSettings = field(default_factory=LaunchSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    given: tuple[str, ...] = ()


SWEEP_GROUPS: Mapping[str, type] = {"launch": LaunchSettings, "search": SearchSettings}
NESTED: Mapping[str, type] = {"slurm": SlurmSettings, "ray": RaySettings}
"""The settings of `launch` that are mappings: launch.slurm.partition=gpu or launch.slurm={partition: gpu}."""
_ENGINE_OF = {"slurm": "submitit", "ray": "ray"}


def is_sweep_key(key: str) -> bool:
    """Whether a key of the command line is about the sweep, and not about its runs."""
    return key.partition(".")[0] in SWEEP_GROUPS


def kinds_of(group: str) -> dict[str, Any]:
    """Return the type of each field of `launch` or `search`, by name."""
    return typing.get_type_hints(SWEEP_GROUPS[group], include_extras=True)


def read_settings(given: Mapping[str, tuple[Value, ...]]) -> tuple[SweepSettings, list[Problem]]:
    """Return the settings of a sweep, and everything wrong with what was given.

    given: the values of keys of the command line, for which `is_sweep_key` holds.
    """
    problems: list[Problem] = []
    values: dict[str, dict[str, Any]] = {group: {} for group in SWEEP_GROUPS}
    for key, taken in given.items():
        group, _, name = key.partition(".")
        name = name or ("name" if group == "search" else "")
        found = _check(group, name, key, taken)
        problems += found
        if not found:
            _put(values[group], name, taken[0].value)
    problems += _of_another_engine(given, values["launch"].get("engine", LaunchSettings.engine))
    for name, kind in NESTED.items():
        values["launch"][name] = kind(**values["launch"].get(name, {}))
    return SweepSettings(LaunchSettings(**values["launch"]), SearchSettings(**values["search"]), tuple(given)), problems


def _put(values: dict[str, Any], name: str, value: Any) -> None:
    """Set a setting; one of a nested mapping (slurm.partition) joins the others of it."""
    outer, _, inner = name.partition(".")
    if outer in NESTED:
        value = {**values.get(outer, {}), **({inner: value} if inner else value)}
    values[outer] = value


def _of_another_engine(given: Mapping[str, tuple[Value, ...]], engine: str) -> list[Problem]:
    """Return a problem for each setting of a cluster that the chosen engine does not use."""
    found = []
    for key, taken in given.items():
        wanted = _ENGINE_OF.get(key.split(".")[1] if key.startswith("launch.") else "", engine)
        if wanted != engine:
            what = f"Only launch.engine={wanted} uses this; here it is launch.engine={engine}."
            fix = f"launch.engine={wanted}"
            found.append(Problem(printable(f"{key}={taken[0].text}"), f"{what} Add {fix}.", "other-engine", fix))
    return found


def _check(group: str, name: str, key: str, taken: tuple[Value, ...]) -> list[Problem]:
    """Return what is wrong with one key."""
    kinds, prefix = kinds_of(group), f"{group}."
    outer, _, inner = name.partition(".")
    if group == "launch" and outer in NESTED and inner:
        kinds, prefix, name = typing.get_type_hints(NESTED[outer], include_extras=True), f"{prefix}{outer}.", inner
    shown = printable(f"{key}={','.join(value.text for value in taken)}")
    if name not in kinds:
        near = did_you_mean(name, [each for each in kinds if each != "name"], prefix=prefix)
        return [Problem(shown, f"A sweep has no such setting. {near}".rstrip(), "unknown-key")]
    if len(taken) > 1:
        what = f"{key} is a setting of the sweep itself and cannot be swept. For a list, write [A,B]."
        return [Problem(shown, what, "several-values")]
    found = find_mismatches(kinds[name], taken[0].value, key=key)
    return [Problem(printable(f"{key}={taken[0].text}"), *wrong[1:]) for wrong in found]


def without_multirun(given: Mapping[str, tuple[Value, ...]], *, has_folds: bool) -> list[Problem]:
    """Return a problem for each setting of a sweep that was given without -m.

    has_folds: whether the command sets dataset.folds: the runs of a cross-validation are launched as those of a sweep.
    """
    what = "Only a sweep has this setting: add -m."
    wrong = [key for key in given if not (has_folds and key.startswith("launch."))]
    return [Problem(printable(f"{key}={given[key][0].text}"), what, "sweep-only") for key in wrong]


_MEANINGS: Mapping[str, Mapping[str, str]] = {
    "launch": {
        "jobs": "points trained at the same time, each in its own process; auto: what fits",
        "pack": "train points that differ only in numbers as one batched model",
        "engine": "where points are trained: this machine, a SLURM cluster, a Ray cluster",
        "reuse": "a folder with earlier runs: points trained there to the same bytes are taken over",
        "fail_fast": "stop the sweep at the first point that fails or diverges",
        "slurm": "with engine=submitit, what a job asks for: partition, timeout_min, ...",
        "ray": "with engine=ray, the cluster's address and what a job asks for",
    },
    "search": {
        "name": "which points: all combinations, random, a Latin hypercube, or by a model of results",
        "trials": "points to try, each with every seed; not of a grid, which tries all",
        "budget": "time to spend, such as 90s, 10m or 2h",
        "prune": "halving: stop hopeless points while they run",
        "seed": "seed of the choice of points; the same seed chooses the same everywhere",
        "objectives": "metrics to improve, or costs: parameters, seconds; [] is the run's metric",
    },
}


_VALUES: Mapping[str, str] = {
    "launch.jobs": "N",
    "launch.reuse": "DIR",
    "launch.fail_fast": "true",
    "launch.slurm": "{KEY:VALUE}",
    "launch.ray": "{KEY:VALUE}",
    "search.trials": "N",
    "search.budget": "TIME",
    "search.seed": "N",
    "search.objectives": "[A,B]",
}


@dataclass(frozen=True)
class SettingLine:
    """What is listed of one setting of a sweep."""

    key: str
    kind: Any
    default: Any
    meaning: str

    @property
    def shown(self) -> str:
        """What a help page shows as its value: the choices, or the kind in a word."""
        choices = typing.get_args(self.kind) if typing.get_origin(self.kind) is Literal else ()
        return ",".join(map(str, choices)) or _VALUES[self.key]


def setting_lines(group: str) -> list[SettingLine]:
    """Return every setting of `launch` or `search` with its type, default (plain values) and meaning."""
    plain, kinds = dataclasses.asdict(SWEEP_GROUPS[group]()), kinds_of(group)
    return [
        SettingLine(group if name == "name" else f"{group}.{name}", kinds[name], plain[name], text)
        for name, text in _MEANINGS[group].items()
    ]
