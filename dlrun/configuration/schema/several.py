"""Several options of a group at once: `logger=[tensorboard,mlflow]` chooses one option that combines them.

Its name is the list as text, so that a choice is a text everywhere; its node has the list as `name`, and a mapping of
fields for each option of the list: `logger.mlflow.experiment`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from dlrun.configuration.schema.groups import GROUPS, Option
from dlrun.configuration.schema.signature import MISSING, Field
from dlrun.errors import ConfigError, Problem, did_you_mean, nearest
from dlrun.wording import printable


def as_choice(group: str, value: Any) -> Any:
    """Return the text of a list of options where the group takes several; any other value as it is."""
    if GROUPS[group].several and isinstance(value, list) and all(isinstance(name, str) for name in value):
        return f"[{','.join(value)}]"
    return value


def names_in(choice: str) -> list[str] | None:
    """Return the options in the text of a list; None if it is the name of one."""
    if not (choice.startswith("[") and choice.endswith("]")):
        return None
    return [name.strip() for name in choice[1:-1].split(",") if name.strip()]


def name_in_hydra(choice: str) -> str:
    """Return the name by which Hydra composes a choice: to Hydra, a list would be several nodes merged into one."""
    names = names_in(choice)
    return choice if names is None else "+".join(("list", *names))


def combine(group: str, members: Sequence[Option]) -> Option:
    """Return the option that combines others: each of them is a field, with the fields that it has."""
    names = [member.name for member in members]
    return Option(
        group,
        f"[{','.join(names)}]",
        f"{' and '.join(names)} together",
        {member.name: _as_field(member) for member in members if member.fields},
        source=None,
        arguments=(),
        conf=None,
        origin=next((member.origin for member in members if member.origin != "dlrun"), "dlrun"),
        is_preset=any(member.is_preset for member in members),
        members=tuple(members),
    )


def read_list(group: str, choice: str, *, known: Sequence[str], one: Callable[[str], Option]) -> Option:
    """Return the option that combines those in the text of a list. one: returns an option by its name.

    Raises ConfigError with everything wrong with the list.
    """
    names = names_in(choice) or []
    shown = f"{group}={printable(choice)}"
    unknown = [name for name in names if name not in known]
    if unknown:
        meant = [nearest(name, known) for name in names]
        fix = None if None in meant else f"{group}=[{','.join(map(str, meant))}]"
        what = [f'Unknown {group} "{printable(name)}". {did_you_mean(name, known)}' for name in unknown]
        raise ConfigError([Problem(shown, each, "unknown-option", fix) for each in dict.fromkeys(what)])
    members = [one(name) for name in names]
    wrong = _wrong_together(group, names) or _wrong_together(group, [member.name for member in members])
    if wrong is not None:  # the second: two presets of one option
        raise ConfigError(Problem(shown, wrong[0], "wrong-value", wrong[1]))
    return combine(group, members)


def _wrong_together(group: str, names: Sequence[str]) -> tuple[str, str] | None:
    """Return what is wrong with a list of options that exist, and the override that mends it."""
    if not names:
        return f"The list is empty. For none, write {group}=none.", f"{group}=none"
    meant = list(dict.fromkeys(name for name in names if name != "none"))
    fix = f"{group}=[{','.join(meant)}]" if meant else f"{group}=none"
    if "none" in names:
        return f'"none" cannot be one of several: write {fix}.', fix
    if len(meant) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        return f'"{twice}" is in the list twice: write {fix}.', fix
    return None


def _as_field(member: Option) -> Field:
    kind = dataclasses.make_dataclass(member.name, [(field.name, field.kind) for field in member.fields.values()])
    defaults = {field.name: field.default for field in member.fields.values()}
    comments = {field.name: field.comment for field in member.fields.values()}
    return Field(member.name, kind, defaults, member.summary, inner_comments=comments)


def required_in(option: Option) -> list[str]:
    """Return the fields of an option, dotted within those that combine others, that have no default."""
    inner = [f"{member.name}.{name}" for member in option.members for name in required_in(member)]
    return [name for name, field in option.fields.items() if field.default == MISSING] + inner
