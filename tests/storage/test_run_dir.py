"""dlrun.storage.run_dir: two runs never share a folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dlrun.errors import ConfigError, StorageError
from dlrun.storage.run_dir import RunDir
from dlrun.storage.run_dir import claim as claim_folder

Claim = Callable[..., RunDir]


@pytest.fixture
def claim() -> Iterator[Claim]:
    """Return a function that claims folders, which are released after the test."""
    with contextlib.ExitStack() as held:

        def claimed(*args: object, **options: object) -> RunDir:
            folder = claim_folder(*args, **options)  # type: ignore[arg-type]
            held.callback(folder.release)
            return folder

        yield claimed


def test_a_taken_name_gets_a_suffix(tmp_path: Path, claim: Claim) -> None:
    claimed = [claim(tmp_path / "run", asked=False, resume="never") for _ in range(3)]
    assert [entry.path.name for entry in claimed] == ["run", "run_2", "run_3"]


def test_a_requested_folder_without_a_run_is_used(tmp_path: Path, claim: Claim) -> None:
    (tmp_path / "mine").mkdir()
    claimed = claim(tmp_path / "mine", asked=True, resume="never")
    assert claimed.path == tmp_path / "mine"
    assert not claimed.holds_run


def test_a_folder_with_a_run_is_an_error_unless_it_is_resumed(tmp_path: Path, claim: Claim) -> None:
    first = claim(tmp_path / "mine", asked=True, resume="never")
    first.write_config("seed: 0\n")
    first.release()
    with pytest.raises(ConfigError, match=r"This folder already contains a run\. Add resume=auto to resume it"):
        claim(tmp_path / "mine", asked=True, resume="never")
    assert claim(tmp_path / "mine", asked=True, resume="auto").holds_run


def test_must_requires_a_run(tmp_path: Path, claim: Claim) -> None:
    with pytest.raises(ConfigError, match="There is no run to resume in"):
        claim(tmp_path / "none", asked=True, resume="must")


def test_a_locked_folder_names_the_process_that_trains(tmp_path: Path, claim: Claim) -> None:
    held = claim(tmp_path / "mine", asked=True, resume="never")
    held.write_config("seed: 0\n")
    with pytest.raises(StorageError, match=r"this run is being trained by process \d+ on "):
        claim(tmp_path / "mine", asked=True, resume="auto")
    held.release()
    claim(tmp_path / "mine", asked=True, resume="auto")


def test_a_folder_without_a_started_run_is_removed(tmp_path: Path, claim: Claim) -> None:
    claim(tmp_path / "run", asked=False, resume="never").release()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path, claim: Claim) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        claim(tmp_path / "file" / "run", asked=False, resume="never")
    with pytest.raises(StorageError, match=r"could not be written \(File name too long\)"):
        claim(tmp_path / ("a" * 300), asked=False, resume="never")
    with pytest.raises(StorageError, match=r"file: could not be written \(File exists\)"):
        claim(tmp_path / "file", asked=True, resume="never")


def test_too_many_taken_names_are_an_error(tmp_path: Path, claim: Claim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlrun.storage.run_dir.MOST_NAMES", 2)
    for _ in range(2):
        claim(tmp_path / "run", asked=False, resume="never")
    with pytest.raises(StorageError, match="run: every name up to run_2 is taken"):
        claim(tmp_path / "run", asked=False, resume="never")


def test_runs_started_at_once_never_share_a_folder(tmp_path: Path, claim: Claim) -> None:
    code = (
        "import sys; from pathlib import Path; from dlrun.storage.run_dir import claim\n"
        "run = claim(Path('run'), asked=False, resume='never'); run.write_config('x'); print(run.path)"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(12)]
    folders = [process.communicate()[0].strip() for process in processes]
    assert len(set(folders)) == 12
    assert all(folders)


def test_a_forked_child_does_not_hold_the_lock(tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from dlrun.storage.run_dir import claim\n"
        "run = claim(Path('mine'), asked=True, resume='never'); run.write_config('seed: 0')\n"
        "child = os.fork()\n"
        "if child == 0: time.sleep(30); os._exit(0)\n"
        "print(child, flush=True); os.kill(os.getpid(), 9)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.wait(30)
    deadline = time.monotonic() + 10
    try:
        while True:
            try:
                claim_folder(tmp_path / "mine", asked=True, resume="auto").release()
                break
            except StorageError:  # the child releases the lock as soon as it runs
                assert time.monotonic() < deadline
                time.sleep(0.05)
    finally:
        os.kill(child, signal.SIGKILL)
        process.stdout.close()


def test_64_runs_started_at_once_never_share_a_folder(tmp_path: Path) -> None:
    code = (
        "import os; from pathlib import Path; from dlrun.storage.run_dir import claim\n"
        "for _ in range(8):\n"
        "    if os.fork() == 0:\n"
        "        run = claim(Path('run'), asked=False, resume='never'); run.write_config('x')\n"
        "        os.write(1, f'{run.path}\\n'.encode()); os._exit(0)\n"
        "for _ in range(8): os.wait()"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
        for _ in range(8)
    ]
    folders = [line for process in started for line in process.communicate()[0].split()]
    assert len(folders) == len(set(folders)) == 64


@pytest.mark.parametrize("name", [".lock", "metrics.jsonl", "dlrun.log", "checkpoints"])
def test_a_link_in_a_runs_folder_is_not_written_through(tmp_path: Path, name: str) -> None:
    folder, outside = tmp_path / "run", tmp_path / "mine.txt"
    outside.write_text("mine")
    folder.mkdir()
    (folder / "config.yaml").write_text("seed: 1\n")
    (folder / name).symlink_to(outside)
    with pytest.raises(
        StorageError, match="expected a file or a folder, got a link; a run writes to its own folder only"
    ):
        claim_folder(folder, asked=True, resume="auto")
    assert outside.read_text() == "mine"


def test_a_pipe_in_a_runs_folder_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "metrics.jsonl")
    with pytest.raises(StorageError, match="got a pipe or a device"):
        claim_folder(tmp_path, asked=True, resume="never")


def test_links_that_a_run_does_not_write_to_stay(tmp_path: Path) -> None:
    (tmp_path / "notes").symlink_to(tmp_path)
    claim_folder(tmp_path, asked=True, resume="never").release()
    assert (tmp_path / "notes").is_symlink()


def test_a_folder_that_somebody_removed_can_be_released(tmp_path: Path) -> None:
    claimed = claim_folder(tmp_path / "run", asked=True, resume="never")
    shutil.rmtree(tmp_path / "run")
    claimed.release()
    assert not (tmp_path / "run").exists()
