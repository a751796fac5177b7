"""dlrun.data.loading.memory: what was freed is not kept."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import numpy as np, resource
from dlrun.data.loading.memory import given_back

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
with given_back():
    kept = work()
print((now() - before) >> 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc only")
def test_what_a_block_frees_goes_back() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 8


def test_an_error_inside_comes_out() -> None:
    from dlrun.data.loading.memory import given_back

    with pytest.raises(ValueError, match="inside"), given_back():
        raise ValueError("inside")
