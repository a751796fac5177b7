"""Programs that use an exported file, each run in a process of its own that cannot import dlrun."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_FORKING = """
import io, json, os, runpy, sys
sys.modules["dlrun"] = None  # importing it raises ImportError
import numpy, torch, torch.export
content = io.BytesIO()  # a first file is opened here, so that what opening imports is there in every fork
torch.export.save(torch.export.export(torch.nn.ReLU(), (torch.zeros(2),)), content)
content.seek(0)
torch.export.load(content).module()(torch.zeros(2))
for line in sys.stdin:
    folder, output, *words = json.loads(line)
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")
        sys.exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Outside:
    """A process that has imported torch and opened a file; every program runs in a fork of it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, folder: Path, *words: str) -> str:
        """Return what a program prints. words: its file and its arguments."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        output = folder / "printed.txt"
        self._process.stdin.write(json.dumps([str(folder), str(output), *words]) + "\n")
        self._process.stdin.flush()
        code = self._process.stdout.readline().strip()
        assert code == "0", output.read_text() if output.exists() else code
        return output.read_text()


@contextlib.contextmanager
def outside() -> Iterator[Outside]:
    """The process, ended at the end."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", _FORKING]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as process:
        yield Outside(process)
        assert process.stdin is not None
        process.stdin.close()
