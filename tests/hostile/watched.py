"""Run command lines in one process under an audit hook, and record what each one did.

    python -m tests.hostile.watched FOLDER JOBS.json OUT.json

A job is {"name", "argv"}; FOLDER, in which it runs, is the only one that it may write to, besides `$DLRUN_CACHE`. What
it must not do (start a process, open a socket, write or read elsewhere) is recorded and prevented.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import json
import os
import re
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEAVY = ("torch", "numpy", "pyarrow", "PIL")
_PROCESSES = (
    "subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork", "os.forkpty", "os.spawn", "pty.spawn",
)  # fmt: skip
_NETWORK = (
    "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request",
    "ftplib.connect", "http.client.connect",
)  # fmt: skip
_CHANGES = (
    "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown",
    "shutil.rmtree", "shutil.move", "shutil.copyfile", "shutil.copytree",
)  # fmt: skip
_PRIVATE = ("/etc/passwd", "/etc/shadow", "/dev/zero", "/dev/random", "/proc/self/environ")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class ForbiddenError(PermissionError):
    """Raised in the audited call, which therefore does nothing."""


class Watch:
    """Records violations while `active`; the audit hook of this process."""

    def __init__(self, jail: Path) -> None:
        cache = os.environ.get("DLRUN_CACHE")
        self._writable = [str(jail)]
        self._writable += [os.path.realpath(cache)] if cache else []
        self._secret = str(jail.parent / "secret.csv")
        self._jail = str(jail)
        self.active = False
        self.violations: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.active:
            return
        wrong = self._wrong(event, arguments)
        if wrong is not None:
            self.violations.append(wrong)
            raise ForbiddenError(wrong)

    def _wrong(self, event: str, arguments: tuple[Any, ...]) -> str | None:
        if event in _PROCESSES or event in _NETWORK:
            return f"{event} {arguments[:2]!r}"
        if event == "open" and isinstance(arguments[0], str | bytes):
            return self._wrong_open(os.fsdecode(arguments[0]), arguments[1], arguments[2])
        if event in _CHANGES:
            for each in arguments[:2]:
                if isinstance(each, str | bytes | os.PathLike) and not self._may_write(os.fsdecode(each)):
                    return f"{event} {os.fsdecode(each)}"
        if event == "exec" and getattr(arguments[0], "co_filename", "").startswith(self._jail):
            return f"import of {arguments[0].co_filename}"
        return None

    def _wrong_open(self, path: str, mode: str | None, flags: int | None) -> str | None:
        writes = bool(set(mode or "") & set("wax+")) or bool((flags or 0) & _WRITING)
        if writes and not self._may_write(path):
            return f"open for writing {path}"
        real = os.path.realpath(path)
        return f"open {path}" if real in _PRIVATE or real == self._secret else None

    def _may_write(self, path: str) -> bool:
        real = os.path.realpath(path)
        return real == os.devnull or any(real == root or real.startswith(f"{root}/") for root in self._writable)


def allowed_packages() -> set[str]:
    """Return the top-level names of dlrun's dependencies and of what those need, as they are installed here."""
    wanted, seen = ["dlrun"], set()
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            wanted += [re.split(r"[^\w.-]", each)[0] for each in importlib.metadata.requires(name) or ()]
    owners = importlib.metadata.packages_distributions()
    return {top for top, names in owners.items() if any(re.sub(r"[-_.]+", "-", each).lower() in seen for each in names)}


def strangers(allowed: set[str]) -> list[str]:
    """Return loaded modules that belong neither to Python, nor to dlrun and its dependencies, nor to this test."""
    own = allowed | set(sys.stdlib_module_names) | {"dlrun", "tests", "__main__", "__mp_main__", "sitecustomize"}
    purelib = sysconfig.get_paths()["purelib"]
    found = []
    for name, module in list(sys.modules.items()):
        place = getattr(module, "__file__", None)
        top = name.partition(".")[0]
        if place is None or top in own or top.startswith("_") or top == "__editable__":
            continue
        if not place.startswith(purelib) or top not in own:
            found.append(f"{name} from {place}")
    return found


@contextlib.contextmanager
def captured() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    """A block whose standard output and error are kept as texts."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield out, err


def run_job(job: dict[str, Any], watch: Watch) -> dict[str, Any]:
    """Run one command line and return what it printed, what it must not have done, and its processor time."""
    from dlrun.cli.main import main

    watch.violations = []
    started = time.process_time()
    crash = None
    with captured() as (out, err):
        watch.active = True
        try:
            code = main(job["argv"])
        except BaseException:  # noqa: BLE001 - also SystemExit: nothing may leave `main`
            code, crash = -1, traceback.format_exc()
        finally:
            watch.active = False
    return {
        "name": job["name"],
        "argv": job["argv"],
        "code": code,
        "out": out.getvalue(),
        "err": err.getvalue(),
        "crash": crash,
        "violations": watch.violations,
        "seconds": time.process_time() - started,
        "loaded": [name for name in HEAVY if name in sys.modules],
        "threads": threading.active_count(),
    }


def run_all(jobs: list[dict[str, Any]]) -> dict[str, Any]:
    """Run every job under one audit hook."""
    import dlrun.cli.main
    import dlrun.cli.verbs  # noqa: F401

    watch = Watch(Path.cwd().resolve())
    sys.addaudithook(watch)
    results = [run_job(job, watch) for job in jobs]
    return {"results": results, "strangers": strangers(allowed_packages())}


if __name__ == "__main__":
    folder, jobs_file, out_file = sys.argv[1:]
    todo = json.loads(Path(jobs_file).read_text())
    os.chdir(folder)
    Path(out_file).write_text(json.dumps(run_all(todo)))
