"""Weights whose gradient is nothing beside that of other layers."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.cures import cure_of_probe
from dlrun.lint.probe import Probe, probe
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.wording import plural

_LEAST = 1e-5  # of the largest gradient of a layer's weights


def _vanished(found: Probe) -> list[str]:
    """The weights whose gradient vanishes, smallest first; those that no pass reached are 0."""
    sizes = {name: found.gradients.get(name) or 0.0 for name in found.matrices}
    largest = max(sizes.values(), default=0.0)
    waits = {name for name in sizes if sizes[name] == 0.0 and name not in found.never}  # for a last layer of zeros
    low = [
        name
        for name in found.matrices
        if name not in waits and found.gradients[name] is not None and sizes[name] <= _LEAST * largest
    ]
    return sorted(low, key=lambda name: (sizes[name], list(found.gradients).index(name)))


def _check(subject: Subject) -> Iterator[Problem]:
    found = probe(subject)
    vanished = _vanished(found) if found is not None else []
    if found is None or not vanished:
        return
    changes = [
        ("model.init", "default"),
        ("model.activation", "relu"),
        ("model.norm", "batch"),
        ("model.norm", "layer"),
        ("model.init", "kaiming"),
    ]
    fix = cure_of_probe(subject, "cure of vanishing gradients", changes, lambda _, each: bool(_vanished(each)))
    sizes = [size or 0.0 for size in found.gradients.values()]
    others = len(vanished) - 1
    which = f"model.{vanished[0]}" + (f" (and {plural(others, 'other')})" if others else "")
    smallest = found.gradients[vanished[0]] or 0.0
    what = f"Before training the gradient of {which} is about {smallest:.1g}, that of others up to {max(sizes):.1g}."
    if not smallest:
        what = f"No gradient reaches {which}: it is 0 on the first batch."
    yield Problem(fix.partition("=")[0] if fix else "model", what, fix=fix)


RULE = Rule(
    "vanishing-gradients",
    "Layers without a gradient keep their initial weights, and all others learn on top of noise.",
    _check,
)
