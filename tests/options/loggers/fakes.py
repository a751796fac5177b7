"""Stand-ins for the package wandb, which behave badly or write down what they are told."""

from __future__ import annotations

from pathlib import Path

import pytest

_PACKAGE = """
import json, os, sys, time
def told(*words):
    with open(os.environ["TOLD"], "a") as stream:
        stream.write(json.dumps([os.getpid(), *words]) + "\\n")
class Settings:
    def __init__(self, **settings): pass
class Image:
    def __init__(self, path): self.path = path
class _Run:
    def __init__(self, folder): self.dir, self.summary = folder, {}
    def log(self, values, step):
        told("log", step, sorted(values))
        %s
    def save(self, *arguments, **settings): pass
    def finish(self, exit_code): told("finish", exit_code, self.summary)
def init(**settings):
    told("init", settings["id"])
    return _Run(settings["dir"])
"""
BEHAVIOURS = {
    "obeys": "pass",
    "hangs": "time.sleep(1000)",
    "fails": "raise ConnectionError('no route to the server')",
    "dies": "print('bad allocation', file=sys.stderr); os._exit(3)",
    "recovers": "if not os.path.exists('failed'): open('failed', 'w'); raise ConnectionError('a moment')",
}


def install(behaviour: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a package wandb first on the path of imports; return the file in which it writes what it is told."""
    package = folder / behaviour / "wandb"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(_PACKAGE % BEHAVIOURS[behaviour])
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.setenv("TOLD", str(folder / "told.jsonl"))
    return folder / "told.jsonl"
