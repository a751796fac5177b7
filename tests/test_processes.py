"""tests.processes: what a killed run started is found by its environment, and gone when it has ended."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.processes import describe, is_running, started_with, wait_until_none


def test_a_process_is_found_by_its_environment_until_it_ends(tmp_path: Path) -> None:
    variable = f"KILLED_RUN={tmp_path}"
    environment = {**os.environ, "KILLED_RUN": str(tmp_path)}
    code = "print(flush=True); import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it runs
        assert wait_until_none(lambda: started_with(variable), patience_s=0.0) == [process.pid]
        assert is_running(process.pid)
        assert describe(process.pid).startswith(f"process {process.pid}: {sys.executable} -c print")
        process.kill()
    assert wait_until_none(lambda: started_with(variable), patience_s=10) == []
    assert not is_running(process.pid)
    assert describe(process.pid) == f"process {process.pid}: (ended)"
