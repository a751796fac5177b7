"""What belongs to one machine or one user and not to a recipe: folders, addresses, secrets, device, logging, saving."""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlrun.configuration.recipes.check import is_below
from dlrun.configuration.recipes.smallest import is_same
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.schema.fields import LocalPath, NetworkAddress, has_mark
from dlrun.configuration.schema.groups import GROUPS, Option, default_choices
from dlrun.configuration.schema.signature import MISSING

_KEEPS_PROMISE = (
    "dataset.root", "dataset.download", "dataset.mirrors", "dataset.baselines", "device", "logger", "checkpoint",
    "trainer.workers", "trainer.log_every", "recipe", "resume",
)  # fmt: skip
_DATA_FILES = ("dataset.path", "dataset.val", "dataset.test")
_LOCAL: Mapping[str, str] = {
    "device.threads": "it belongs to this machine; the lock has it",
    "device.compile": "it belongs to this machine; the lock has it",
    "device.graphs": "it belongs to this machine and changes no result",
    "trainer.max_time": "it belongs to this machine",
    "trainer.workers": "it belongs to this machine and changes no result",
    "trainer.log_every": "it changes no result",
    "dataset.root": "it is a folder of this machine",
    "dataset.download": "it belongs to this machine",
}
_SECRET = re.compile(r"(^|_)(token|password|passwd|secret|credentials?|api_?key|access_?key|private_?key)(_|$)", re.I)
_ELSEWHERE = re.compile(r"[/~].|[A-Za-z]:[\\/]|\\\\")


@dataclass(frozen=True)
class LeftOut:
    """A value that stays out of a recipe. value: what the run had, for composing the recipe here."""

    key: str
    why: str
    value: Any
    is_required: bool = False  # whether the receiver must set it

    def __str__(self) -> str:
        return f"{self.key}: {self.why}"


def keeps_promise(key: str, *, left_to_user: Collection[str] = ()) -> bool:
    """Return whether setting a key leaves a promise of the recipe as it is: where data lies, device, logging, saving.

    left_to_user: the files of data that the recipe leaves to its user, which may be set too.
    """
    parts = key.split(".")
    above = {".".join(parts[:count]) for count in range(1, len(parts) + 1)}
    return bool(above & set(_KEEPS_PROMISE)) or key in left_to_user


def data_files_left_to_user(values: Mapping[str, Any]) -> list[str]:
    """Return the keys of data files that a recipe with these values by dotted key leaves to its user."""
    return [key for key in _DATA_FILES if values.get(key, MISSING) == MISSING]


def without_own(
    tree: Mapping[str, Any], catalog: Catalog, *, with_files: bool = True
) -> tuple[dict[str, Any], list[LeftOut]]:
    """Return a whole tree with defaults instead of what belongs to this machine or user, and what that was.

    A value that the recipe cannot do without, such as the data's file, becomes one that the receiver must set.
    with_files: whether a file below the current folder may be named, since it is passed on beside the recipe.
    """
    public = copy.deepcopy(dict(tree))
    left: list[LeftOut] = []
    for group in ("logger", "checkpoint"):
        option = catalog.option(group, default_choices()[group])
        if not is_same(public[group], option.defaults()):
            left.append(LeftOut(group, "it changes no result", public[group]["name"]))
        public[group] = option.defaults()
    if public["device"]["name"] != default_choices()["device"]:
        why = "it belongs to this machine; the lock has the one that was used"
        left.append(LeftOut("device", why, public["device"]["name"]))
        public["device"]["name"] = default_choices()["device"]
    for group in GROUPS:
        if group not in ("logger", "checkpoint"):
            left += _clear(public[group], catalog.option(group, public[group]["name"]), with_files=with_files)
    return public, left


def _clear(node: dict[str, Any], option: Option, *, with_files: bool) -> list[LeftOut]:
    """Replace the values of one group's node that stay out; return them."""
    left = []
    for key, entry in option.fields.items():
        value, where = node[key], f"{option.group}.{key}"
        if is_same(value, entry.default):
            continue
        if where in _LOCAL or has_mark(entry.kind, NetworkAddress):
            left.append(LeftOut(where, _LOCAL.get(where, "a recipe contains no addresses"), value))
            node[key] = entry.default
            continue
        is_path = has_mark(entry.kind, LocalPath)
        why = _reason(key, value, is_path=is_path)
        if why is None and is_path and not with_files and not str(value).startswith("example:"):
            why = "the data is not passed on"
        if why is not None:
            left.append(LeftOut(where, f"{why}; who gets the recipe sets it: {where}=...", value, is_required=True))
            node[key] = MISSING
    return left


def _reason(key: str, value: Any, *, is_path: bool) -> str | None:
    """Return why a value must not be passed on; None if it may be."""
    if _SECRET.search(key):
        return "it looks like a secret"
    if is_path and isinstance(value, str) and not is_below(value):
        return "the file is outside the current folder, or its path is absolute"
    if not is_path and any(map(names_a_place, _texts(value))):
        return "it contains an absolute path or an address"
    return None


def names_a_place(text: str) -> bool:
    """Return whether a text is an absolute path, or contains an address or the user's home folder."""
    home = str(Path.home())
    return bool(_ELSEWHERE.match(text)) or "://" in text or (len(home) > 1 and home in text)


def _texts(value: Any) -> list[str]:
    """Return every text in a plain value, names in mappings too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for key, each in value.items() for text in (str(key), *_texts(each))]
    return [text for each in value for text in _texts(each)] if isinstance(value, list) else []
