"""What was found in the points of a request: each finding once, with the points that have it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from dlrun.errors import ConfigError, DataError, DlrunError, Problem
from dlrun.lint.finding import DATA, Finding, errors_in
from dlrun.wording import count, plural, printable


@dataclass
class Report:
    """Findings in the order in which they were found, each with the labels of the points that have it."""

    num_points: int = 1
    points: dict[Finding, list[str]] = field(default_factory=dict)

    def add(self, findings: Iterable[Finding], *, label: str = "") -> None:
        """Add what was found in one point; label: its overrides that differ from other points."""
        for finding in dict.fromkeys(findings):
            self.points.setdefault(finding, []).append(label)

    def add_of_all(self, findings: Iterable[Finding]) -> None:
        """Add what was found of all points together."""
        for finding in findings:
            self.points[finding] = [""] * self.num_points

    def add_error(self, error: ConfigError | DataError) -> None:
        """Add what is wrong with a request that cannot be composed, or whose files are missing."""
        self.add(errors_in(error))

    @property
    def errors(self) -> list[Finding]:
        """The findings that stop training."""
        return [finding for finding in self.points if finding.severity == "error"]

    @property
    def warnings(self) -> list[Finding]:
        """The findings that are likely mistakes."""
        return [finding for finding in self.points if finding.severity == "warning"]

    def state(self) -> list[dict[str, Any]]:
        """Return plain values: errors first."""
        return [finding.state() for finding in (*self.errors, *self.warnings)]

    def exit_code(self, *, strict: bool) -> int:
        """Return 3 if only the data is wrong, 2 with any other error, with `strict` also with any warning; else 0."""
        if self.errors:
            return DataError.exit_code if all(each.id == DATA for each in self.errors) else ConfigError.exit_code
        return ConfigError.exit_code if strict and self.warnings else 0

    def error(self) -> DlrunError:
        """Return all errors as the exception that training would raise."""
        if self.exit_code(strict=False) == DataError.exit_code:
            return DataError("\n".join(each.message for each in self.errors))
        return ConfigError(
            Problem(each.key, each.message + self._where(each) + _fix(each), each.id, each.fix) for each in self.errors
        )

    def warning_lines(self) -> Iterator[str]:
        """Yield each warning: its key and id, the message, and the fix."""
        for each in self.warnings:
            yield f"warning  {printable(each.key)}  [{each.id}]"
            yield f"      {each.message}{self._where(each)}"
            if each.fix is not None:
                yield f"      fix: {each.fix}"

    def summary(self) -> str:
        """Return the last line: how many warnings, or that nothing was found."""
        many = len(self.warnings)
        if many:
            return f"{plural(many, 'warning')}; a run would start." + (
                "" if self.num_points == 1 else f" {count(self.num_points)} points checked."
            )
        if self.num_points == 1:
            return "Nothing is wrong."
        return f"Nothing is wrong with any of {count(self.num_points)} points."

    def _where(self, finding: Finding) -> str:
        """Return how many points have a finding, and which is the first."""
        labels = self.points[finding]
        if self.num_points == 1 or len(labels) == self.num_points:
            return ""
        if len(labels) == 1:
            return f" At the point {labels[0]}."
        return f" At {count(len(labels))} of {count(self.num_points)} points, the first is {labels[0]}."


def _fix(finding: Finding) -> str:
    """Return a line with the fix of an error, unless its message has it."""
    return "" if finding.fix is None or finding.fix in finding.message else f"\n      fix: {finding.fix}"
