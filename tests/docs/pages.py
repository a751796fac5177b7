"""The pages that users read, cut into fenced blocks, and the commands inside these.

A fence names its language: `bash` holds commands, `console` commands after `$ ` with what they print, `python` or
`yaml` with a first line `# NAME.py` a file that later commands use, `text` neither. A block that no test can run has
`<!-- not run: REASON -->` on the line before.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
DOCS = ROOT / "docs"
LANGUAGES = ("bash", "console", "python", "yaml", "json", "text")
_NOT_RUN = re.compile(r"<!-- not run: (.+) -->")
_FILE = re.compile(r"# (\w+\.(?:py|yaml))")


@dataclass(frozen=True)
class Block:
    """One fenced block of a page; `line` is where its fence opens, from 1 on."""

    page: Path
    line: int
    language: str
    lines: tuple[str, ...]
    reason: str | None  # why no test runs it

    @property
    def place(self) -> str:
        """Where a reader finds it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The name of the file that the block shows, where its first line gives one."""
        match = _FILE.fullmatch(self.lines[0]) if self.language in ("python", "yaml") and self.lines else None
        return match[1] if match else None

    @property
    def commands(self) -> list[Command]:
        """The commands inside, in order."""
        if self.language == "bash":
            return [Command(self, line) for line in "\n".join(self.lines).replace("\\\n", " ").splitlines() if line]
        found: list[Command] = []
        for line in self.lines if self.language == "console" else ():
            if line.startswith("$ "):
                found.append(Command(self, line[2:]))
            else:
                found[-1] = Command(self, found[-1].text, (*found[-1].output, line))
        return found


@dataclass(frozen=True)
class Command:
    """One line that a reader may type, and what the page says it prints."""

    block: Block
    text: str
    output: tuple[str, ...] = ()

    @property
    def parts(self) -> list[list[str]]:
        """The words of each command on the line, divided by `&&`."""
        parts: list[list[str]] = [[]]
        for word in shlex.split(self.text, comments=True):
            if word == "&&":
                parts.append([])
            else:
                parts[-1].append(word)
        return [part for part in parts if part]


def pages() -> list[Path]:
    """README, CONTRIBUTING and every page under docs/ that a person wrote; commands and options have generated ones."""
    generated = {DOCS / "commands.md", *(DOCS / "reference").glob("*.md")}
    written = {page for page in DOCS.rglob("*.md") if "_build" not in page.parts} - generated
    return [README, CONTRIBUTING, *sorted(written)]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    found: list[Block] = []
    before, opened, inside, indent = "", 0, [""], 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if line.lstrip().startswith("```"):
            if opened:
                reason = _NOT_RUN.fullmatch(before)
                lines = tuple(each[indent:] for each in inside[1:])
                found.append(Block(page, opened, inside[0], lines, reason[1] if reason else None))
                opened = 0
            else:
                opened, inside, indent = number, [line.strip().removeprefix("```")], len(line) - len(line.lstrip())
        elif opened:
            inside.append(line)
        elif line.strip():
            before = line.strip()
    return found
