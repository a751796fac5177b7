"""The keys of a recipe's `recipe:` block that `dlrun share` writes: what is promised, of what data, measured where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dlrun.configuration.schema.fields import Count, CountOrZero, Seed
from dlrun.configuration.schema.type_check import find_mismatches
from dlrun.errors import Problem
from dlrun.wording import printable_key, show

MOST_LOSSES = 100
METRIC = re.compile(r"(train|val|test)/(?!\.+(/|$))[\w.-]+(/(?!\.+(/|$))[\w.-]+)*")
SHA256 = re.compile(r"[0-9a-f]{64}")

if TYPE_CHECKING:
    Names = dict[str, Any]
else:
    Names = dict  # a package's name or a dotted key is no Python name


@dataclass(frozen=True)
class Lock:
    """The environment in which a promise was measured. Each part may be left out."""

    dlrun: str = ""
    python: str = ""
    torch: str = ""
    packages: Names = field(default_factory=dict)  # their versions
    system: str = ""
    processor: str = ""
    instruction_set: str = ""
    accelerator: str = ""
    device: str = ""
    threads: Count = 1
    precision: str = "fp32"
    compile: bool = False
    deterministic: bool = False
    strategy: str = ""
    processes: Count = 1
    auto: Names = field(default_factory=dict)  # what rules decided for fields that are `auto`, by key


@dataclass(frozen=True)
class Rows:
    """Rows by split."""

    train: CountOrZero = 0
    val: CountOrZero = 0
    test: CountOrZero = 0


@dataclass(frozen=True)
class Data:
    """The data of a promise: its fingerprint, where to get it, and its rows by split."""

    fingerprint: str = ""
    where: str = ""
    rows: Rows = field(default_factory=Rows)


KEYS: Mapping[str, Any] = {
    "expect": dict,  # metric -> [lowest, highest]
    "meaning": str,  # of these intervals
    "measured": dict,  # metric -> its value, or one for each seed
    "seeds": list[Seed],
    "lock": Lock,
    "data": Data,
    "losses": dict,  # loss -> its values in the first steps
}
"""The keys and their types. None of them holds any longer once something that decides the result is changed."""


def check_promise(block: Mapping[str, Any]) -> list[Problem]:
    """Return what is wrong inside the mappings of these keys, whose types are checked already."""
    problems = []
    for metric, bounds in _entries(block, "expect"):
        where = f"recipe.expect.{printable_key(metric)}"
        problems += _metric_problems(where, metric)
        if find_mismatches(list[float], bounds, key=where) or len(bounds) != 2 or bounds[0] > bounds[1]:
            problems.append(Problem(where, f"Expected [lowest, highest], got {show(bounds)}.", "wrong-value"))
    for metric, values in _entries(block, "measured"):
        where = f"recipe.measured.{printable_key(metric)}"
        problems += _metric_problems(where, metric)
        if find_mismatches(float, values, key=where) and (
            find_mismatches(list[float], values, key=where) or not values
        ):
            problems.append(
                Problem(where, f"Expected a number, or a list of one for each seed, got {show(values)}.", "wrong-value")
            )
    for name, values in _entries(block, "losses"):
        where = f"recipe.losses.{printable_key(name)}"
        if find_mismatches(list[float], values, key=where) or not 1 <= len(values) <= MOST_LOSSES:
            what = f"Expected a list of 1 to {MOST_LOSSES} numbers, the losses of the first steps, got {show(values)}."
            problems.append(Problem(where, what, "wrong-value"))
    return problems + _lock_problems(block) + _data_problems(block)


def _metric_problems(where: str, metric: str) -> list[Problem]:
    if METRIC.fullmatch(metric):
        return []
    what = "Expected a metric's name as results have it, such as test/accuracy: train, val or test, a slash and a name."
    return [Problem(where, what, "wrong-value")]


def _lock_problems(block: Mapping[str, Any]) -> list[Problem]:
    lock = block.get("lock")
    packages = lock.get("packages") if isinstance(lock, dict) else None
    return [
        Problem(
            f"recipe.lock.packages.{printable_key(name)}", f"Expected a version, got {show(version)}.", "wrong-value"
        )
        for name, version in (packages.items() if isinstance(packages, dict) else ())
        if not isinstance(version, str)
    ]


def _data_problems(block: Mapping[str, Any]) -> list[Problem]:
    data = block.get("data")
    fingerprint = data.get("fingerprint") if isinstance(data, dict) else None
    if isinstance(fingerprint, str) and fingerprint and not SHA256.fullmatch(fingerprint):
        what = f"Expected a SHA-256 of 64 hexadecimal digits, as result.json has it, got {show(fingerprint)}."
        return [Problem("recipe.data.fingerprint", what, "wrong-value")]
    return []


def _entries(block: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    value = block.get(key)
    return list(value.items()) if isinstance(value, dict) else []
