"""dlrun.data.loading.orphans: processes end with what started them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import dlrun
from dlrun.data.loading.orphans import die_with_run
from tests.processes import is_running, wait_until_none

WORKERS = """
import multiprocessing, os, sys, time
from dlrun.data.loading.orphans import die_with_run

def work(ready, late):
    if late:
        ready.send(os.getpid())
        time.sleep(1)  # the run is gone by now
        die_with_run()
    else:
        die_with_run()
        ready.send(os.getpid())
    time.sleep(60)

if __name__ == "__main__":
    context = multiprocessing.get_context("METHOD")
    ours, theirs = context.Pipe()
    for late in (False, True):
        context.Process(target=work, args=(theirs, late)).start()
    print(ours.recv(), ours.recv(), flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_die_with_their_run_however_it_ends(tmp_path: Path, method: str) -> None:
    (tmp_path / "workers.py").write_text(WORKERS.replace("METHOD", method))
    process = subprocess.Popen(
        [sys.executable, "workers.py"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(dlrun.__file__).parents[1])},
    )
    assert process.stdout is not None
    workers = [int(word) for word in process.stdout.readline().split()]
    assert len(workers) == 2
    process.kill()
    process.wait(30)
    process.stdout.close()
    assert wait_until_none(lambda: [pid for pid in workers if is_running(pid)], patience_s=10) == []


PAUSED = """
import os, subprocess, sys, time
child = '''
import os, signal
from dlrun.data.loading.orphans import die_with
die_with(PARENT)
print(flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
'''
process = subprocess.Popen([sys.executable, "-c", child.replace("PARENT", str(os.getpid()))], stdout=subprocess.PIPE)
process.stdout.readline()
print(process.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no other system ends a process with its parent")
def test_a_paused_process_dies_with_its_parent() -> None:
    process = subprocess.Popen([sys.executable, "-c", PAUSED], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.kill()
    assert wait_until_none(lambda: [child] if is_running(child) else [], patience_s=10) == []


def test_a_parent_that_is_gone_ends_the_process_at_once() -> None:
    code = "from dlrun.data.loading.orphans import die_with; die_with(1); print('goes on')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == ((1, "") if sys.platform == "linux" else (0, "goes on\n"))


def test_only_a_worker_can_die_with_its_run() -> None:
    with pytest.raises(RuntimeError, match="Only a worker process of multiprocessing can exit with its run"):
        die_with_run()
