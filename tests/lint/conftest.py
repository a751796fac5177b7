"""Examine a command line in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from dlrun.configuration.compose import compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.lint.examine import Examiner
from dlrun.lint.finding import Finding

Examine = Callable[..., list[Finding]]


def examine(words: Sequence[str], *, plugins: Sequence[Path] = (), deep: bool = False) -> list[Finding]:
    """Return everything found in the one run of a command line."""
    catalog = Catalog(plugins=plugins)
    (plan,) = plan_runs(parse_overrides(words, catalog), catalog)
    return Examiner(catalog, deep=deep).examine(compose(plan, catalog)).findings


@pytest.fixture
def check() -> Examine:
    """Return the function that examines `check("dataset=iris", ...)`, on one thread of the CPU."""

    def run(*words: str, plugins: Sequence[Path] = (), deep: bool = False) -> list[Finding]:
        return examine(("device=cpu", "device.threads=1", *words), plugins=plugins, deep=deep)

    return run
