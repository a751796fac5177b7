"""The files that a configuration names: told to be missing before anything slow is imported or written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import LocalPath, has_mark
from dlrun.configuration.schema.groups import GROUPS
from dlrun.errors import DataError, nearest
from dlrun.wording import printable

_EXAMPLE = "example:"


def check_named_files(tree: Mapping[str, Any], catalog: Catalog) -> None:
    """Raise DataError for every file or folder in a composed configuration that does not exist.

    What one must be, and whether it can be read, is checked by the dataset that reads it.
    """
    missing = [f"{key}={printable(name, limit=500)}" for key, name in _named(tree, catalog) if _is_missing(name)]
    if missing:
        raise DataError("\n".join(f"{each}: there is no such file or folder.{_near(each)}" for each in missing))


def _named(tree: Mapping[str, Any], catalog: Catalog) -> Iterator[tuple[str, str]]:
    """Yield key and value of each field that names a file or folder of the user."""
    for group in GROUPS:
        node = tree[group]
        for name, field in catalog.option(group, node["name"]).fields.items():
            value = node.get(name)
            if has_mark(field.kind, LocalPath) and isinstance(value, str) and not value.startswith(_EXAMPLE):
                yield f"{group}.{name}", value


def _is_missing(name: str) -> bool:
    try:
        Path(name).expanduser().stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError, RuntimeError):  # it cannot be looked at; the dataset says why
        return False
    return False


def _near(named: str) -> str:
    """Suggest a file or folder beside the missing one with a similar name."""
    path = Path(named.partition("=")[2]).expanduser()
    try:
        others = [other.name for other in path.parent.iterdir() if not other.name.startswith(".")]
    except OSError:
        return ""
    near = nearest(path.name, others)
    return f' Did you mean "{near}"?' if near is not None else ""
