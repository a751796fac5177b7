"""Some faults of each kind; `python -m tests.faults` injects many."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dlrun.storage.checkpoints import CheckpointStore
from tests.faults import full_disks
from tests.faults.damage import flip_bits, newest_of, other_damage
from tests.faults.kills import KINDS, whole_run


@pytest.fixture
def scratch() -> Iterator[Path]:
    """Return a folder in memory, if possible: these tests need no real disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def inject(*words: str) -> str:
    """Run the long version with other numbers, in a new process, because it forks; return what it prints."""
    command = [sys.executable, "-m", "tests.faults", "--only-kills", *words]
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_killed_runs_end_as_if_never_killed() -> None:
    """Three kills of each kind."""
    printed = inject("--kills", str(3 * len(KINDS)), "--sweep-kills", "0", "--rank-kills", "0", "--seed", "1")
    assert f"{3 * len(KINDS)} of {3 * len(KINDS)} kills survived; no processes left behind" in printed


def test_a_killed_sweep_ends_with_the_rows_and_bytes_of_one_that_was_not_killed() -> None:
    printed = inject("--kills", "0", "--sweep-kills", "3", "--rank-kills", "0", "--seed", "5")
    assert "3 of 3 kills survived; no processes left behind" in printed


@pytest.mark.parametrize("replaced", [False, True])
def test_each_system_call_of_a_save_may_fail(scratch: Path, replaced: bool) -> None:
    survived, wrong = full_disks.saves(scratch / "checkpoints", replaced=replaced)
    assert wrong == []
    assert set(survived) == set(full_disks.DISKS)
    assert min(survived.values()) >= 15


def test_a_file_size_limit_is_reported_as_a_full_disk(scratch: Path) -> None:
    codes = {limit: full_disks.full_by_limit(scratch / str(limit), limit) for limit in (0, 100, 3000, 100_000)}
    assert codes == {0: 5, 100: 5, 3000: 5, 100_000: 0}
    for limit in (0, 100, 3000):
        newest, errors = newest_of(scratch / str(limit))
        assert newest is not None
        assert newest.step == 3
        assert errors == []


@pytest.fixture
def checkpoints(scratch: Path) -> Path:
    """Return the folder of the checkpoints of a short run."""
    whole_run(KINDS["ema"], scratch / "run")
    return scratch / "run" / "checkpoints"


def test_every_flipped_bit_is_detected(checkpoints: Path) -> None:
    step = CheckpointStore(checkpoints).steps()[-1]
    found, missed = flip_bits(checkpoints / f"step-{step}", step, 300, random.Random(0))
    assert missed == []
    assert found == 300


def test_every_other_damage_is_detected(checkpoints: Path) -> None:
    steps = CheckpointStore(checkpoints).steps()
    others = [checkpoints / f"step-{step}" for step in steps[:-1]]
    found, missed = other_damage(checkpoints / f"step-{steps[-1]}", steps[-1], others)
    assert missed == []
    assert set(found) >= {"cut short", "zeroed", "lengthened", "a block zeroed", "swapped", "all files swapped"}


FILL = """
import sys
from pathlib import Path
from dlrun.cli.main import main
from dlrun.storage.checkpoints import CheckpointStore

words = ["dataset=iris", "model=mlp", "model.hidden=[8]", "device=cpu", "device.threads=1", "--quiet"]
words += ["hydra.run.dir=full/run"]
code = main([*words, "trainer.epochs=500", "checkpoint.every_steps=1", "checkpoint.keep=500"])
newest, errors = CheckpointStore(Path("full/run/checkpoints")).load_newest()
assert newest is not None and newest.step > 5 and errors == [], errors
print(code, newest.step)
if code == 5:
    assert main(["clean", "full/run", "--keep", "1"]) == 0
    code = main(["resume", "full/run", f"trainer.max_steps={newest.step + 4}", "--quiet", "checkpoint.keep=1"])
sys.exit(code + 10)
"""


def test_a_full_file_system_is_an_error_and_the_run_resumes_once_there_is_space(tmp_path: Path) -> None:
    """On a tmpfs of 600 KiB in a new mount namespace, if the system allows one."""
    (tmp_path / "full").mkdir()
    (tmp_path / "fill.py").write_text(FILL)
    root = Path(__file__).parent.parent.parent
    script = f"mount -t tmpfs -o size=600k none full && PYTHONPATH={root} exec {sys.executable} fill.py"
    namespace = ["unshare", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*namespace, "true"], check=False).returncode:
        pytest.skip("no mount namespace here; test_a_file_size_limit_is_reported_as_a_full_disk covers the rest")
    done = subprocess.run([*namespace, "sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 10, done.stdout + done.stderr
    assert done.stdout.startswith("5 ")
    assert "could not be written (No space left on device). Free some space" in done.stderr
