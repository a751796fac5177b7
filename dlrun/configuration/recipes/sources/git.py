"""A recipe in a git repository at a full commit: `git+https://HOST/REPO@COMMIT:PATH.yaml`.

The commit is fetched once, without its history, into a bare repository in the cache, whose name is the commit; nothing
is ever checked out. A commit's name is a hash of everything in it, so that what is in the cache needs no network.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from dlrun.configuration.recipes.sources import git_program, store
from dlrun.configuration.recipes.sources.source import shorten
from dlrun.configuration.safe_yaml import Bounds
from dlrun.errors import ConfigError, DataError, Problem
from dlrun.wording import printable

PREFIX = "git+"
_FORM = re.compile(r"git\+(?P<address>[a-z]+://.+)@(?P<commit>[^@:/]+):(?P<path>.+)")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|[0-9a-f:]+", re.ASCII)  # never an option of a program
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)
_SCHEMES = ("https", "ssh", "file")
_UNKNOWN_COMMIT = ("not our ref", "unadvertised object", "couldn't find remote ref", "no such remote ref")
_FILES = ("100644", "100755")  # modes of a tree's entries; others are links, folders and other repositories


@dataclass(frozen=True)
class Reference:
    """A file of a repository at a commit."""

    address: str
    commit: str
    path: str

    @property
    def text(self) -> str:
        """As the user writes it."""
        return f"{PREFIX}{self.address}@{self.commit}:{self.path}"


def parse(text: str, where: str) -> Reference:
    """Return the parts of a reference.

    Raises ConfigError, at `where`, with what is wrong with it.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        what = "Expected git+https://HOST/REPOSITORY@COMMIT:PATH.yaml (or git+ssh://, git+file://)."
        raise ConfigError(Problem(where, what))
    address, commit, path = found["address"], found["commit"].lower(), found["path"]
    problem = _unsuitable(address)
    if problem is None and _COMMIT.fullmatch(commit) is None:
        problem = (
            f'Expected a full commit of 40 or 64 hexadecimal digits, got "{printable(found["commit"])}": a branch, a '
            f"tag or a shortened commit can come to mean another. `git ls-remote {shorten(address)}` lists commits."
        )
    if problem is None and not is_plain_path(path):
        problem = f'Expected the path of a file within the repository, without "..", got "{printable(path)}".'
    if problem is not None:
        raise ConfigError(Problem(where, problem))
    return Reference(address, commit, path)


def is_plain_path(path: str) -> bool:
    """Return whether a text is a path of names only: relative, without `.`, `..` or characters that do not print."""
    return (
        path.isprintable() and not path.startswith("/") and all(part not in ("", ".", "..") for part in path.split("/"))
    )


def _unsuitable(address: str) -> str | None:
    """Return why a repository's address is not fetched; None if it may be."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "This is not a valid address."
    if parts.scheme not in _SCHEMES:
        return f"Expected git+https://, git+ssh:// or git+file://, got git+{printable(parts.scheme)}://."
    if not address.isascii() or any(char.isspace() or not char.isprintable() for char in address):
        return "Expected an address in plain ASCII; write other characters percent-encoded."
    if parts.query or parts.fragment:
        return "Expected an address without ? and #."
    if parts.scheme == "file":
        return None if not parts.netloc and parts.path.startswith("/") else "Expected git+file:///ABSOLUTE/PATH."
    if _HOST.fullmatch(host) is None:
        return "The address has no valid host: git+https://HOST/REPOSITORY@COMMIT:PATH.yaml."
    if parts.password is not None or (parts.username is not None and parts.scheme != "ssh"):
        return "An address must not contain a user or password: they would end up in logs and in the cache."
    if parts.username is not None and _USER.fullmatch(parts.username) is None:
        return f'"{printable(parts.username)}" is not the name of a user.'
    return None


def repository_of(reference: Reference, where: str, *, fetch: bool) -> Path | None:
    """Return the bare repository in the cache that has the commit; None if it is not there and not to be fetched.

    Raises ConfigError if git is missing or the repository has no such commit, DataError if it cannot be fetched and
    StorageError if the cache cannot be written.
    """
    place = store.folder() / "git" / reference.commit
    if place.is_dir() and _has_commit(place, reference.commit, where):
        return place
    if not fetch:
        return None
    try:
        shutil.rmtree(place, ignore_errors=True)  # damaged, if it is there
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = Path(tempfile.mkdtemp(prefix=".", suffix=".tmp", dir=place.parent))
    except OSError as error:
        raise store.not_writable(place.parent, error) from error
    try:
        _fetch(reference, temporary, where)
        os.rename(temporary, place)
    except OSError as error:
        if not place.is_dir():  # else another process has put it there
            raise store.not_writable(place, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return place


def _fetch(reference: Reference, repository: Path, where: str) -> None:
    """Fetch one commit, without its history and its large files."""
    run = git_program.run
    kind = "sha256" if len(reference.commit) == 64 else "sha1"
    run(["init", "--bare", "--quiet", "--template=", f"--object-format={kind}", str(repository)], where=where)
    done = run(
        [
            "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules", "--no-write-fetch-head",
            f"--filter=blob:limit={Bounds().max_bytes + 1}", "--", reference.address, reference.commit,
        ],
        where=where,
        repository=repository,
        network=True,
    )  # fmt: skip
    if done.code == 0 and _has_commit(repository, reference.commit, where):
        return
    if done.code == 0 or any(text in done.errors for text in _UNKNOWN_COMMIT):
        what = f"The repository {shorten(reference.address)} has no commit {reference.commit}, or does not give it out."
        raise ConfigError(Problem(where, what))
    reason = done.reason or f"git ended with code {done.code}"
    raise DataError(
        f"{shorten(reference.address)}: the commit could not be fetched: {reason}. Check the address, the network and "
        "your access, or clone the repository yourself and name the file's path."
    )


def _has_commit(repository: Path, commit: str, where: str) -> bool:
    done = git_program.run(["cat-file", "-t", commit], where=where, repository=repository)
    return done.code == 0 and done.output.strip() == b"commit"


def read_file(repository: Path, commit: str, path: str, where: str) -> bytes | None:
    """Return a file of a commit in the cache; None if there is none.

    Raises ConfigError if it is a link, a folder or larger than a recipe may be.
    """
    most = Bounds().max_bytes
    listed = git_program.run(
        ["--literal-pathspecs", "ls-tree", "-z", "--full-tree", commit, "--", path], where=where, repository=repository
    )
    entry = listed.output.decode("utf-8", "replace").partition("\t")[0].split()
    if listed.code != 0 or len(entry) != 3:
        return None
    mode, _, name = entry
    if mode not in _FILES:
        what = {"120000": "a link", "040000": "a folder", "160000": "another repository"}.get(mode, "no file")
        raise ConfigError(Problem(where, f"Expected a file, got {what}: {printable(path)}."))
    content = git_program.run(["cat-file", "blob", name], where=where, repository=repository, most_bytes=most + 1)
    if content.code != 0 or len(content.output) > most:  # a larger one was not fetched
        raise ConfigError(Problem(where, f"The file is larger than {most:,} bytes, the limit for a recipe."))
    return content.output


def beside(path: str, name: str) -> str:
    """Return the path, within a commit, of a file that is named relative to the folder of another."""
    return str(PurePosixPath(path).parent / name)
