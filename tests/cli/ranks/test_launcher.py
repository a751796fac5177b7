"""dlrun.cli.ranks.launcher: processes of one run, started by the command, and what becomes of them when one fails."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dlrun.cli.ranks.launcher import environment_of, share_of_cores
from dlrun.configuration.safe_yaml import read_yaml
from tests.faults.kills import files_of
from tests.processes import started_with, wait_until_none

Dlrun = Callable[..., tuple[int, str, str]]
PLUGIN = Path(__file__).with_name("failing.py")
WORDS = (
    "--plugin", str(PLUGIN), "dataset=iris", "model=failing", "trainer.epochs=3", "trainer.batch_size=32",
    "trainer.log_every=1", "checkpoint.every_steps=2", "device=cpu", "device.threads=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ranks")


@pytest.fixture(autouse=True)
def in_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All tests share a folder; after each, no process of it is left."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DLRUN_RANKS", str(folder))
    yield
    assert wait_until_none(lambda: started_with(f"DLRUN_RANKS={folder}"), patience_s=10) == []


@pytest.fixture
def whole(folder: Path, dlrun: Dlrun) -> Path:
    """Train with two processes, without a failure, once for all tests."""
    if not (folder / "whole").exists():
        code, out, err = dlrun(*WORDS, "device.processes=2", "hydra.run.dir=whole")
        (folder / "whole.out").write_text(out)
        (folder / "whole.err").write_text(err)
        assert code == 0, err
    return folder / "whole"


def different(run: Path, whole: Path) -> list[str]:
    """Return the files of a run, and the parts of its result, that are not those of the one without a failure."""
    found, expected = files_of(run), files_of(whole)
    results = [json.loads(files.pop("result.json")) for files in (found, expected)]
    parts = ("status", "error", "metrics", "best", "steps", "samples", "dataset")
    return [
        *(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)),
        *(part for part in parts if results[0][part] != results[1][part]),
    ]


def test_one_folder_one_console_one_result(whole: Path, dlrun: Dlrun) -> None:
    out, err = (whole.with_name(f"whole.{name}").read_text() for name in ("out", "err"))
    assert out.count("accuracy") == 1
    assert out.startswith("metric ")
    (line,) = (line for line in err.splitlines() if line.startswith("ranks"))
    assert re.fullmatch(
        r"ranks   2 processes on this machine \(gloo, 127\.0\.0\.1:\d+\), 16 rows each of batches of 32, 1 thread each",
        line,
    )
    assert err.count("completed: 12 steps") == 1
    assert read_yaml(whole / "config.yaml")["device"]["processes"] == 2
    result = json.loads((whole / "result.json").read_text())
    assert (result["environment"]["processes"], result["auto"]["device.strategy"]) == (2, "ddp")
    assert [path.name for path in whole.glob("rank*")] == []
    code, evaluated, _ = dlrun("eval", "whole", "--json", "--plugin", str(PLUGIN))
    assert code == 0
    metrics = json.loads((whole / "result.json").read_text())["metrics"]
    assert json.loads(evaluated) == {name: pytest.approx(metrics[name], abs=1e-6) for name in json.loads(evaluated)}


def test_a_killed_process_ends_all_and_the_run_goes_on(
    whole: Path, dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL", "1 kill 6")
    code, _, err = dlrun(*WORDS, "device.processes=2", "hydra.run.dir=killed", "--quiet")
    assert code == 7
    assert re.fullmatch(
        r"dlrun: Process 2 of 2 \(rank 1, pid \d+\) was killed by SIGKILL, perhaps for lack of memory, so all were "
        r"ended\. What was saved is intact\.\n      dlrun resume killed   goes on with it\n",
        err,
    )
    result = json.loads(Path("killed/result.json").read_text())
    assert result["status"] == "failed"
    assert f"dlrun: {result['error']}\n" == err
    assert Path("killed/dlrun.log").read_text().endswith(f"error: {result['error']}\n")
    monkeypatch.delenv("FAIL")
    code, _, err = dlrun("resume", "killed", "--quiet", "--plugin", str(PLUGIN))
    assert code == 0, err
    assert different(Path("killed"), whole) == []


def test_a_process_that_fails_alone_stops_the_others_in_words(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL", "2 raise 3")
    code, out, err = dlrun(*WORDS, "device.processes=4", "hydra.run.dir=raised", "--quiet", "--debug")
    assert (code, out) == (2, "")
    told = (
        "rank 2 of 4: 1 problem in a plugin:\n  --plugin failing.py\n      Its code failed: KeyError: 'a column' "
        '(failing.py, line 42, `raise KeyError("a column")`).'
    )
    assert f"dlrun: {told}\n" in err
    assert 'in fail\n    raise KeyError("a column")' in err
    result = json.loads(Path("raised/result.json").read_text())
    assert (result["status"], result["error"]) == ("failed", told)
    assert {path.name: path.read_text() for path in Path("raised").glob("rank*")} == {"rank-2.log": "about to raise\n"}


def test_a_plugin_that_ends_its_process_is_told_in_words(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL", "1 exit 1")
    code, _, err = dlrun(*WORDS, "device.processes=2", "hydra.run.dir=ended", "--quiet")
    told = (
        "1 problem in a plugin:\n  --plugin failing.py\n      Its code ended the program: SystemExit: 3 (failing.py, "
        "line 44, `sys.exit(3)`)."
    )
    assert (code, err) == (2, f"dlrun: rank 1 of 2: {told}\n")
    monkeypatch.setenv("FAIL", "0 exit 3")
    assert dlrun(*WORDS, "hydra.run.dir=ended_alone", "--quiet") == (2, "", f"dlrun: {told}\n")
    result = json.loads(Path("ended_alone/result.json").read_text())
    assert (result["status"], result["error"]) == ("failed", told)


def test_a_signal_to_one_process_stops_all_after_the_same_step(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL", "1 interrupt 5")
    code, _, err = dlrun(*WORDS, "device.processes=2", "hydra.run.dir=stopped", "--quiet")
    assert (code, err) == (130, "dlrun: Stopped at step 5 of epoch 2; everything is saved.\n")
    assert Path("stopped/checkpoints/last").read_text().strip() == "step-5"
    assert not Path("stopped/rank-1.log").exists()


def test_processes_end_with_their_launcher(folder: Path) -> None:
    """The launcher is killed while one process waits for ever and the other for that one."""
    process = subprocess.Popen(
        [sys.executable, "-m", "dlrun", *WORDS, "device.processes=2", "hydra.run.dir=left", "--quiet"],
        env={**os.environ, "FAIL": "0 hang 2"},
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"hanging\n"
        process.kill()
        assert process.wait() == -signal.SIGKILL
        started = time.monotonic()
        assert wait_until_none(lambda: started_with(f"DLRUN_RANKS={folder}"), patience_s=10) == []
        assert time.monotonic() - started < 5


def test_the_agent_of_torchrun_starts_a_killed_run_again(whole: Path, folder: Path) -> None:
    agent = ("-m", "torch.distributed.run", "--nproc-per-node=2", "--max-restarts=1", "--monitor-interval=0.1")
    done = subprocess.run(
        [sys.executable, *agent, "-m", "dlrun", *WORDS, "resume=auto", "hydra.run.dir=elastic", "--quiet"],
        env={**os.environ, "FAIL": "1 kill 6"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "dlrun: " not in done.stderr  # the agent tells which process was killed
    assert done.stdout.count("accuracy") == 1
    assert different(folder / "elastic", whole) == []


def test_each_process_learns_its_place() -> None:
    found = environment_of(1, 4, 4711, {"HOME": "/root", "GLOO_SOCKET_IFNAME": "eth0"})
    assert found == {
        "HOME": "/root",
        "GLOO_SOCKET_IFNAME": "eth0",
        "RANK": "1",
        "WORLD_SIZE": "4",
        "LOCAL_RANK": "1",
        "LOCAL_WORLD_SIZE": "4",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": "4711",
    }
    assert environment_of(0, 2, 1, {})["GLOO_SOCKET_IFNAME"] in ("lo", "lo0")


def test_processes_share_the_cores_of_a_run() -> None:
    assert [share_of_cores(cores, 2) for cores in (None, 1, 4, 5)] == [None, 1, 2, 2]
