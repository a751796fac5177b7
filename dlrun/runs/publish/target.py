"""Where a run is published: a new folder, or a repository of a hub. Imports no torch."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from dlrun.data.files.optional import import_optional
from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable

HUB = "hf://"
_SCHEME = re.compile(r"(hf|https?|huggingface\.co)\b[:/]", re.I)  # of an address, mistyped
_PART = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,94}[A-Za-z0-9])?")


@dataclass(frozen=True)
class Target:
    """A new folder, or a repository OWNER/NAME of the Hugging Face hub: one of the two. shown: as the user wrote it."""

    shown: str
    folder: Path | None = None
    repository: str | None = None

    @property
    def name(self) -> str:
        """What the model is called."""
        if self.repository is not None:
            return self.repository.partition("/")[2]
        return "model" if self.folder is None else self.folder.name


def read_target(text: str) -> Target:
    """Return what `--to` names.

    Raises ConfigError for a folder that is not empty, a name that is none of a repository, and a missing package.
    """
    where = f"--to {printable(text)}"
    if "://" in text or _SCHEME.match(text):
        return Target(text, repository=_repository(text, where))
    if not text:
        raise ConfigError(Problem("--to", "Expected a new folder, or hf://OWNER/NAME."))
    folder = Path(os.path.abspath(Path(text).expanduser()))
    try:
        taken = os.path.lexists(folder) and (folder.is_symlink() or not folder.is_dir() or any(folder.iterdir()))
        is_here = folder.is_dir() and folder.samefile(Path.cwd())
    except OSError as error:
        raise ConfigError(Problem(where, f"It cannot be read ({error.strerror}).")) from error
    if taken:
        what = "It exists and is not an empty folder; nothing is replaced. Choose another name, or remove it first."
        raise ConfigError(Problem(where, what))
    if is_here:
        raise ConfigError(Problem(where, "This is the current folder; name a new one, which is made."))
    return Target(text, folder=folder)


def _repository(text: str, where: str) -> str:
    if not text.startswith(HUB):
        raise ConfigError(
            Problem(where, f"Expected a folder or {HUB}OWNER/NAME; other addresses are not published to.")
        )
    owner, slash, name = text.removeprefix(HUB).partition("/")
    bad = next((part for part in (owner, name) if not _is_name(part)), None)
    if not slash or bad is not None:
        what = (
            f"Expected {HUB}OWNER/NAME: a user or an organisation, and a model's name, each of letters, digits and "
            "single . _ - within."
        )
        raise ConfigError(Problem(where, what))
    import_optional("huggingface_hub", extra="hub", needed_by=where)
    return f"{owner}/{name}"


def _is_name(part: str) -> bool:
    doubled = "--" in part or ".." in part
    return _PART.fullmatch(part) is not None and not doubled and not part.endswith(".git")
