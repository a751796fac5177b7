"""dlrun.cli.ranks.launched: what a process of another launcher may run, and where it tells its error."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.cli.ranks import launched
from dlrun.cli.ranks.launched import in_words, is_told_elsewhere
from dlrun.errors import DataError, PeerLostError

Dlrun = Callable[..., tuple[int, str, str]]
PLACE = {
    "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1", "MASTER_ADDR": "here", "MASTER_PORT": "1",
}  # fmt: skip
FIRST, SECOND = {**PLACE, "RANK": "0"}, {**PLACE, "RANK": "1"}


@pytest.mark.parametrize(
    ("words", "what", "advice"),
    [
        (("-m", "seed=0,1"), "-m", "; device.processes=N trains each run in N processes."),
        (("dataset=iris", "dataset.folds=3"), "dataset.folds", "; device.processes=N trains each run in N processes."),
        (("env",), "dlrun env", "."),
    ],
)
def test_what_each_process_would_do_again_is_refused(
    dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], what: str, advice: str
) -> None:
    for name, value in FIRST.items():
        monkeypatch.setenv(name, value)
    told = "A launcher started 2 processes, and each of them would do all of it. Start it without torchrun"
    assert dlrun(*words) == (2, "", f"dlrun: 1 problem in the configuration:\n  {what}\n      {told}{advice}\n")


def test_without_an_agent_every_process_tells_its_error_but_only_one_that_another_is_gone() -> None:
    assert not is_told_elsewhere(DataError("a"), {})
    assert not is_told_elsewhere(DataError("a"), FIRST)
    assert not is_told_elsewhere(DataError("a"), SECOND)
    assert not is_told_elsewhere(PeerLostError("a"), FIRST)
    assert is_told_elsewhere(PeerLostError("a"), SECOND)


def test_a_place_that_contradicts_itself_is_told_once(dlrun: Dlrun, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**SECOND, "RANK": "2"}.items():
        monkeypatch.setenv(name, value)
    code, out, err = dlrun("ls")
    assert (code, out, err.count("The environment says RANK=2 WORLD_SIZE=2"), err.count("Traceback")) == (2, "", 1, 0)
    with pytest.raises(SystemExit, match="2"):
        launched.end(2)


def test_an_agent_reads_the_error_from_a_file(tmp_path: Path) -> None:
    pytest.importorskip("torch.distributed.elastic.multiprocessing.errors")
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

    path = tmp_path / "error.json"
    agent = {"TORCHELASTIC_ERROR_FILE": str(path)}
    assert is_told_elsewhere(PeerLostError("a"), {**SECOND, **agent})
    assert is_told_elsewhere(PeerLostError("a"), {**FIRST, **agent})
    assert not path.exists()
    assert is_told_elsewhere(DataError("rows.csv: no such file"), {**SECOND, **agent})
    assert not is_told_elsewhere(DataError("rows.csv: no such file"), {**FIRST, **agent})
    failure = ProcessFailure(local_rank=1, pid=1, exitcode=3, error_file=str(path))
    assert failure.message == json.loads(path.read_text())["message"]
    assert failure.message["message"] == failure.message["extraInfo"]["py_callstack"] == "rows.csv: no such file"
    assert failure.timestamp == int(failure.message["extraInfo"]["timestamp"])


def test_a_defect_is_told_with_its_traceback(tmp_path: Path) -> None:
    path = tmp_path / "error.json"
    try:
        raise KeyError("a")
    except KeyError as error:
        is_told_elsewhere(error, {**SECOND, "TORCHELASTIC_ERROR_FILE": str(path)})
    told = json.loads(path.read_text())["message"]
    assert told["message"] == "KeyError: 'a'"
    assert "in test_a_defect_is_told_with_its_traceback" in told["extraInfo"]["py_callstack"]


@pytest.mark.parametrize(
    "error", [MemoryError("std::bad_alloc"), RuntimeError("DefaultCPUAllocator: not enough memory")]
)
def test_memory_that_is_not_there_is_no_defect_of_dlrun(error: Exception) -> None:
    found = in_words(error, [])
    assert found is not None
    assert found.exit_code == 2
    assert str(found) == (
        "Out of memory: the system gave no more. Free some, or use fewer device.processes or a smaller dataset.limit."
    )
    assert in_words(KeyError("a"), []) is None


def test_a_file_that_cannot_be_written_is_a_notice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "no" / "error.json"
    assert is_told_elsewhere(DataError("a"), {**SECOND, "TORCHELASTIC_ERROR_FILE": str(path)})
    assert capsys.readouterr().err == f"notice: {path} could not be written (No such file or directory).\n"


def test_one_of_several_processes_ends_at_once_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(launched.os, "_exit", ended.append)
    with pytest.raises(SystemExit, match="7"):
        launched.end(7)
    for name, value in SECOND.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit, match="0"):
        launched.end(0)
    launched.end(7)
    assert ended == [7]
