"""The files that a configuration names: told to be missing before anything slow is imported or written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dlrun.configuration.plan import Plan
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import LocalPath, has_mark
from dlrun.configuration.schema.groups import GROUPS, Option
from dlrun.configuration.schema.signature import MISSING
from dlrun.errors import DataError, nearest
from dlrun.wording import printable

_EXAMPLE = "example:"


def check_plans(plans: Iterable[Plan], catalog: Catalog) -> None:
    """Raise DataError for every file or folder that one of the plans names and that does not exist.

    Nothing is composed. What a file must be, and whether it can be read, is checked by the dataset that reads it.
    """
    named: dict[tuple[str, str], None] = {}
    known: dict[tuple[tuple[str, str], ...], list[Option]] = {}  # those with such fields, by what a plan chooses
    for plan in plans:
        values = {key: value.value for key, value in plan.values().items()}
        choices = tuple(plan.choices_with_defaults(catalog).items())
        if choices not in known:
            options = [catalog.option(group, choice) for group, choice in choices]
            known[choices] = [option for option in options if _names_files(option)]
        for option in known[choices]:
            named.update(dict.fromkeys(_named(option, values)))
    _check(named)


def check_tree(tree: Mapping[str, Any], catalog: Catalog) -> None:
    """Raise the same for a composed configuration."""
    values = {f"{group}.{key}": value for group in GROUPS for key, value in tree[group].items()}
    _check(each for group in GROUPS for each in _named(catalog.option(group, tree[group]["name"]), values))


def _names_files(option: Option) -> bool:
    """Whether any field of an option names a file or folder of the user."""
    return any(has_mark(field.kind, LocalPath) for field in option.fields.values())


def _named(option: Option, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield key and value of each field of an option that names a file or folder of the user."""
    for name, field in option.fields.items():
        if has_mark(field.kind, LocalPath):
            value = values.get(f"{option.group}.{name}", field.default)
            if isinstance(value, str) and value != MISSING and "${" not in value and not value.startswith(_EXAMPLE):
                yield f"{option.group}.{name}", value


def _check(named: Iterable[tuple[str, str]]) -> None:
    missing = [(key, name) for key, name in named if _is_missing(name)]
    if missing:
        lines = [
            f"{key}={printable(name, limit=500)}: there is no such file or folder.{_near(name)}"
            for key, name in missing
        ]
        raise DataError("\n".join(lines))


def _is_missing(name: str) -> bool:
    try:
        Path(name).expanduser().stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError, RuntimeError):  # it cannot be looked at; the dataset says why
        return False
    return False


def _near(name: str) -> str:
    """Suggest a file or folder beside the missing one with a similar name."""
    path = Path(name).expanduser()
    try:
        others = [other.name for other in path.parent.iterdir() if not other.name.startswith(".")]
    except OSError:
        return ""
    near = nearest(path.name, others)
    return f' Did you mean "{near}"?' if near is not None else ""
