"""Running a page's commands in this process: shortened where they train, with the last run as RUN_DIR."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.docs.pages import ROOT, Block, Command, blocks

Dlrun = Callable[..., tuple[int, str, str]]
_SHORT = ("trainer.max_steps=2", "device.threads=1", "--quiet")
_NUMBER = re.compile(r"\d[\d.,:_-]*")
_NOT_OURS = ("pip", "ruff", "mypy", ".ci/run", "sphinx-build", "git")  # set-up of a machine, not dlrun's commands


class PageRunner:
    """Runs the commands of one page in the current folder, from top to bottom."""

    def __init__(self, dlrun: Dlrun) -> None:
        self._dlrun = dlrun
        self._run_dir = "RUN_DIR"
        self._runs = 0

    def run(self, page: Path) -> None:
        """Run every block that is not marked; raises AssertionError with the place of a command that fails."""
        for block in blocks(page):
            if block.file is not None:
                Path(block.file).write_text("\n".join(block.lines) + "\n")
            elif block.reason is None:
                for command in block.commands:
                    self._run_line(command)

    def _run_line(self, command: Command) -> None:
        for words in command.parts:
            if words[0] == "dlrun":
                self._run_dlrun(command, words[1:])
            elif words[:2] == ["python", "-m"]:
                assert importlib.util.find_spec(words[2]), f"{command.block.place}: there is no module {words[2]}"
            elif words[0] in ("python", "pytest"):
                for word in words[1:]:
                    path = word.partition("::")[0]
                    assert "/" not in path or (ROOT / path).exists(), f"{command.block.place}: there is no {path}"
            else:
                assert words[0] in _NOT_OURS, f"{command.block.place}: no test runs {words[0]}"

    def _run_dlrun(self, command: Command, words: Sequence[str]) -> None:
        words = [word.replace("RUN_DIR", self._run_dir) for word in words]
        words, target = (words[:-2], words[-1]) if words[-2:-1] == [">"] else (words, None)
        fails = any(line.startswith("dlrun: ") for line in command.output)
        if command.block.language == "bash":
            words += self._shortening(words)
        code, out, err = self._dlrun(*words)
        told = f"{command.block.place}: {command.text}\n{out}{err}"
        assert (code != 0) == fails, told
        if target is not None:
            Path(target).write_text(out, encoding="utf-8")
        if command.output:
            _hold_against(command.output, [*err.splitlines(), *out.splitlines()], told)

    def _shortening(self, words: Sequence[str]) -> list[str]:
        """What makes a training short, and a name for its folder."""
        plain = [word for before, word in zip(["", *words], words, strict=False) if _is_plain(before, word)]
        verb = plain[0] if plain else "train"
        if verb not in ("train", "resume") or {"--help", "--version", "--cfg"} & set(words):
            return []
        if verb == "resume" and (Path(plain[1]) / "sweep.json").exists():
            return []  # a sweep keeps its points
        given = {word.partition("=")[0] for word in words}
        added = [word for word in _SHORT if word.partition("=")[0] not in given]
        if verb == "train" and not {"-m", "--multirun", "hydra.run.dir", "dataset.folds"} & given:
            self._runs += 1
            self._run_dir = f"run-{self._runs}"
            added.append(f"hydra.run.dir={self._run_dir}")
        return added


def _is_plain(before: str, word: str) -> bool:
    """Whether a word is neither a flag, nor a flag's value, nor an override."""
    return not word.startswith("-") and "=" not in word and before not in ("--plugin", "--config-dir")


def _hold_against(shown: Sequence[str], printed: Sequence[str], told: str) -> None:
    """Every line that the page shows is printed, in this order, whatever its numbers; `...` stands for any rest."""
    rest = iter([_masked(line) for line in printed])
    for line in shown:
        start, dots, _ = _masked(line).partition("...")
        found = any(other.startswith(start) if dots else other == start for other in rest) or line == "..."
        assert found, f'the page shows "{line}", which is not printed there\n{told}'


def _masked(line: str) -> str:
    """A line without its numbers, the plural that goes with them, and its alignment."""
    return re.sub(r"\s+", " ", _NUMBER.sub("#", line)).strip().replace("# threads", "# thread")


def runnable(page: Path) -> list[Block]:
    """The blocks of a page whose commands are run."""
    return [block for block in blocks(page) if block.commands and block.reason is None]
