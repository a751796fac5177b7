"""A split whose rows are read from files during training, by worker processes if there are any.

Order and augmentation depend on (seed, epoch, index of the row), and workers only decode: the batches are those of the
same rows in memory, bit for bit, with any number of workers.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from multiprocessing.context import BaseContext
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from dlrun.configuration.schema.fields import Augment
from dlrun.data.loading.augment import augment_images, is_active
from dlrun.data.loading.memory import return_memory
from dlrun.data.loading.moving import moved
from dlrun.data.loading.orphans import die_with_run
from dlrun.data.loading.reader import Reader, one_thread
from dlrun.data.loading.split import Split, scale, scaling_tensors
from dlrun.data.spec import Batch, Scaling
from dlrun.errors import DataError

_RETURN_EVERY_BYTES = 32 << 20  # read until memory is returned to the system again
_PREFETCH = 2  # chunks that each worker reads ahead
_DEATHS = ("DataLoader worker", "Pin memory thread")  # of a worker, and on a GPU of the thread that it was sending to


class StreamedSplit(Split):
    """Rows of a reader; targets and weights are on the training device.

    workers: processes that decode ahead; with 0 the training process decodes between two steps.
    """

    def __init__(
        self,
        reader: Reader,
        targets: Tensor,
        *,
        weights: Tensor | None = None,
        scaling: Scaling | None = None,
        workers: int = 0,
    ) -> None:
        self.reader = reader
        self.targets = targets
        self.lengths = None
        self.weights = weights
        self._scaling = scaling_tensors(scaling, ndim=len(reader.shape))
        self._workers = workers
        self._bytes_read = 0  # since memory was returned
        self._started: tuple[DataLoader[Tensor], _Order] | None = None

    @property
    def row_bytes(self) -> int:
        return max(1, torch.Size(self.reader.row_shape).numel()) * 4

    @property
    def index_device(self) -> torch.device:
        return torch.device("cpu")

    def to(self, device: torch.device) -> StreamedSplit:
        """Return the same split, with its batches on another device."""
        weights = None if self.weights is None else self.weights.to(device)
        moved = StreamedSplit(self.reader, self.targets.to(device), weights=weights, workers=self._workers)
        moved._scaling = None if self._scaling is None else tuple(part.to(device) for part in self._scaling)
        moved.channels_last = self.channels_last
        return moved

    def fetch(self, rows: Tensor | slice, *, augment: Augment | None = None, seed: int = 0, epoch: int = 0) -> Batch:
        index = torch.arange(len(self))[rows] if isinstance(rows, slice) else rows.cpu()
        with one_thread():
            raw = self.reader.read(index.tolist())
        self._bytes_read += raw.nbytes
        if self._bytes_read >= _RETURN_EVERY_BYTES:
            self._bytes_read = 0
            return_memory()
        return self._batch(raw, index, augment=augment, seed=seed, epoch=epoch)

    def stream(
        self, groups: Sequence[Tensor | slice], *, augment: Augment | None = None, seed: int = 0, epoch: int = 0
    ) -> Iterator[Batch]:
        count = 0
        if self._workers and len(groups) > 1:  # with a single group there is nothing to read ahead
            everything = torch.arange(len(self))
            indices = [everything[rows] if isinstance(rows, slice) else rows for rows in groups]
            for raw in self._decoded(indices):
                yield self._batch(raw, indices[count], augment=augment, seed=seed, epoch=epoch)
                count += 1
        for rows in islice(groups, count, None):
            yield self.fetch(rows, augment=augment, seed=seed, epoch=epoch)

    def _batch(self, raw: Tensor, index: Tensor, *, augment: Augment | None, seed: int, epoch: int) -> Batch:
        """Raw rows augmented and scaled as those in memory are: bytes are augmented first, floats scaled first."""
        device = self.targets.device
        index, inputs = moved(index, device), moved(raw, device)
        if inputs.dtype != torch.uint8:
            inputs = scale(inputs, self._scaling, channels_last=self.channels_last)
        if augment is not None and is_active(augment):
            inputs = augment_images(inputs, index, augment=augment, seed=seed, epoch=epoch)
        if inputs.dtype == torch.uint8:
            inputs = scale(inputs, self._scaling, channels_last=self.channels_last)
        weights = None if self.weights is None else self.weights.index_select(0, index)
        return Batch(inputs, self.targets.index_select(0, index), None, weights)

    def _decoded(self, groups: Sequence[Tensor]) -> Iterator[Tensor]:
        """Yield the raw rows of each group, decoded by workers.

        Ends early, with a message, if workers were killed: the caller reads the rest itself.
        Raises DataError of the first group that cannot be read.
        """
        if self._started is None:
            self._started = self._start()
        loader, order = self._started
        order.groups = [group.tolist() for group in groups]
        batches: Iterator[Tensor] | None = None
        while True:
            try:
                batches = batches or _begun(loader)
                raw = next(batches)
            except StopIteration:
                return
            except (RuntimeError, ConnectionError, EOFError) as error:  # the last two: killed while sending rows
                if isinstance(error, RuntimeError) and not any(text in str(error) for text in _DEATHS):
                    raise
                self._started = None
                sys.stderr.write(
                    f"Workers that read the data were killed, perhaps for lack of memory ({error}). "
                    "The rest of this pass is read without them; use fewer trainer.workers.\n"
                )
                return
            if isinstance(raw, _Unreadable):
                raise DataError(raw.text)
            yield raw

    def _start(self) -> tuple[DataLoader[Tensor], _Order]:
        """Start workers, which stay from one pass to the next, and return them with the order that they read in."""
        order = _Order()
        loader = DataLoader(
            _ReaderDataset(self.reader),
            batch_sampler=order,
            num_workers=self._workers,
            collate_fn=_unchanged,
            pin_memory=self.targets.device.type == "cuda",
            prefetch_factor=_PREFETCH,
            persistent_workers=True,
            worker_init_fn=worker_init,
            multiprocessing_context=_context(self.reader),
            generator=torch.Generator(),  # its own, so that the random state of the run does not change
        )
        return loader, order


def _begun(loader: DataLoader[Tensor]) -> Iterator[Tensor]:
    """Begin a pass. torch then handles SIGCHLD and raises the death of a worker wherever this process happens to be.

    Without that it is still noticed, where the next rows are waited for.
    """
    before = signal.getsignal(signal.SIGCHLD)
    batches = iter(loader)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGCHLD, before)
    return batches


class _Order:
    """The rows of each chunk of the current pass."""

    def __init__(self) -> None:
        self.groups: Sequence[list[int]] = ()

    def __iter__(self) -> Iterator[list[int]]:
        return iter(self.groups)

    def __len__(self) -> int:
        return len(self.groups)


class _Unreadable:
    """What a worker returns for rows that it cannot read: an error raised there would arrive as a traceback."""

    def __init__(self, text: str) -> None:
        self.text = text


class _ReaderDataset(Dataset[Tensor]):
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def __getitems__(self, rows: list[int]) -> Tensor | _Unreadable:
        try:
            return self._reader.read(rows)
        except DataError as error:
            return _Unreadable(str(error))


def _unchanged(rows: Any) -> Any:
    return rows


def worker_init(number: int) -> None:
    """Initialise a worker: it exits with the run, and leaves Ctrl-C to the training process.

    Ctrl-C reaches the whole process group; the run saves a checkpoint, and still needs rows. SIGTERM ends a worker: the
    interpreter sends it at its own end, and a run that loses workers continues without them.
    """
    del number
    die_with_run()
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _context(reader: Reader) -> BaseContext:
    """How workers are started: from a small server that has imported what they need.

    A fork of the run would inherit the locks of its threads and the open file that locks its folder, so that a worker
    left behind would block the run.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, type(reader).__module__])
    return context
