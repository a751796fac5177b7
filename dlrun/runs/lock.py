"""The lock of a recipe: the environment in which its promise was measured, and what differs elsewhere. No torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from dlrun.configuration.recipes.promise import Lock
from dlrun.configuration.schema.fields import AUTO
from dlrun.runs.history import flatten
from dlrun.wording import show


def lock_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the lock of a run from its result: its environment, and what rules decided."""
    own = ("checkpoint.", "device.")  # of the run's folder, and of its environment, which has the threads
    decided = {key: value for key, value in (result.get("auto") or {}).items() if not key.startswith(own)}
    found = {**(result.get("environment") or {}), "auto": decided}
    names = [entry.name for entry in dataclasses.fields(Lock)]
    return {name: found[name] for name in names if name in found and found[name] != {}}


def common_lock(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what the locks of several runs have in common: a sweep may have run on several machines."""
    first, *others = map(lock_of, results)
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def differences(lock: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Return what a lock has and this environment has not: key -> what the lock says, what is here.

    A part that the lock does not name is not compared.
    """
    found, own = entries(lock), entries(here)
    return {key: [value, own.get(key)] for key, value in found.items() if own.get(key) != value}


def entries(lock: Mapping[str, Any]) -> dict[str, Any]:
    """Return each part of a lock by its dotted key: torch, packages.numpy, auto.trainer.epochs."""
    if lock.get("strategy") == AUTO:  # of a process alone, which has all of the model
        lock = {**lock, "strategy": "ddp"}
    rules = {f"auto.{key}": value for key, value in (lock.get("auto") or {}).items()}
    return {**dict(flatten({key: value for key, value in lock.items() if key != "auto"})), **rules}


def describe(differs: Mapping[str, list[Any]]) -> str:
    """Return differences in one line: torch 2.13.0 → 2.12.1, threads 1 → 2."""
    return ", ".join(f"{key} {_text(was)} → {_text(now)}" for key, (was, now) in differs.items())


def _text(value: Any) -> str:
    return "none" if value is None else show(value).strip('"')
