"""The check of a file that `-o` names, besides its ending."""

from __future__ import annotations

from pathlib import Path

from dlrun.errors import ConfigError, Problem
from dlrun.wording import printable


def check_output_file(path: Path, *, source: Path | None = None, what: str = "") -> None:
    """Check a file to write; an existing one is replaced, unless it is the input. what: is written, "the predictions".

    Raises ConfigError for a folder, a file in a folder that does not exist, and the input.
    """
    where = f"-o {printable(str(path))}"
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(Problem(where, "Expected a file in a folder that exists."))
    if source is not None and path.exists() and source.exists() and path.samefile(source):
        raise ConfigError(Problem(where, f"This is the input; choose another file for {what}."))
