"""Find the recipe that the user's own command line names. This is the only way to the network."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from dlrun.configuration import safe_yaml
from dlrun.configuration.recipes.sources import folders, git, https, store
from dlrun.configuration.recipes.sources.source import GitFile, Source, read_hash, read_source, shorten, split_pin
from dlrun.errors import ConfigError, Problem, did_you_mean, nearest
from dlrun.wording import printable

HASH = "sha256:"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def is_address(text: str) -> bool:
    """Return whether a reference names an address or a repository, rather than a name or a file."""
    return _ADDRESS.match(text) is not None


def is_file(text: str) -> bool:
    """Return whether a reference that is no address names a file."""
    return "/" in text or text.endswith((".yaml", ".yml"))


def find_recipe(text: str, *, fetch: bool = False) -> Source:
    """Return the recipe that a reference names: a name, a file, an address, a repository's file or a hash in the cache.

    Any of them may end in `@sha256:HEX`; another file is then refused, and the cache is asked before the network.
    fetch: whether the network may be used, because the text is from the user's own command line.

    Raises ConfigError if there is none, it is refused or is not the pinned one; DataError if the network does not
    give it, and StorageError if the cache cannot be written.
    """
    where = f"recipe={shorten(text)}"
    name, pin = split_pin(text, where)
    if name.startswith(HASH) and not is_file(name):
        return _from_cache(read_hash(name.removeprefix(HASH), where), where)
    if is_address(name) and name.startswith(git.PREFIX):
        found = _from_git(name, where, fetch=fetch)
    elif is_address(name):
        found = _from_address(name, pin, where, fetch=fetch)
    elif is_file(name):
        found = _from_file(name, where)
    else:
        return _by_name(name, pin, where)
    if pin is not None and found.sha256 != pin:
        raise ConfigError(Problem(where, changed(found, pin)))
    return found


def changed(found: Source, pin: str) -> str:
    """Return the message that a recipe is not the one that a hash pins."""
    return f"{shorten(found.shown)} is not the recipe that is pinned: expected sha256:{pin}, got sha256:{found.sha256}."


def _from_file(name: str, where: str) -> Source:
    try:
        path = Path(name).expanduser()
        if path.is_symlink():
            target = printable(str(path.resolve()))
            what = f"This file is a link; name its target: recipe={target}"
            raise ConfigError(Problem(where, what, "link", f"recipe={target}"))
        found = path.exists()
    except (OSError, ValueError, RuntimeError):  # too long, with a NUL, the home of an unknown user
        found = False
    if not found:
        raise ConfigError(Problem(where, "The file does not exist.", "no-file"))
    if hint := _of_run(name):
        raise ConfigError(Problem(where, hint, "no-file"))
    return read_source(path, "file")


def _by_name(name: str, pin: str | None, where: str) -> Source:
    """Return the first recipe with a name; with a hash, the first that has it."""
    found = [each for each in folders.named_recipes() if each.name == name]
    if not found:
        hint = _of_run(name) or did_you_mean(name, folders.recipe_names())
        missing = [
            f"{folders.VARIABLE} lists {printable(str(folder))}, which is no folder that can be read."
            for folder in folders.missing_folders()
        ]
        hints = " ".join([hint, *missing, "`dlrun ls recipe` lists all recipes."]).lstrip()
        near = nearest(name, folders.recipe_names())
        fix = f"recipe={near}" if near is not None else None
        raise ConfigError(Problem(where, f'Unknown recipe "{printable(name)}". {hints}', "unknown-recipe", fix))
    sources = [read_source(each.path, "dlrun" if each.is_own else "folder") for each in found]
    if pin is None:
        first = sources[0]
        notices = folders.hidden_notice(found)
        return Source(first.name, first.path, first.shown, first.kind, first.content, notices=notices)
    for source in sources:
        if source.sha256 == pin:
            return source
    raise ConfigError(Problem(where, changed(sources[0], pin)))


def _of_run(name: str) -> str:
    """Return what to do with the folder of a run where a recipe is expected; "" if it is none."""
    try:
        is_run = (Path(name).expanduser() / "config.yaml").is_file()
    except (OSError, ValueError, RuntimeError):  # too long, with a NUL, the home of an unknown user
        return ""
    if not is_run:
        return ""
    run = printable(name)
    return (
        f"{run} is the folder of a run: `dlrun share {run}` makes a recipe of it, with what it promises; "
        f"recipe={run.rstrip('/')}/config.yaml only trains the same again."
    )


def _from_cache(sha256: str, where: str) -> Source:
    content = store.find(sha256)
    if content is None:
        what = f"The cache ({printable(str(store.folder()))}) has no such recipe. `dlrun ls recipe` lists what it has."
        raise ConfigError(Problem(where, what))
    name = next((entry.name for entry in store.entries() if entry.sha256 == sha256), sha256[:12])
    return Source(name, store.path_of(sha256), f"{HASH}{sha256}", "cache", content)


def _from_address(address: str, pin: str | None, where: str, *, fetch: bool) -> Source:
    https.check_address(address, where)
    name = _stem(unquote(urlsplit(address).path))
    cached = store.find(pin) if pin is not None else None
    if pin is not None and cached is not None:
        return Source(name, store.path_of(pin), address, "https", cached)
    if not fetch:
        raise ConfigError(Problem(where, "A recipe is fetched only where the command line itself names its address."))
    content = https.fetch(address, where)
    found = Source(name, Path(address), address, "https", content)
    if pin is not None and found.sha256 != pin:
        raise ConfigError(Problem(where, changed(found, pin)))  # and not kept
    safe_yaml.parse_yaml(content, name=address)  # a page that says "not found" is no recipe, and is not kept
    path = store.save(content, name=name, address=address)
    told = f"fetched {shorten(address)}; to use exactly this one, also without network: recipe={address}@{HASH}"
    notices = () if pin is not None else (f"{told}{found.sha256}",)
    return Source(name, path, address, "https", content, notices=notices)


def _from_git(text: str, where: str, *, fetch: bool) -> Source:
    reference = git.parse(text, where)
    repository = git.repository_of(reference, where, fetch=fetch)
    if repository is None:
        raise ConfigError(
            Problem(where, "A recipe is fetched only where the command line itself names its repository.")
        )
    content = git.read_file(repository, reference.commit, reference.path, where)
    if content is None:
        raise ConfigError(Problem(where, f"The commit has no file {printable(reference.path)}."))
    return git_source(content, GitFile(repository, reference.commit, reference.path, reference.address))


def git_source(content: bytes, place: GitFile) -> Source:
    """Return a file of a commit as a source, after checking that it is data and putting it into the cache."""
    shown = git.Reference(place.address, place.commit, place.path).text
    safe_yaml.parse_yaml(content, name=shown)
    path = store.save(content, name=_stem(place.path), address=shown)
    return Source(_stem(place.path), path, shown, "git", content, git=place)


def _stem(path: str) -> str:
    stem = PurePosixPath(path).name.removesuffix(".yaml").removesuffix(".yml")
    return re.sub(r"[^\w.-]", "_", stem)[:80].lstrip(".") or "recipe"
