"""Dropout that leaves hardly anything."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from dlrun.errors import Problem
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject

_MOST = 0.8


def _check(subject: Subject) -> Iterator[Problem]:
    fields = {
        f"model.{name}": value
        for name, value in subject.config.tree["model"].items()
        if "dropout" in name and isinstance(value, float) and value >= _MOST
    }
    for key, value in fields.items():
        yield Problem(key, f"In training {1 - value:.2g} of the units are left.", fix=f"{key}=0.5")
    if fields:
        return
    for name, module in subject.task.named_modules():
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p >= _MOST:
            yield Problem("model", f"{name} drops {module.p:g} of its units in training.")
            return


RULE = Rule("extreme-dropout", "What is left is mostly noise, and the model underfits; 0.5 is the usual most.", _check)
