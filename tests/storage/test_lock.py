"""dlrun.storage.lock: one holder at a time, told by name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dlrun.errors import StorageError
from dlrun.storage.lock import hold, is_held


def test_a_lock_has_one_holder_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    assert not is_held(path)
    assert not path.exists()
    with hold(path, busy="this is being done by"):
        assert is_held(path)
        expected = f"{tmp_path}: this is being done by process {os.getpid()} on {os.uname().nodename}."
        with pytest.raises(StorageError) as caught:
            hold(path, busy="this is being done by")
        assert str(caught.value) == expected
    assert not is_held(path)
    hold(path, busy="").close()


def test_a_lock_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"\.lock: could not be written \(No such file or directory\)"):
        hold(tmp_path / "gone" / ".lock", busy="")
