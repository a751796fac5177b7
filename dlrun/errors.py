"""All errors that dlrun reports to the user, as one tree; the class determines the exit code.

DlrunError
├── ConfigError        2  the command or the configuration is wrong
├── DataError          3  the data is wrong or missing
├── DivergedError      4  the training diverged
├── StorageError       5  a checkpoint or the disk failed
├── PromiseError       6  a result or an exported file is not what was promised
├── PeerLostError      7  another process of the same run ended
└── Interrupted  130/143  a signal stopped the run, after saving
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field


class DlrunError(Exception):
    """The root; the user reads its text without a traceback."""

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """One mistake: where it is, as the user wrote it, and what to do about it.

    id: a stable name of the kind of mistake, for `dlrun check --json`. fix: an override that mends it, if one is known;
    in a recipe, what it should say. line: of the recipe's file, from 1 up, if that is where it is. Problems that tell
    the user the same are equal.
    """

    where: str
    message: str
    id: str = field(default="configuration", compare=False)
    fix: str | None = field(default=None, compare=False)
    line: int | None = field(default=None, compare=False)

    def __str__(self) -> str:
        where = self.where if self.line is None else f"line {self.line}: {self.where}"
        return f"{where}\n      {self.message}"


class ConfigError(DlrunError):
    """The command or the configuration is wrong; contains every problem found, not only the first.

    id: the kind of mistake, as that of a problem, if the error is a text without problems.
    """

    exit_code = 2

    def __init__(
        self, problems: Problem | Iterable[Problem] | str, *, title: str = "", id: str = "configuration"
    ) -> None:
        self.id = id
        if isinstance(problems, Problem):
            problems = [problems]
        if isinstance(problems, str):
            self.problems: list[Problem] = []
            super().__init__(problems)
            return
        self.problems = list(dict.fromkeys(problems))  # many points of a sweep may have the same
        count = len(self.problems)
        title = title or ("1 problem in the configuration" if count == 1 else f"{count} problems in the configuration")
        super().__init__("\n".join([f"{title}:", *(f"  {problem}" for problem in self.problems)]))


class DataError(DlrunError):
    """The data is wrong or missing; the text names the file and, if known, the row."""

    exit_code = 3


class DivergedError(DlrunError):
    """A loss or a gradient is no longer finite; the text names the step."""

    exit_code = 4


class StorageError(DlrunError):
    """A checkpoint or the disk failed; the text names the file."""

    exit_code = 5


class PromiseError(DlrunError):
    """A measured result is outside the range that the recipe promises."""

    exit_code = 6


class PeerLostError(DlrunError):
    """Another process of the same run ended before this one could go on; what was saved is intact."""

    exit_code = 7


class Interrupted(DlrunError):  # noqa: N818 - more an outcome than an error
    """A signal stopped the run, after saving its state; `exit_code` is 128 + the signal's number."""

    def __init__(self, signal_number: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name nearest to `name`, ignoring case, or None if none is similar."""
    candidates = list(known)
    if name in candidates:
        return name
    by_case = {candidate.lower(): candidate for candidate in candidates}
    if name.lower() in by_case:
        return by_case[name.lower()]
    name = name.lower()[:100]  # a longer one is no typing error, and slow to compare
    starts = [candidate for candidate in by_case if len(name) > 1 and candidate.startswith(name)]
    found = difflib.get_close_matches(name, by_case, n=1, cutoff=0.6)
    if found:
        return by_case[found[0]]
    return by_case[min(starts, key=len)] if starts else None


def did_you_mean(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """Return a sentence with the nearest name, or else with the choices if they are few."""
    candidates = sorted(known)
    found = nearest(name, candidates)
    if found is not None:
        return f'Did you mean "{prefix}{found}"?'
    if candidates and len(candidates) <= 24:
        return "Choose from: " + ", ".join(prefix + candidate for candidate in candidates) + "."
    return ""
