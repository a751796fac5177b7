"""Parameters that the loss does not depend on."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.probe import probe
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject

_SHOWN = 4


def _check(subject: Subject) -> Iterator[Problem]:
    found = probe(subject)
    unused = [name for name, size in found.gradients.items() if size is None] if found is not None else []
    if found is not None and found.can_train and unused:
        names = ", ".join(f"model.{name}" for name in unused[:_SHOWN]) + (", ..." if len(unused) > _SHOWN else "")
        yield Problem("model", f"The loss does not depend on {len(unused)} of the model's parameters: {names}.")


RULE = Rule(
    "unused-parameters",
    "A layer that is built and not called, or whose output is thrown away, stays as it is; call it or remove it.",
    _check,
)
