"""The corpus: hostile files by kind, each with what is expected of dlrun, and the folder in which they are tried."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SECRET = "hunter2"  # noqa: S105 - what no message may show
_TIMEOUT_S = 300


@dataclass(frozen=True)
class Expected:
    """What is expected of one file of the corpus.

    code: exit code; 0 for a harmless file. fragment: of the message. pending: what must have been imported or measured
    before the file is refused, as a model's memory; here only what must never happen is checked.
    """

    file: str
    code: int
    fragment: str
    pending: str | None
    words: tuple[str, ...] = ()  # the command, for files that are no recipes


def read_index(kind: str) -> list[Expected]:
    """Return the expectations in `kind/INDEX.tsv`: file, exit code, fragment, "-" or what it waits for, the command."""
    lines = (HERE / kind / "INDEX.tsv").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines[1:]:
        file, code, fragment, pending, *words = line.split("\t")
        found.append(Expected(file, int(code), fragment, None if pending == "-" else pending, tuple(words)))
    return found


def files_of(kind: str) -> list[str]:
    """Return the files, or for runs the folders, of a kind."""
    return sorted(path.name for path in (HERE / kind).iterdir() if path.name != "INDEX.tsv")


def make_jail(parent: Path) -> Path:
    """Return a folder in which anything that was run or read from outside would show; it has files worth reading."""
    jail = parent / "jail"
    (jail / "hydra_plugins").mkdir(parents=True)
    rows = "x,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(40))
    (parent / "secret.csv").write_text(rows + f"7,{SECRET}\n")
    (jail / "table.csv").write_text(rows)
    (jail / "a.csv").write_text(rows)
    for bait in ("evil.py", "os_.py", "hydra_plugins/evil.py", "my_model.py"):
        (jail / bait).write_text(f"open('{parent}/pwned', 'w').close()\n")
    (jail / "link_out.csv").symlink_to(parent / "secret.csv")
    (jail / "folder_out").symlink_to(parent)
    (jail / "loop").symlink_to(jail / "loop")
    os.mkfifo(jail / "fifo.csv")
    return jail


def run_watched(jail: Path, jobs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Run jobs (see `watched`) in one process of their own; return its findings.

    Raises AssertionError if the process ended by itself or left anything outside the jail.
    """
    parent = jail.parent
    before = sorted(os.listdir(parent))
    (parent / "jobs.json").write_text(json.dumps(list(jobs)))
    environment = {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
        "DLRUN_CACHE": str(parent / "cache"),
        "TMPDIR": str(jail),
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "CI": "1",
    }
    files = [str(jail), str(parent / "jobs.json"), str(parent / "out.json")]
    command = [sys.executable, "-m", "tests.hostile.watched", *files]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    left = set(os.listdir(parent)) - {*before, "jobs.json", "out.json", "cache"}
    assert not left, left
    found: dict[str, Any] = json.loads((parent / "out.json").read_text())
    return found


def wrongs_of(result: dict[str, Any]) -> Iterator[str]:
    """Yield what must never happen, whatever the file: a crash, a violation, a secret or a control character shown."""
    said = result["out"] + result["err"]
    if result["crash"]:
        yield f"left main with {result['crash']}"
    yield from result["violations"]
    if SECRET in said:
        yield "shows a secret"
    if "this is a defect in dlrun" in said:
        yield f"a defect: {result['err'][-300:]}"
    odd = sorted({char for char in said if not char.isprintable() and char not in "\n\t"})
    if odd:
        yield f"prints control characters {odd!r}"
    if result["threads"] > 64:
        yield f"{result['threads']} threads"
