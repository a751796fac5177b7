"""Shell completion: answers Hydra's `-sc query=SHELL` in a tenth of the time that composing would take."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dlrun.cli import flags, verbs
from dlrun.cli.command import tokenize
from dlrun.cli.verb import Word

if TYPE_CHECKING:
    from dlrun.configuration.schema.signature import Field


def complete(line: str) -> list[str]:
    """Return the whole words that the last word of a command line may become.

    None where the shell's own completion of file names fits.
    """
    words = line.split()[1:]
    word = "" if not words or line.endswith(" ") else words.pop()
    return sorted({choice for choice in _choices(words, word) if choice.startswith(word)})


def _choices(words: Sequence[str], word: str) -> Iterable[str]:
    tokens = tokenize(words)
    plain = tokens.plain
    name = plain.pop(0) if plain and plain[0] in verbs.NAMES else None
    verb = verbs.verb(name or "train")
    last = tokens.flags[-1] if tokens.flags else None
    waiting = last.flag if last is not None and last.value is None and words[-1] == last.spelling else None
    values: Iterable[str] = ()
    if waiting is not None and not waiting.is_switch:
        values = _flag_values(waiting, plain, word)
        if not waiting.optional:
            return values
    if word.startswith("-"):
        flag = flags.BY_SPELLING.get(word.partition("=")[0])
        if flag is not None and "=" in word:
            return [f"{flag.name}={value}" for value in flag.choices]
        return [flag.name for flag in verb.flags]
    slots = [slot for slot in verb.words if slot.unless not in [typed.flag for typed in tokens.flags]]
    slot = _slot(slots, plain)
    if slot is not None:
        return [*values, *_words(slot)]
    first = verbs.NAMES if name is None and not plain else ()
    sweeps = any(typed.flag is flags.MULTIRUN for typed in tokens.flags)
    of_sweep = _sweep_settings(word) if sweeps else ()
    return [*values, *first, *((*_overrides(plain, word), *of_sweep) if verb.overrides else ())]


def _slot(slots: Sequence[Word], plain: Sequence[str]) -> Word | None:
    """The positional word that comes next; None where all are there."""
    count = len(plain)
    for slot in slots:
        if count < slot.most:
            return slot
        count -= int(slot.most)
    return None


def _words(slot: Word) -> Iterable[str]:
    if slot.kind == "verb":
        return verbs.NAMES
    if slot.kind == "recipe":
        return _recipes()
    if slot.kind == "group":
        from dlrun.configuration.schema.groups import GROUPS

        return [*GROUPS, "recipe", "launch", "search"]
    return []


def _flag_values(flag: flags.Flag[Any], plain: Sequence[str], word: str) -> Iterable[str]:
    """The values of a flag that can be listed."""
    return [each.rstrip("=") for each in _overrides(plain, word)] if flag is flags.WHY else flag.choices


def _overrides(plain: Sequence[str], word: str) -> list[str]:
    """Keys, or after `=` values."""
    from dlrun.configuration.schema.groups import GROUPS, TOP_LEVEL

    key, equals, begun = word.partition("=")
    if equals:
        return [f"{key}={value}" for value in (*_values(plain, key), *_lists(key, begun))]
    group, dot, _ = word.partition(".")
    if dot and group in GROUPS:
        return [f"{group}.{name}=" for name in _names(_fields(plain, group))]
    return [*(f"{name}=" for name in (*GROUPS, *TOP_LEVEL, "recipe")), *(f"{name}." for name in GROUPS)]


def _sweep_settings(word: str) -> list[str]:
    """Keys of how a sweep's points are run and chosen, or after `=` their values; with -m only."""
    from dlrun.configuration.sweeps.settings import SWEEP_GROUPS, kinds_of

    key, equals, _ = word.partition("=")
    group, dot, name = key.partition(".")
    if not (equals or dot):
        return [*(f"{each}." for each in SWEEP_GROUPS), "search="]
    kinds = kinds_of(group) if group in SWEEP_GROUPS else {}
    if equals:
        kind = kinds.get(name or ("name" if group == "search" else ""))
        return [f"{key}={value}" for value in _literals(kind)]
    return [f"{group}.{each}=" for each in kinds if each != "name"]


def _recipes() -> list[str]:
    from dlrun.configuration.recipes.sources.folders import recipe_names

    return recipe_names()


def _values(plain: Sequence[str], key: str) -> Sequence[str]:
    """The values of a key that can be listed."""
    from dlrun.configuration.schema.groups import GROUPS, TOP_LEVEL, builtin_names

    if key in GROUPS:
        return builtin_names(key)
    if key == "recipe":
        return _recipes()
    group, _, name = key.partition(".")
    if group in GROUPS:
        fields = _fields(plain, group)
        outer, _, inner = name.partition(".")
        if inner and outer in fields and dataclasses.is_dataclass(fields[outer].kind):
            return _literals(typing.get_type_hints(fields[outer].kind, include_extras=True).get(inner))
        return _literals(fields[name].kind) if name in fields else []
    return _literals(TOP_LEVEL.get(key))


def _lists(key: str, begun: str) -> list[str]:
    """The lists that one more option makes of the one that is begun, where a group takes several."""
    from dlrun.configuration.schema.groups import GROUPS, builtin_names

    if key not in GROUPS or not GROUPS[key].several or not begun.startswith("["):
        return []
    *before, _ = begun[1:].split(",")
    return [f"[{','.join((*before, name))}" for name in builtin_names(key) if name not in (*before, "none")]


def _literals(kind: Any) -> list[str]:
    """The values of a type that can be listed."""
    if kind is bool:
        return ["true", "false"]
    if typing.get_origin(kind) is typing.Literal:
        return [str(choice) for choice in typing.get_args(kind)]
    return [name for part in typing.get_args(kind) for name in _literals(part)]


def _fields(plain: Sequence[str], group: str) -> Mapping[str, Field]:
    """The fields of the option that the command line chooses, or else of the default option."""
    from dlrun.configuration.schema.groups import builtin_names, builtin_option, default_choices
    from dlrun.configuration.schema.several import combine, names_in

    chosen = {key: value for key, _, value in (word.partition("=") for word in plain)}
    name = chosen.get(group, default_choices()[group])
    known = builtin_names(group)
    several = [each for each in names_in(name) or [] if each in known]
    if several:
        return combine(group, [builtin_option(group, each) for each in several]).fields
    return builtin_option(group, name).fields if name in known else {}


def _names(fields: Mapping[str, Field]) -> Iterable[str]:
    """The fields, and those within the fields that have some."""
    for name, field in fields.items():
        inner = dataclasses.fields(field.kind) if dataclasses.is_dataclass(field.kind) else ()
        yield from (f"{name}.{each.name}" for each in inner) if inner else (name,)
