"""Find the recipe that another extends: pinned by its hash, on this machine, and never fetched."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urljoin

from dlrun.configuration.recipes.sources import folders, git, store
from dlrun.configuration.recipes.sources.find import HASH, git_source, is_address, is_file
from dlrun.configuration.recipes.sources.source import Source, read_hash, read_source, shorten, split_pin
from dlrun.errors import ConfigError, Problem, did_you_mean
from dlrun.wording import printable

WHERE = "recipe.extends"


def find_parent(text: str, child: Source) -> Source:
    """Return the recipe that `recipe: {extends: text}` in `child` names.

    text: a name, or a file relative to the child's folder and below it, with `@sha256:HEX`; `sha256:HEX` alone is in
    the cache. A parent that is not where the child says may be in the cache, where its hash finds it.

    Raises ConfigError if it has no hash, has changed, is refused or is not on this machine.
    """
    name, pin = split_pin(text, WHERE)
    if name.startswith(HASH) and not is_file(name):
        name, pin = "", read_hash(name.removeprefix(HASH), WHERE)
    found = _candidates(name, child) if name else []
    if pin is None:
        raise ConfigError(Problem(WHERE, _unpinned(text, found)))
    for source in found:
        if source.sha256 == pin:
            return source
    if found:
        raise ConfigError(Problem(WHERE, _changed(name, found[0], pin)))
    content = store.find(pin)
    if content is None:
        raise ConfigError(Problem(WHERE, _missing(name, pin, child)))
    shown = f"{name}@{HASH}{pin}" if name else f"{HASH}{pin}"
    return Source(pin[:12], store.path_of(pin), shown, "cache", content)


def _candidates(name: str, child: Source) -> list[Source]:
    """Return the recipes that a parent's name means where the child is, without asking the cache."""
    if is_address(name):
        return []
    if not is_file(name):
        named = [each for each in folders.named_recipes() if each.name == name]
        return [read_source(each.path, "dlrun" if each.is_own else "folder") for each in named]
    if not git.is_plain_path(name) or name.startswith("~"):
        what = f"A recipe can extend only a file in its own folder or below it, without ..: got {shorten(name)}."
        raise ConfigError(Problem(WHERE, what))
    if child.git is not None:
        place = child.git._replace(path=git.beside(child.git.path, name))
        content = git.read_file(place.repository, place.commit, place.path, WHERE)
        return [] if content is None else [git_source(content, place)]
    if child.kind not in ("dlrun", "folder", "file"):
        return []
    path = _below(child.path.parent, name)
    return [] if path is None else [read_source(path, child.kind)]


def _below(folder: Path, name: str) -> Path | None:
    """Return a file below a folder; None if there is none.

    Raises ConfigError for a link, which may lead anywhere.
    """
    path = folder
    for part in name.split("/"):
        path = path / part
        if os.path.islink(path):
            what = f"A recipe cannot extend a file through a link: {printable(str(path))} is one."
            raise ConfigError(Problem(WHERE, what))
    return path if os.path.lexists(path) else None


def _unpinned(text: str, found: list[Source]) -> str:
    what = f'Expected a recipe with its SHA-256, so that a changed one is noticed, got "{shorten(text)}".'
    if not found:
        return f"{what} Write extends: {shorten(text)}@{HASH}HEX, with what `sha256sum FILE` prints."
    return f"{what} Write extends: {shorten(text)}@{HASH}{found[0].sha256}"


def _changed(name: str, found: Source, pin: str) -> str:
    return (
        f"{shorten(name)} has changed: this recipe was built on {HASH}{pin}, and {shorten(found.shown)} has "
        f"{HASH}{found.sha256}. Get the file back as it was; or look at what changed, and if you want it, write "
        f"extends: {shorten(name)}@{HASH}{found.sha256}"
    )


def _missing(name: str, pin: str, child: Source) -> str:
    cache = f"nor is sha256:{pin} in the cache ({printable(str(store.folder()))})"
    if is_address(name):
        hint = f"A recipe cannot fetch what it extends; fetch it yourself: dlrun cat {shorten(name)}@{HASH}{pin}"
        return f"{shorten(name)} is not on this machine, {cache}. {hint}"
    if not name:
        cache = printable(str(store.folder()))
        return f"The cache ({cache}) has no recipe sha256:{pin}. Ask for it where this one is from."
    if not is_file(name):
        hint = did_you_mean(name, folders.recipe_names())
        return f'There is no recipe "{shorten(name)}", {cache}. {hint}'.rstrip()
    if child.kind == "https":
        address = urljoin(child.shown, name)
        hint = f"A recipe cannot fetch what it extends; fetch it yourself: dlrun cat {shorten(address)}@{HASH}{pin}"
        return f"{shorten(name)} is not on this machine, {cache}. {hint}"
    place = "its commit" if child.git is not None else printable(str(child.path.parent))
    return f"There is no file {shorten(name)} in {place}, {cache}. Put it there."
