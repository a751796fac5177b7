"""`dlrun.data.loading.streaming`: rows read when needed are the same as rows in memory."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from dlrun.configuration.place import Place
from dlrun.configuration.schema.fields import Augment
from dlrun.configuration.schema.settings import DatasetSettings
from dlrun.data.loading import reader as reading
from dlrun.data.loading.reader import Reader, available_memory, fits, read_all
from dlrun.data.loading.shard import Shard
from dlrun.data.loading.split import Loader, MemorySplit, in_order
from dlrun.data.loading.streaming import StreamedSplit
from dlrun.data.prepare import prepare
from dlrun.data.source import Rows, Source
from dlrun.data.spec import Scaling
from dlrun.errors import ConfigError, DataError

Dlrun = Callable[..., tuple[int, str, str]]


class Numbered(Reader):
    """Row i is a picture of random bytes, drawn from i; one row may be bad, and one may end its process."""

    dtype = torch.uint8
    row_shape = (3, 6, 5)

    def __init__(self, count: int, *, bad: int = -1, deadly: int = -1) -> None:
        self._count, self._bad, self._deadly = count, bad, deadly
        self._process = os.getpid()

    def __len__(self) -> int:
        return self._count

    def read(self, rows: Sequence[int]) -> Tensor:
        if self._bad in rows:
            raise DataError(f"{self._bad}.png: is damaged.")
        if self._deadly in rows and os.getpid() != self._process:
            os.kill(os.getpid(), signal.SIGKILL)
        return torch.stack(
            [torch.from_numpy(np.random.default_rng(row).integers(0, 256, (3, 6, 5), "uint8")) for row in rows]
        )


SCALING = Scaling((90.0, 100.0, 110.0), (30.0, 40.0, 50.0), 0.0, 255.0)


def both(count: int, *, workers: int) -> tuple[MemorySplit, StreamedSplit]:
    reader, targets = Numbered(count), torch.arange(count)
    return (
        MemorySplit(reader.read(range(count)), targets, scaling=SCALING),
        StreamedSplit(reader, targets, scaling=SCALING, workers=workers),
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_those_in_memory_from_any_batch_on(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dlrun.data.loading.split._CHUNK_BYTES", 2 * 7 * 360)  # two batches are read at once
    loaders = [
        Loader(split, batch_size=7, seed=3, shuffle=True, augment=Augment(shift=1, crop=1, flip=True))
        for split in both(40, workers=workers)
    ]
    for epoch, start in ((0, 0), (1, 0), (1, 3), (2, 5)):
        in_memory, streamed = (list(loader.epoch(epoch, start=start)) for loader in loaders)
        assert len(in_memory) == len(streamed) == 6 - start
        for one, other in zip(in_memory, streamed, strict=True):
            assert torch.equal(one.inputs, other.inputs)
            assert torch.equal(one.targets, other.targets)


@pytest.mark.parametrize("workers", [0, 2])
def test_rows_in_order_are_those_in_memory(workers: int) -> None:
    in_memory, streamed = both(25, workers=workers)
    got = list(in_order(streamed, batch_size=10))
    assert [len(batch.targets) for batch in got] == [10, 10, 5]
    assert torch.equal(torch.cat([batch.inputs for batch in got]), in_memory.fetch(slice(None)).inputs)
    assert streamed.row_bytes == in_memory.row_bytes == 360


def test_a_pass_that_was_stopped_does_not_change_the_next() -> None:
    in_memory, streamed = both(40, workers=2)
    first = iter(streamed.stream([slice(0, 10), slice(10, 20), slice(20, 30), slice(30, 40)]))
    next(first)
    first.close()
    got = torch.cat([batch.inputs for batch in in_order(streamed, batch_size=8)])
    assert torch.equal(got, in_memory.fetch(slice(None)).inputs)


def test_workers_do_not_change_the_random_state_of_the_run() -> None:
    _, streamed = both(20, workers=2)
    before = torch.get_rng_state()
    assert len(list(in_order(streamed, batch_size=5))) == 4
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_bad_row_is_reported_by_a_worker(workers: int) -> None:
    streamed = StreamedSplit(Numbered(20, bad=13), torch.arange(20), workers=workers)
    batches = in_order(streamed, batch_size=4)
    assert [len(next(batches).targets) for _ in range(3)] == [4, 4, 4]
    with pytest.raises(DataError) as caught:
        next(batches)
    assert str(caught.value) == "13.png: is damaged."


def test_when_workers_are_killed_the_rest_is_read_without_them(capfd: pytest.CaptureFixture[str]) -> None:
    streamed = StreamedSplit(Numbered(20, deadly=9), torch.arange(20), workers=1)
    rows = [int(row) for batch in in_order(streamed, batch_size=4) for row in batch.targets]
    assert rows == list(range(20))
    assert "Workers that read the data were killed, perhaps for lack of memory" in capfd.readouterr().err


def test_the_death_of_a_worker_between_two_batches_does_not_raise_there(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGCHLD)
    streamed = StreamedSplit(Numbered(64), torch.arange(64), workers=1)
    batches = in_order(streamed, batch_size=2)
    rows = [int(row) for row in next(batches).targets]
    (worker,) = active_children_of(streamed)
    os.kill(worker, signal.SIGKILL)
    time.sleep(0.3)  # SIGCHLD has come
    assert signal.getsignal(signal.SIGCHLD) is before
    rows += [int(row) for batch in batches for row in batch.targets]
    assert rows == list(range(64))
    assert "Workers that read the data were killed" in capfd.readouterr().err


def test_so_is_a_worker_whose_death_the_thread_that_pins_memory_met(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(loader: object) -> None:
        raise RuntimeError("Pin memory thread exited unexpectedly")

    monkeypatch.setattr("dlrun.data.loading.streaming._begun", fail)
    streamed = StreamedSplit(Numbered(8), torch.arange(8), workers=1)
    assert [int(row) for batch in in_order(streamed, batch_size=4) for row in batch.targets] == list(range(8))
    assert "(Pin memory thread exited unexpectedly). The rest of this pass is read without them" in (
        capfd.readouterr().err
    )


def active_children_of(streamed: StreamedSplit) -> list[int]:
    assert streamed._started is not None
    iterator = streamed._started[0]._iterator
    return [worker.pid for worker in iterator._workers]  # type: ignore[union-attr]


def test_a_split_moves_to_another_device() -> None:
    _, streamed = both(4, workers=0)
    moved = streamed.to(torch.device("cpu"))
    assert torch.equal(moved.fetch(slice(1, 3)).inputs, streamed.fetch(torch.tensor([1, 2])).inputs)


def source(reader: Reader, *, in_memory: bool) -> Source:
    inputs = read_all(reader, what="x") if in_memory else reader
    numbers = torch.arange(len(reader))
    return Source("image", "binary", Rows(inputs, numbers % 2, weights=numbers.float()), scaling_rows=10)


def test_streamed_rows_are_split_padded_and_scaled_as_those_in_memory() -> None:
    settings = DatasetSettings(limit=30, pad=1)
    in_memory, streamed = (prepare("x", source(Numbered(40), in_memory=held), settings) for held in (True, False))
    assert in_memory.spec == streamed.spec
    assert streamed.spec.shape == (3, 8, 7)
    assert in_memory.sizes == streamed.sizes
    for name in in_memory.sizes:
        ours, theirs = (data.split(name).to(torch.device("cpu")).fetch(slice(None)) for data in (in_memory, streamed))
        assert torch.equal(ours.inputs, theirs.inputs)
        assert ours.weights is not None
        assert theirs.weights is not None
        assert torch.equal(ours.weights, theirs.weights)


def test_rows_are_in_memory_when_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "available_memory", lambda: 1000)
    assert fits(300, in_memory="auto")
    assert not fits(301, in_memory="auto")
    assert fits(10**15, in_memory=True)
    assert not fits(1, in_memory=False)


def test_the_processes_of_a_run_share_the_memory_of_their_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "available_memory", lambda: 1000)
    monkeypatch.setattr(reading, "place_of_process", lambda: Place(5, 8, 1, 4, "node1:29500"))
    assert fits(75, in_memory="auto"), "four on this machine: 30 % of 250 each"
    assert not fits(76, in_memory="auto")


def test_the_limit_of_the_process_bounds_what_is_available(monkeypatch: pytest.MonkeyPatch) -> None:
    assert available_memory() > 0
    used = reading._address_space()
    monkeypatch.setattr(resource, "getrlimit", lambda which: (used + 5000, used + 5000))
    monkeypatch.setattr(reading, "_address_space", lambda: used)
    assert available_memory() == 5000


def pictures(folder: Path, count: int, side: int) -> Path:
    for name, level in (("dark", 40), ("light", 200)):
        (folder / name).mkdir(parents=True)
        for number in range(count // 2):
            Image.new("RGB", (side, side), (level, number % 250, 90)).save(folder / name / f"{number:04d}.png")
    return folder


def test_weights_are_the_same_in_memory_and_streamed_with_any_number_of_workers(tmp_path: Path, dlrun: Dlrun) -> None:
    folder = pictures(tmp_path / "data", 60, 12)
    written = set()
    for number, words in enumerate(
        (["dataset.in_memory=true"], ["dataset.in_memory=false"], ["dataset.in_memory=false", "trainer.workers=2"])
    ):
        code, _, err = dlrun(
            "dataset=image_folder", f"dataset.path={folder}", "model=cnn", "model.channels=[4]", "trainer.epochs=2",
            "dataset.augment.crop=2", "trainer.batch_size=8", "device.threads=1", "--quiet", f"hydra.run.dir={number}",
            *words,
        )  # fmt: skip
        assert code == 0, err
        last = Path(f"{number}/checkpoints/last").read_text().strip()
        written.add(Path(f"{number}/checkpoints/{last}/model.safetensors").read_bytes())
    assert len(written) == 1


def test_rows_that_do_not_fit_are_reported_before_they_are_read() -> None:
    with pytest.raises(ConfigError) as caught:
        read_all(Numbered(10**14), what="pictures")
    assert str(caught.value).endswith(
        "100,000,000,000,000 pictures, 8,583,068,848 MiB decoded, do not fit into memory. Use dataset.in_memory=false."
    )


LIMITED = """
import resource, sys
from pathlib import Path
from dlrun.cli.main import main
words = ["dataset=image_folder", f"dataset.path={sys.argv[1]}", "dataset.val_fraction=0", "dataset.test_fraction=0.02",
         "dataset.size=256", "model=linear", "trainer.max_steps=12", "trainer.eval_batch_size=32", "device.threads=1",
         "device=cpu", "--quiet"]
assert main([*words, "dataset.limit=40", "dataset.in_memory=false", "hydra.run.dir=warm"]) == 0  # imports everything
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (240 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.exit(main([*words, f"dataset.in_memory={sys.argv[2]}", "hydra.run.dir=limited"]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits on memory hold on Linux")
def test_images_larger_than_the_memory_limit_are_trained_on_within_it(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "data", 1600, 256)  # 300 MiB decoded, where 240 MiB more may be taken
    (tmp_path / "limited.py").write_text(LIMITED)
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1"}

    def train(in_memory: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "limited.py", str(folder), in_memory]
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    done = train("auto")
    assert done.returncode == 0, done.stderr
    assert "300.0 MiB decoded, read from their files when needed" in Path("limited/dlrun.log").read_text()
    shutil.rmtree("limited")
    shutil.rmtree("warm")
    done = train("true")
    assert done.returncode == 2
    assert "fit into memory" in done.stderr  # all the rows, or the copies that the splits are
    assert "Use dataset.in_memory=false" in done.stderr


class Counted(Numbered):
    """Remembers which rows were read."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.rows_read: list[int] = []

    def read(self, rows: Sequence[int]) -> Tensor:
        self.rows_read += rows
        return super().read(rows)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("size", [2, 4])
def test_processes_share_the_rows_of_each_batch_and_read_no_others(size: int, workers: int) -> None:
    targets = torch.arange(23)
    whole = list(
        Loader(MemorySplit(read_all(Numbered(23), what="all"), targets), batch_size=10, seed=3, shuffle=True).epoch(1)
    )
    shared, read = [], []
    for rank in range(size):
        reader = Counted(23)
        split = StreamedSplit(reader, targets, workers=workers)
        loader = Loader(split, batch_size=10, seed=3, shuffle=True, shard=Shard(rank, size))
        loader._chunk = 1  # as for large rows, so that workers read ahead
        shared.append(list(loader.epoch(1)))
        read.append(reader.rows_read)
    for number, batch in enumerate(whole):
        parts = [batches[number] for batches in shared]
        own = [each for each in parts if each.part is not None and not each.part.is_empty]
        assert torch.equal(torch.cat([each.targets for each in own]), batch.targets)
        assert torch.equal(torch.cat([each.inputs for each in own]), batch.inputs)
    if not workers:  # they read in processes of their own
        # batches of 10, 10 and 3 rows; of the last, the first of four processes has none and reads a row to fill in
        filled = [1, 0, 0, 0] if size == 4 else [0, 0]
        assert sorted(len(rows) for rows in read) == sorted({2: [11, 12], 4: [5, 5, 7, 7]}[size])
        assert sum(len(rows) for rows in read) == 23 + sum(filled)
        assert sorted({row for rows in read for row in rows}) == list(range(23))


def test_a_part_tells_the_weights_and_if_asked_for_the_targets_of_all_rows() -> None:
    split = MemorySplit(torch.zeros(5, 1), torch.arange(5), weights=torch.arange(5.0))
    loader = Loader(split, batch_size=3, seed=0, shuffle=False, shard=Shard(1, 2), with_targets=True)
    first, last = (batch.part for batch in loader.epoch(0))
    assert first is not None
    assert last is not None
    assert (first.first, first.last, first.rows) == (1, 3, 3)
    assert first.targets is not None
    assert first.weights is not None
    assert first.targets.tolist() == [0, 1, 2]
    assert first.weights.tolist() == [0.0, 1.0, 2.0]
    assert (last.first, last.last, last.num_present) == (1, 2, 1)
    plain = Loader(split, batch_size=3, seed=0, shuffle=False, shard=Shard(1, 2))
    assert [batch.part.targets for batch in plain.epoch(0) if batch.part is not None] == [None, None]


def test_a_batch_is_as_long_as_its_longest_row_in_any_process() -> None:
    lengths = torch.tensor([1, 1, 4, 2])
    split = MemorySplit(torch.ones(4, 6), torch.arange(4), lengths=lengths)
    loader = Loader(split, batch_size=4, seed=0, shuffle=False, shard=Shard(0, 2))
    (batch,) = loader.epoch(0)
    assert batch.inputs.shape == (2, 4)
