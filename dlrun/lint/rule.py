"""A rule of the linter: what it looks for, why that is a mistake, and the function that looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dlrun.errors import Problem
from dlrun.lint.finding import Severity
from dlrun.lint.subject import Subject


@dataclass(frozen=True)
class Rule:
    """One classic mistake.

    check: yields a problem for each occurrence: the key, a sentence on what is wrong with its value here, and the
    override that mends it (`fix`). The id is added. deep: whether it trains for a while; only `--deep` runs it.
    severity: "error" where a run is certain to fail.
    """

    id: str
    why: str  # a sentence: why it is a mistake
    check: Callable[[Subject], Iterable[Problem]]
    deep: bool = False
    severity: Severity = "warning"
