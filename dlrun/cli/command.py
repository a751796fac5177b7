"""The parser: from the words of a command line to one verb with its words, its overrides and its flags."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from dlrun.cli import flags, verbs
from dlrun.cli.flags import Flag
from dlrun.cli.verb import HINTS, Verb, Word
from dlrun.configuration.schema.other_names import hint_of_path
from dlrun.errors import ConfigError, Problem, did_you_mean, nearest
from dlrun.wording import plural, printable

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Command:
    """A command line, parsed and checked."""

    verb: Verb
    words: Sequence[str] = ()  # as many as the verb's record allows
    overrides: Sequence[str] = ()  # KEY=VALUE words, not yet parsed
    given: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # flag's name -> its values, read

    def has(self, flag: Flag[Any]) -> bool:
        """Whether a flag was given."""
        return flag.name in self.given

    def value(self, flag: Flag[T]) -> T | None:
        """The last value given for a flag; None without the flag."""
        return self.given[flag.name][-1] if flag.name in self.given else None

    def values(self, flag: Flag[T]) -> list[T]:
        """Every value given for a flag that may be repeated."""
        return list(self.given.get(flag.name, ()))


class TypedFlag(NamedTuple):
    """A flag as typed; one that does not exist has no record."""

    spelling: str
    value: str | None
    typed: str
    flag: Flag[Any] | None

    def __str__(self) -> str:
        return printable(self.typed)


class Tokens(NamedTuple):
    """The words of a command line, sorted without knowing the verb, which may come last."""

    plain: list[str]
    flags: list[TypedFlag]


def tokenize(argv: Sequence[str]) -> Tokens:
    """Sort words into flags with their values, and the rest."""
    tokens, rest = Tokens([], []), list(argv)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            tokens.plain.append(word)
            continue
        spelling, equals, text = word.partition("=")
        flag, value = flags.BY_SPELLING.get(spelling), text if equals else None
        takes_next = flag is not None and not equals and not flag.is_switch
        if flag is not None and takes_next and rest and (not flag.optional or rest[0] in flag.choices):
            value = rest.pop(0)
            word = f"{word} {value}"
        tokens.flags.append(TypedFlag(spelling, value, word, flag))
    return tokens


def parse(argv: Sequence[str]) -> Command:
    """Parse a command line. With `--help` it becomes `help VERB`; with `--version` nothing else matters.

    Raises ConfigError with everything wrong with its verb, flags and positional words; overrides are not looked at.
    """
    tokens = tokenize(argv)
    is_named = bool(tokens.plain) and "=" not in tokens.plain[0] and not tokens.plain[0].startswith("~")
    name, plain = (tokens.plain[0], tokens.plain[1:]) if is_named else ("train", tokens.plain)
    if name not in verbs.NAMES:
        if tokens.flags and tokens.flags[0].flag is None and argv[0].startswith("-"):  # --epochs 3: no verb called 3
            raise usage_error(*_read_flags(verbs.verb("train"), tokens.flags)[1])
        of_path = "" if nearest(name, verbs.NAMES) else hint_of_path(name, command="dlrun ")
        what = f"There is no such command. {of_path or did_you_mean(name, verbs.NAMES)}"
        raise usage_error(Problem(printable(name), what))
    if any(each.flag is flags.HELP for each in tokens.flags):
        return Command(verbs.verb("help"), [name] if is_named else [])
    verb = verbs.verb(name)
    if any(each.flag is flags.VERSION for each in tokens.flags):
        return Command(verb, given={flags.VERSION.name: [""]})
    given, problems = _read_flags(verb, tokens.flags)
    slots = [
        slot._replace(least=0) if slot.optional_with is not None and slot.optional_with.name in given else slot
        for slot in verb.words
        if slot.unless is None or slot.unless.name not in given
    ]
    words, overrides = _split(verb, slots, plain)
    problems += _wrong_words(verb, slots, words)
    if problems:
        raise usage_error(*problems)
    return Command(verb, words, overrides, given)


def usage_error(*problems: Problem) -> ConfigError:
    """The error for what is wrong with the command line itself."""
    return ConfigError(problems, title=f"{plural(len(problems), 'problem')} on the command line")


def _read_flags(verb: Verb, typed: Sequence[TypedFlag]) -> tuple[dict[str, list[Any]], list[Problem]]:
    """The values of all flags by the flag's name, and what is wrong with them."""
    given: dict[str, list[Any]] = {}
    problems = []
    for each in typed:
        if each.flag is None:
            hint = did_you_mean(each.spelling, names := [flag.name for flag in verb.flags])
            if verb.overrides and nearest(each.spelling, names) is None:
                hint = f"Settings are written without dashes, such as trainer.epochs=3. {hint}"
            what = f"`dlrun {verb.name}` has no flag {printable(each.spelling)}. {hint}"
            problems.append(Problem(str(each), what.rstrip()))
        elif each.flag not in verb.flags:
            problems.append(Problem(str(each), _foreign(verb, each.spelling, each.flag)))
        else:
            try:
                given.setdefault(each.flag.name, []).append(each.flag.parse(each.value))
            except ValueError as error:
                problems.append(Problem(str(each), str(error)))
    for each in typed:
        if each.flag in verb.flags and each.flag is not None:
            problems += _wrong_together(each.flag, each.spelling, given)
    return given, problems


def _foreign(verb: Verb, spelling: str, flag: Flag[Any]) -> str:
    """The message for a flag that only other verbs have."""
    others = [f"`dlrun {other.name}`" for other in verbs.every_verb() if flag in other.flags]
    owners = f"{others[0]} has it" if len(others) == 1 else f"{', '.join(others[:-1])} and {others[-1]} have it"
    own = ", ".join(own.name for own in verb.flags)
    return f"`dlrun {verb.name}` has no flag {spelling}; {owners}. Its flags: {own}."


def _wrong_together(flag: Flag[Any], spelling: str, given: Mapping[str, Any]) -> list[Problem]:
    """A flag without another that it needs, or with one that it excludes."""
    problems = []
    if flag.needs and not any(other.name in given for other in flag.needs):
        names = " or ".join(other.name for other in flag.needs)
        problems.append(Problem(spelling, f"It has a meaning only together with {names}."))
    problems += [
        Problem(spelling, f"It cannot be combined with {other.name}.") for other in flag.excludes if other.name in given
    ]
    return problems


def _split(verb: Verb, slots: Sequence[Word], plain: Sequence[str]) -> tuple[list[str], list[str]]:
    """Positional words and overrides. A name with "=" in it counts as a word where such a file or folder exists."""
    if not verb.overrides:
        return list(plain), []
    most = sum(slot.most for slot in slots)
    leading = itertools.takewhile(lambda word: "=" not in word or Path(word).expanduser().exists(), plain)
    words = [word for number, word in enumerate(leading) if number < most]
    return words, list(plain[len(words) :])


def _wrong_words(verb: Verb, slots: Sequence[Word], words: Sequence[str]) -> list[Problem]:
    """Too few or too many positional words."""
    least, most = sum(slot.least for slot in slots), sum(slot.most for slot in slots)
    if len(words) < least:
        hint = HINTS.get(slots[min(len(words), len(slots) - 1)].kind, "")
        return [Problem(verb.name, f"Expected {verb.takes}: {' or '.join(verb.usages)}.{hint}")]
    if len(words) <= most:
        return []
    extra = words[int(most) :]
    what = f"`dlrun {verb.name}` takes {verb.takes or 'no words'}"
    if verb.takes:
        what += " and no KEY=VALUE" if any("=" in word for word in extra) else " and nothing else"
    return [Problem(printable(" ".join(extra)), f"{what}: {' or '.join(verb.usages)}.")]
