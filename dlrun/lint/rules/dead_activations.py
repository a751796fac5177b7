"""Layers most of whose units are 0 for every row before training."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.cures import cure_of_probe
from dlrun.lint.probe import Probe, probe
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject

_MOST = 0.75  # of a layer's units; of 20 layers with torch's initial weights up to 0.59 are
_FEWEST_UNITS = 8  # of a layer that a share says something about


def _dead(found: Probe) -> dict[str, tuple[float, int]]:
    return {
        name: (share, units)
        for name, (share, units) in found.silent.items()
        if share == 1.0 or (share > _MOST and units >= _FEWEST_UNITS)
    }


def _check(subject: Subject) -> Iterator[Problem]:
    found = probe(subject)
    dead = _dead(found) if found is not None else {}
    if not dead:
        return
    name, (share, units) = max(dead.items(), key=lambda each: each[1][0])
    changes = [
        ("model.init", "default"),
        ("dataset.standardise", True),
        ("model.norm", "batch"),
        ("model.norm", "layer"),
        ("model.activation", "leaky_relu"),
    ]
    fix = cure_of_probe(subject, "cure of dead activations", changes, lambda _, each: bool(_dead(each)))
    more = f" {len(dead)} layers are like it." if len(dead) > 1 else ""
    silent = f"{share:.0%} of the {units} units after model.{name} give 0" if units > 1 else f"model.{name} gives 0"
    what = f"Before training {silent} on the whole first batch.{more}"
    yield Problem(fix.partition("=")[0] if fix else "model", what, fix=fix)


RULE = Rule("dead-activations", "A unit that is 0 for every row has no gradient and may never learn.", _check)
