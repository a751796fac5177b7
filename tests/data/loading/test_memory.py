"""dlrun.data.loading.memory: freed memory is returned to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import numpy as np, resource
from dlrun.data.loading.memory import returning_memory

def now():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

def work():
    kept = []
    for _ in range(40):
        large = np.ones(1 << 20)  # 8 MiB, freed in the next round
        kept.append(np.ones(64))
    del large
    return kept

before = now()
with returning_memory():
    kept = work()
print((now() - before) >> 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_memory_freed_in_the_block_is_returned() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 8


def test_an_error_in_the_block_is_raised() -> None:
    from dlrun.data.loading.memory import returning_memory

    with pytest.raises(ValueError, match="inside"), returning_memory():
        raise ValueError("inside")
