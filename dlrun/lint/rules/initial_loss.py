"""A loss before training that is far above what constant outputs give."""

from __future__ import annotations

from collections.abc import Iterator

from dlrun.errors import Problem
from dlrun.lint.cures import cure_of_probe
from dlrun.lint.probe import Probe, probe
from dlrun.lint.rule import Rule
from dlrun.lint.subject import Subject
from dlrun.tasks.goals import goal_of

_MOST = 5.0  # times the loss of constant outputs, for classes and tokens
_MOST_OF_NUMBERS = 10.0  # whose squared error grows faster


def _is_high(subject: Subject, found: Probe) -> bool:
    most = _MOST_OF_NUMBERS if goal_of(subject.spec).predicts_numbers else _MOST
    return found.chance > 0 and not found.loss <= most * found.chance


def _check(subject: Subject) -> Iterator[Problem]:
    found = probe(subject)
    # one layer comes down from any height: its loss has no other minimum
    if found is None or len(found.matrices) < 2 or not _is_high(subject, found):
        return
    changes = [
        ("dataset.standardise", True),
        ("model.init", "default"),
        ("model.norm", "batch"),
        ("model.norm", "layer"),
    ]
    fix = cure_of_probe(subject, "cure of the initial loss", changes, _is_high)
    key = fix.partition("=")[0] if fix else "model"
    what = f"Before training the loss is {found.loss:.3g}; constant outputs of 0 have {found.chance:.3g}."
    yield Problem(key, what, fix=fix)


RULE = Rule(
    "initial-loss",
    "Outputs this large come from inputs or weights on the wrong scale, and training first has to undo them.",
    _check,
)
