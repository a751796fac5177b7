"""Weights that the loss depends on and no optimizer gets."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.probe import probe
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject

_SHOWN = 4


def _check(subject: Subject) -> Iterator[Problem]:
    found = probe(subject)
    if found is not None and found.strangers:
        shapes = ", ".join(str(shape) for shape in found.strangers[:_SHOWN])
        more = ", ..." if len(found.strangers) > _SHOWN else ""
        what = f"The loss depends on weights that are no parameters of the model, of shapes {shapes}{more}."
        yield Problem("model", what)


RULE = Rule(
    "unregistered-parameters",
    "Layers in a plain list, or built in `forward`, are neither trained nor saved: build them before, in a ModuleList.",
    _check,
)
