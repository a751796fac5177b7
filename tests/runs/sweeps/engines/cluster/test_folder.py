"""dlrun.runs.sweeps.engines.cluster.folder: a sweep that is started again takes over from the one before."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.errors import StorageError
from dlrun.runs.sweeps.engines.cluster.file_channel import LineReader, OrderReader
from dlrun.runs.sweeps.engines.cluster.folder import ClusterFolder
from dlrun.storage.json_lines import append_line


def test_jobs_of_an_earlier_start_are_asked_to_save_and_end(tmp_path: Path) -> None:
    earlier = tmp_path / ".cluster/20260101-120000-7/orders.jsonl"
    earlier.parent.mkdir(parents=True)
    append_line(earlier, {"point": 2, "reason": "hopeless"})
    folder = ClusterFolder(tmp_path)
    folder.open()
    assert [OrderReader(earlier).reason(point) for point in (0, 2)] == ["the sweep was started again", "hopeless"]
    assert LineReader(folder.orders).read() == []
    assert folder.scheduler.is_dir()


def test_each_job_has_a_file_for_its_events(tmp_path: Path) -> None:
    folder = ClusterFolder(tmp_path)
    assert [folder.new_events().name for _ in range(2)] == ["events-1.jsonl", "events-2.jsonl"]


def test_a_start_that_failed_leaves_what_was_there_before(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/sweep.jsonl").touch()
    folder = ClusterFolder(tmp_path / "s")
    folder.open()
    folder.remove()
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["sweep.jsonl"]


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".cluster").touch()
    with pytest.raises(StorageError, match=r"\.cluster"):
        ClusterFolder(tmp_path).open()
