"""dlrun.runs.sweeps.engines.cluster.file_channel: events and orders survive kills, delays and half lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.errors import StorageError
from dlrun.runs.sweeps.engines.cluster.file_channel import (
    FileChannel,
    LineReader,
    decode_event,
    encode_event,
    order_stop,
)
from dlrun.runs.sweeps.jobs import Ended, Event, Measured, Started
from dlrun.runs.sweeps.rows import SweepRow
from dlrun.storage.json_lines import append_line

EVENTS: list[Event] = [
    Started(3, "cuda:1", "node7"),
    Measured(3, epoch=1, step=4, seconds=0.5, metrics={"val/loss": float("inf")}, total_steps=8),
    Ended(SweepRow(3, ["seed=1"], "completed", {"val/loss": 0.25}, {"metric": "val/loss", "value": 0.25}, 1.5, "/x")),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_events_come_back_as_they_were(tmp_path: Path, event: Event) -> None:
    append_line(tmp_path / "events", encode_event(event))
    assert [decode_event(line) for line in LineReader(tmp_path / "events").read()] == [event]


def test_each_line_is_read_once_and_half_a_line_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "events"
    reader = LineReader(path)
    assert reader.read() == []  # there is no file yet
    path.write_bytes(b'{"a": 1}\n{"b": ')
    assert reader.read() == [{"a": 1}]
    assert reader.read() == []
    with path.open("ab") as stream:
        stream.write(b'2}\n{"c": 3}\n')
    assert reader.read() == [{"b": 2}, {"c": 3}]
    assert reader.read() == []


def test_half_a_line_of_a_killed_process_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b'{"a": 1}\n{"b"')
    append_line(path, {"c": 3})
    assert path.read_bytes() == b'{"a": 1}\n{"b"\n{"c": 3}\n'
    assert LineReader(path).read() == [{"a": 1}, {"c": 3}]


def test_a_line_that_is_no_object_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(b'17\n\xff\n\n{"a": 1}\n')
    assert LineReader(tmp_path / "events").read() == [{"a": 1}]


def test_a_job_adds_its_machine_to_where_it_began(tmp_path: Path) -> None:
    channel = FileChannel(tmp_path / "events", tmp_path / "orders", where="node7, SLURM job 12")
    channel.report(Started(0))
    channel.report(Started(1, where="process 4"))
    found = [decode_event(line) for line in LineReader(tmp_path / "events").read()]
    assert found == [Started(0, "", "node7, SLURM job 12"), Started(1, "", "node7, SLURM job 12, process 4")]


def test_orders_reach_the_point_that_they_name_or_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("dlrun.runs.sweeps.engines.cluster.file_channel.time.monotonic", lambda: now[0])
    orders = tmp_path / "orders"
    channel = FileChannel(tmp_path / "events", orders, where="here")
    assert channel.stop_reason(0) is None
    order_stop(orders, "hopeless", point=1)
    assert channel.stop_reason(1) is None  # asked again at once, it does not read the file again
    now[0] += 0.3
    assert (channel.stop_reason(0), channel.stop_reason(1)) == (None, "hopeless")
    order_stop(orders, "the sweep was stopped")
    now[0] += 0.3
    assert (channel.stop_reason(0), channel.stop_reason(1)) == ("the sweep was stopped", "hopeless")


def test_an_event_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="missing"):
        FileChannel(tmp_path / "missing/events", tmp_path / "orders", where="here").report(Started(0))
