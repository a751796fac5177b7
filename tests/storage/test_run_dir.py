"""dlrun.storage.run_dir: two runs never share a folder."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dlrun.errors import ConfigError, StorageError
from dlrun.storage.run_dir import RunDir
from dlrun.storage.run_dir import claim as claim_folder

Claim = Callable[..., RunDir]


@pytest.fixture
def claim() -> Iterator[Claim]:
    """Claim folders, and let go of them when the test is over."""
    with contextlib.ExitStack() as held:

        def claimed(*args: object, **options: object) -> RunDir:
            folder = claim_folder(*args, **options)  # type: ignore[arg-type]
            held.callback(folder.release)
            return folder

        yield claimed


def test_a_taken_name_gets_a_suffix(tmp_path: Path, claim: Claim) -> None:
    claimed = [claim(tmp_path / "run", asked=False, resume="never") for _ in range(3)]
    assert [entry.path.name for entry in claimed] == ["run", "run_2", "run_3"]


def test_a_folder_asked_for_is_taken_when_it_holds_no_run(tmp_path: Path, claim: Claim) -> None:
    (tmp_path / "mine").mkdir()
    claimed = claim(tmp_path / "mine", asked=True, resume="never")
    assert claimed.path == tmp_path / "mine"
    assert not claimed.holds_run


def test_a_folder_that_holds_a_run_is_refused_unless_gone_on_with(tmp_path: Path, claim: Claim) -> None:
    first = claim(tmp_path / "mine", asked=True, resume="never")
    first.write_config("seed: 0\n")
    first.release()
    with pytest.raises(ConfigError, match=r"This folder already contains a run\. Add resume=auto to resume it"):
        claim(tmp_path / "mine", asked=True, resume="never")
    assert claim(tmp_path / "mine", asked=True, resume="auto").holds_run


def test_must_needs_a_run(tmp_path: Path, claim: Claim) -> None:
    with pytest.raises(ConfigError, match="There is no run to resume in"):
        claim(tmp_path / "none", asked=True, resume="must")


def test_one_owner_and_the_other_is_told_who(tmp_path: Path, claim: Claim) -> None:
    held = claim(tmp_path / "mine", asked=True, resume="never")
    held.write_config("seed: 0\n")
    with pytest.raises(StorageError, match=r"this run is being trained by process \d+ on "):
        claim(tmp_path / "mine", asked=True, resume="auto")
    held.release()
    claim(tmp_path / "mine", asked=True, resume="auto")


def test_a_folder_in_which_nothing_was_started_is_removed(tmp_path: Path, claim: Claim) -> None:
    claim(tmp_path / "run", asked=False, resume="never").release()
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, claim: Claim) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        claim(tmp_path / "file" / "run", asked=False, resume="never")


def test_runs_started_at_once_never_share_a_folder(tmp_path: Path, claim: Claim) -> None:
    code = (
        "import sys; from pathlib import Path; from dlrun.storage.run_dir import claim\n"
        "run = claim(Path('run'), asked=False, resume='never'); run.write_config('x'); print(run.path)"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(12)]
    folders = [process.communicate()[0].strip() for process in processes]
    assert len(set(folders)) == 12
    assert all(folders)
