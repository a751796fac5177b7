"""Bad rows of a dataset: stop at the first, or skip, count and list them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from dlrun.errors import DataError
from dlrun.wording import plural, printable

HOW_TO_SKIP = "Fix the row, or skip bad rows with dataset.on_bad_row=skip."
HOW_TO_SKIP_FILES = "Mend or remove it, or skip bad files with dataset.on_bad_row=skip."
_SHOWN = 20  # skipped rows that a notice lists


@dataclass
class BadRows:
    """Rows that cannot be used.

    skip: count and list them; otherwise the first one raises. where: the file that they are all from, with a colon.
    max_listed: list this many at most, None lists all. cure: what to do about the first one.
    """

    skip: bool
    where: str = ""
    max_listed: int | None = _SHOWN
    cure: str = HOW_TO_SKIP
    listed: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, text: str) -> None:
        """Skip a row that is bad for the reason in `text`.

        Raises DataError unless bad rows are skipped.
        """
        if not self.skip:
            raise DataError(f"{self.where}{text} {self.cure}")
        self.count += 1
        if self.max_listed is None or len(self.listed) < self.max_listed:
            self.listed.append(text)

    def notices(self) -> list[str]:
        """Return how many rows were skipped and why, as one notice; none if there was no bad row."""
        if not self.count:
            return []
        shown = self.listed[:_SHOWN]
        more = [f"and {self.count - len(shown):,} more"] if self.count > len(shown) else []
        head = f"{self.where}{plural(self.count, 'bad row')} skipped (dataset.on_bad_row=skip):"
        return ["\n  ".join([head, *shown, *more])]


def cure_of_duplicates(names: Sequence[str]) -> str:
    """Return what to do about a heading that has a name twice; one of numbers alone is likely a row."""
    hint = hint_of_numbers(names)
    if hint.startswith("all"):
        return hint
    return f"rename one of them.{hint and f' In the first line, {hint}'}"


def hint_of_numbers(names: Sequence[str]) -> str:
    """Return what to do about a heading with numbers, which is likely a row; "" of one without."""
    numbers = [name for name in names if re.fullmatch(r"\s*[-+]?[\d.]+([eE][-+]?\d+)?\s*", name)]
    if not numbers:
        return ""
    found = "all names are numbers" if len(numbers) == len(names) else f'"{printable(numbers[0])}" is a number'
    return f"{found}: if the file has no heading, put a line of names first."
