"""Every error that dlrun tells its user, as one tree; the class decides the exit code.

DlrunError
├── ConfigError        2  the command or the configuration is wrong
├── DataError          3  the data is wrong or missing
├── DivergedError      4  the training diverged
├── StorageError       5  a checkpoint or the disk failed
├── PromiseError       6  `verify` found a result outside what was promised
└── Interrupted  130/143  stopped by a signal, after saving
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class DlrunError(Exception):
    """The root; its text is what the user reads, without a traceback."""

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where it stands, as the user wrote it, and what to do about it."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}\n      {self.message}"


class ConfigError(DlrunError):
    """The command or the configuration is wrong; holds every problem found, not only the first."""

    exit_code = 2

    def __init__(self, problems: Problem | Iterable[Problem] | str, *, title: str = "") -> None:
        if isinstance(problems, Problem):
            problems = [problems]
        if isinstance(problems, str):
            self.problems: list[Problem] = []
            super().__init__(problems)
            return
        self.problems = list(dict.fromkeys(problems))  # the same mistake at many sweep points is one mistake
        count = len(self.problems)
        title = title or ("1 problem in the configuration" if count == 1 else f"{count} problems in the configuration")
        super().__init__("\n".join([f"{title}:", *(f"  {problem}" for problem in self.problems)]))


class DataError(DlrunError):
    """The data is wrong or missing; the text names the file and, where there is one, the row."""

    exit_code = 3


class DivergedError(DlrunError):
    """A loss or a gradient is no longer finite; the text names the step."""

    exit_code = 4


class StorageError(DlrunError):
    """A checkpoint or the disk failed; the text names the file."""

    exit_code = 5


class PromiseError(DlrunError):
    """A recipe's measured result lies outside the range it promises."""

    exit_code = 6


class Interrupted(DlrunError):  # noqa: N818 - it is an outcome more than an error
    """The run was stopped by a signal and saved its state; `exit_code` is 128 + the signal's number."""

    def __init__(self, signal_number: int, message: str) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, whatever its case, or None when none is alike."""
    candidates = list(known)
    if name in candidates:
        return name
    by_case = {candidate.lower(): candidate for candidate in candidates}
    if name.lower() in by_case:
        return by_case[name.lower()]
    name = name.lower()[:100]  # a longer one is no slip of the finger, and comparing it would take long
    starts = [candidate for candidate in by_case if len(name) > 1 and candidate.startswith(name)]
    found = difflib.get_close_matches(name, by_case, n=1, cutoff=0.6)
    if found:
        return by_case[found[0]]
    return by_case[min(starts, key=len)] if starts else None


def did_you_mean(name: str, known: Iterable[str], *, prefix: str = "") -> str:
    """A sentence offering the nearest name, or the choices when none is near and they are few."""
    candidates = sorted(known)
    found = nearest(name, candidates)
    if found is not None:
        return f'Did you mean "{prefix}{found}"?'
    if candidates and len(candidates) <= 24:
        return "Choose from: " + ", ".join(prefix + candidate for candidate in candidates) + "."
    return ""
