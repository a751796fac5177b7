"""Recipes by name: dlrun's own, and those in the folders that the user's `DLRUN_RECIPES` lists."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dlrun.configuration.schema.groups import resource_dir
from dlrun.wording import printable

VARIABLE = "DLRUN_RECIPES"


@dataclass(frozen=True)
class Named:
    """A recipe that can be chosen by its name."""

    name: str
    path: Path
    is_own: bool  # of dlrun


def user_folders() -> list[Path]:
    """Return the folders of `DLRUN_RECIPES`, in its order; several are separated as in `PATH`."""
    parts = os.environ.get(VARIABLE, "").split(os.pathsep)
    return list(dict.fromkeys(Path(os.path.expanduser(part)) for part in parts if part))


def missing_folders() -> list[Path]:
    """Return the folders of `DLRUN_RECIPES` that cannot be listed."""
    return [folder for folder in user_folders() if _files(folder) is None]


def named_recipes() -> list[Named]:
    """Return every recipe that has a name: dlrun's own first, then each folder's, in the order of `DLRUN_RECIPES`.

    Of several with one name the first is meant. Files are only listed, not read.
    """
    own = [Named(path.stem, path, is_own=True) for path in _files(resource_dir("recipes"), links=True) or ()]
    others = [Named(path.stem, path, is_own=False) for folder in user_folders() for path in _files(folder) or ()]
    return [*own, *others]


def recipe_names() -> list[str]:
    """Return the names that `recipe=NAME` takes, sorted."""
    return sorted({each.name for each in named_recipes()})


def _files(folder: Path, *, links: bool = False) -> list[Path] | None:
    """Return the YAML files of a folder, by name; None if it cannot be listed.

    Without hidden ones and those whose name would write control characters to a terminal.

    links: whether a link counts; installers may link dlrun's own files.
    """
    try:
        with os.scandir(folder) as entries:
            names = [
                each.name
                for each in entries
                if each.name.endswith(".yaml") and not each.name.startswith(".") and each.name.isprintable()
                if each.is_file(follow_symlinks=links)
            ]
    except (OSError, ValueError):  # ValueError: a name with a NUL
        return None
    return [folder / name for name in sorted(names)]


def hidden_notice(found: list[Named]) -> tuple[str, ...]:
    """Return a notice if several recipes have one name, of which the first is used."""
    if len(found) < 2:
        return ()
    first, *others = found
    used = "dlrun's own is used" if first.is_own else f"{_shown(first.path)} is used"
    paths = " or ".join(f"recipe={_shown(each.path)}" for each in others)
    return (f"{len(found)} recipes are called {printable(first.name)}: {used}; for another, write {paths}.",)


def _shown(path: Path) -> str:
    text = printable(str(path), limit=400)
    return text if os.sep in text else f"./{text}"
