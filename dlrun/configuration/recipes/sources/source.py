"""A recipe's file: its bytes, what it is called, where it comes from, and the hash that pins it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, NamedTuple

from dlrun.configuration import safe_yaml
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable

Kind = Literal["dlrun", "folder", "file", "https", "git", "cache"]
"""Where a recipe comes from."""

SHOWN_CHARACTERS = 400
"""How much of an address messages show: an address and a hash are longer than other values."""

_PIN = re.compile(r"(?P<name>.*)@sha256:(?P<pin>[^/@]*)", re.DOTALL)
_PASSWORD = re.compile(r"://[^/@]*:[^/@]*@")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class GitFile(NamedTuple):
    """A file of a commit that is in the cache."""

    repository: Path  # a bare one
    commit: str
    path: str  # within the commit
    address: str  # of the repository


@dataclass(frozen=True)
class Source:
    """A recipe's file, read once: what is checked, hashed and printed are the same bytes."""

    name: str  # what the recipe is called
    path: Path  # the file with these bytes; for a fetched one, in the cache
    shown: str  # how messages name it: the path as it was given, or the address
    kind: Kind
    content: bytes = field(repr=False)
    git: GitFile | None = None
    notices: tuple[str, ...] = ()

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def file_name(self) -> str:
        """The name that a copy of the file gets."""
        return f"{self.name}.yaml" if self.kind in ("https", "git", "cache") else self.path.name


def read_source(path: Path, kind: Kind) -> Source:
    """Return a file as a source.

    Raises ConfigError if it is no regular file, cannot be read or is larger than a recipe may be.
    """
    return Source(path.stem, path, str(path), kind, safe_yaml.read_bytes(path))


def split_pin(text: str, where: str) -> tuple[str, str | None]:
    """Return a reference to a recipe without its `@sha256:HEX`, and the hash; None without one.

    Raises ConfigError, at `where`, if what follows `@sha256:` is no hash.
    """
    found = _PIN.fullmatch(text)
    if found is None:
        return text, None
    return found["name"], read_hash(found["pin"], where)


def read_hash(text: str, where: str) -> str:
    """Return a SHA-256 in hexadecimal, in lower case.

    Raises ConfigError, at `where`, if it is none.
    """
    if _SHA256.fullmatch(text.lower()) is None:
        what = f'Expected the 64 hexadecimal digits of a SHA-256 after "sha256:", got "{printable(text)}".'
        raise ConfigError(Problem(where, what))
    return text.lower()


def shorten(text: str) -> str:
    """Return an address or a reference as messages show it: without a password."""
    return printable(_PASSWORD.sub("://***@", text), limit=SHOWN_CHARACTERS)
