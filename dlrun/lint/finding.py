"""What a check reports: a mistake, or what is likely one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from dlrun.errors import ConfigError, DataError, Problem

Severity = Literal["error", "warning"]
DATA = "data"  # the id of errors in the data itself


@dataclass(frozen=True)
class Finding:
    """One line of a check's report. key: the configuration key, as the user wrote it. fix: an override, or None."""

    id: str
    severity: Severity
    key: str
    message: str
    fix: str | None = None

    def state(self) -> dict[str, Any]:
        """Return plain values, as `dlrun check --json` prints them."""
        return asdict(self)


def found(problem: Problem, severity: Severity) -> Finding:
    """Return a problem as a finding."""
    return Finding(problem.id, severity, problem.where, problem.message, problem.fix)


def errors_in(error: ConfigError | DataError) -> list[Finding]:
    """Return what an error says is wrong, each problem as a finding."""
    if isinstance(error, DataError):
        return [Finding(DATA, "error", "dataset", str(error))]
    return [found(problem, "error") for problem in error.problems or [Problem("configuration", str(error), error.id)]]
