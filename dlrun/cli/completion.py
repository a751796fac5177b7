"""Shell completion: answers Hydra's `-sc query=SHELL` in a tenth of the time that composing would take."""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping, Sequence

from dlrun.cli.command import VERBS
from dlrun.configuration.schema.groups import GROUPS, TOP_LEVEL, builtin_names
from dlrun.configuration.schema.signature import Field

_FLAGS = ("--multirun", "--plugin", "--config-dir", "--quiet", "--profile", "--debug", "--json", "--help", "--version")
_TAKE_RECIPES = ("cat", "cp")
_TAKE_FOLDERS = ("resume", "eval", "runs", "compare")


def complete(line: str) -> list[str]:
    """Whole words that the last word of a command line may become; none where the shell's own file names fit."""
    words = line.split()[1:]
    word = "" if not words or line.endswith(" ") else words.pop()
    return sorted(choice for choice in _choices(words, word) if choice.startswith(word))


def _choices(words: Sequence[str], word: str) -> Iterable[str]:
    verb = next((each for each in words if each in VERBS), None)
    if word.startswith("-"):
        return _FLAGS
    if verb == "ls":
        return [*GROUPS, "recipe"]
    if verb in _TAKE_RECIPES:
        return _recipes() if words[-1] == verb else []
    if verb in _TAKE_FOLDERS and (words[-1] == verb or verb in ("runs", "compare")):
        return []
    key, equals, _ = word.partition("=")
    if equals:
        return [f"{key}={value}" for value in _values(words, key)]
    group, dot, _ = word.partition(".")
    if dot and group in GROUPS:
        return [f"{group}.{name}=" for name in _fields(words, group)]
    keys = [f"{name}=" for name in (*GROUPS, *TOP_LEVEL, "recipe")]
    inside = [f"{name}." for name in GROUPS]
    return [*keys, *inside, *(VERBS if not words else ())]


def _recipes() -> list[str]:
    from dlrun.configuration.recipe import recipe_names

    return recipe_names()


def _values(words: Sequence[str], key: str) -> Sequence[str]:
    if key in GROUPS:
        return builtin_names(key)
    if key == "recipe":
        return _recipes()
    group, _, name = key.partition(".")
    if group in GROUPS and name in (fields := _fields(words, group)):
        return _named(fields[name].kind)
    return _named(TOP_LEVEL.get(key))


def _named(kind: typing.Any) -> list[str]:
    """The values of a type that can be listed."""
    if kind is bool:
        return ["true", "false"]
    if typing.get_origin(kind) is typing.Literal:
        return [str(choice) for choice in typing.get_args(kind)]
    return [name for part in typing.get_args(kind) for name in _named(part)]


def _fields(words: Sequence[str], group: str) -> Mapping[str, Field]:
    """The fields of the option chosen on this line, or of the one that is chosen otherwise."""
    from dlrun.configuration.schema.groups import builtin_option, default_choices

    chosen = {key: value for key, _, value in (word.partition("=") for word in words)}
    name = chosen.get(group, default_choices()[group])
    return builtin_option(group, name).fields if name in builtin_names(group) else {}
