"""The commands that asked for a sweep's points, and the objectives they named, from `sweep.json`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dlrun.storage.reading import read_regular

_MOST_BYTES = 4 << 20
_MOST_COMMANDS, _MOST_WORDS, _MOST_CHARACTERS = 20, 200, 2_000
_OBJECTIVES = "search.objectives"


@dataclass(frozen=True)
class Asked:
    """commands: as they could be typed again, the newest last. objectives: of the newest; empty if it names none."""

    commands: Sequence[str] = ()
    objectives: Sequence[str] = ()


def read_asked(folder: Path) -> Asked:
    """Return what a sweep's `sweep.json` says; nothing if there is none, or it is something else."""
    path = folder / "sweep.json"
    try:
        content = {} if path.is_symlink() else json.loads(read_regular(path, most=_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return Asked()
    entries = content.get("commands") if isinstance(content, dict) else None
    found = [entry for entry in entries[-_MOST_COMMANDS:] if _words(entry)] if isinstance(entries, list) else []
    if not found:
        return Asked()
    commands = [f"dlrun {'' if each.get('multirun') is False else '-m '}{shlex.join(_words(each))}" for each in found]
    return Asked(commands, _objectives(_words(found[-1])))


def _words(entry: object) -> list[str]:
    words = entry.get("words") if isinstance(entry, dict) else None
    if not isinstance(words, list):
        return []
    return [word[:_MOST_CHARACTERS] for word in words[:_MOST_WORDS] if isinstance(word, str)]


def _objectives(words: Sequence[str]) -> list[str]:
    """Return the names in `search.objectives=[accuracy,seconds]`."""
    texts = [word.partition("=")[2] for word in words if word.partition("=")[0].lstrip("+") == _OBJECTIVES]
    names = [name.strip(" '\"") for text in texts[-1:] for name in text.strip("[] ").split(",")]
    return [name for name in names if name]
