"""What a verb is: one record, from which the parser, help, completion and the documentation are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from dlrun.cli.flags import EVERYWHERE, Flag

Kind = Literal["run", "file", "folder", "recipe", "group", "verb"]
"""What a positional word names; it decides how the word is completed."""

HINTS = {
    "run": " `dlrun runs` lists runs.",
    "recipe": " `dlrun ls recipe` lists recipes.",
}
"""Where to find a word of a kind."""


class Word(NamedTuple):
    """A positional word of a verb, or several of one kind."""

    metavar: str  # as the usage shows it: RUN_DIR
    kind: Kind
    meaning: str  # a noun phrase for errors and help: "a run's folder"
    least: int = 1
    most: float = 1  # infinite: any number
    unless: Flag[Any] | None = None  # with this flag, the verb does not take the word
    optional_with: Flag[Any] | None = None  # with this flag, the word may be left out


class Example(NamedTuple):
    """A command line that works, and what it does. A test runs each."""

    line: str
    meaning: str
    exit_code: int = 0


@dataclass(frozen=True, eq=False)
class Verb:
    """A command of dlrun. Its module `dlrun.cli.verbs.NAME` holds the record as `VERB` and the function `run`."""

    name: str
    usage: str  # what follows the name, one line for each form
    summary: str  # one line
    examples: tuple[Example, ...]
    words: tuple[Word, ...] = ()
    overrides: bool = False  # whether KEY=VALUE may follow the positional words
    own_flags: tuple[Flag[Any], ...] = ()
    details: str = ""  # further sentences of its help page
    exit_codes: tuple[int, ...] = (0, 2)
    is_default: bool = False  # whether the command line may omit its name

    @property
    def flags(self) -> tuple[Flag[Any], ...]:
        """Every flag it accepts."""
        return (*self.own_flags, *EVERYWHERE)

    @property
    def usages(self) -> list[str]:
        """Whole command lines, one for each form."""
        name = f"[{self.name}]" if self.is_default else self.name
        return [f"dlrun {name} {form}".rstrip() for form in self.usage.split("\n")]

    @property
    def takes(self) -> str:
        """Its positional words as a noun phrase; empty where it takes none."""
        return " and ".join(word.meaning for word in self.words)
