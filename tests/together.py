"""Train the same runs with 1, 2 and 4 processes, and compare what comes out.

`Crews` starts the processes once; each trains one configuration after another, as a member of its group. Processes are
forks of one that has imported torch, so that seven of them start in the time of one.
"""

from __future__ import annotations

import hashlib
import math
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from types import TracebackType
from typing import Any

SIZES = (1, 2, 4)
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Outcome:
    """What a process has at the end of a run.

    tensors: the state of the task and its averaged weights. random: a digest of the random states. rows: what the
    listeners got, without times. outcome: of the trainer, or the name of the error that ended it.
    """

    tensors: Mapping[str, Any]
    random: str
    rows: Sequence[Mapping[str, float]]
    outcome: str
    progress: Mapping[str, Any]


class Crews:
    """Processes that train together, in groups of each of `sizes`."""

    def __init__(self, sizes: Sequence[int] = SIZES) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.together_member"])
        self._folder = tempfile.TemporaryDirectory()
        self._members: dict[int, list[tuple[Connection, ForkServerProcess]]] = {}
        for size in sizes:
            self._members[size] = [self._start(rank, size) for rank in range(size)]

    def __enter__(self) -> Crews:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for pipe, process in (each for members in self._members.values() for each in members):
            pipe.close()
            process.join(10)
            process.kill()
        self._folder.cleanup()

    def run(self, function: Callable[..., Any], *args: Any) -> dict[int, list[Any]]:
        """Call a function of a module in every process of every group; return what each returns, by size and rank.

        Raises AssertionError with the traceback of the first that fails.
        """
        for members in self._members.values():
            for pipe, _ in members:
                pipe.send((function, args))
        until = time.monotonic() + _PATIENCE_S
        found = {size: [_received(pipe, until) for pipe, _ in members] for size, members in self._members.items()}
        for is_good, value in (each for answers in found.values() for each in answers):
            assert is_good, value
        return {size: [value for _, value in answers] for size, answers in found.items()}

    def _start(self, rank: int, size: int) -> tuple[Connection, ForkServerProcess]:
        from tests.together_member import work

        ours, theirs = self._context.Pipe()
        meeting = os.path.join(self._folder.name, f"meeting-{size}")
        process = self._context.Process(target=work, args=(theirs, rank, size, meeting), daemon=False)
        process.start()
        theirs.close()
        return ours, process


def _received(pipe: Connection, until: float) -> tuple[bool, Any]:
    if not pipe.poll(max(0.1, until - time.monotonic())):
        return False, f"a process has not answered for {_PATIENCE_S} s"
    is_good, value = pipe.recv()
    return is_good, value


def digest(*contents: bytes) -> str:
    """Return a digest of some bytes."""
    return hashlib.sha256(b"".join(contents)).hexdigest()


def largest_difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[float, str]:
    """Return how far the numbers of two sets of tensors are apart at most, and in which of them.

    Of numbers above 1, the difference is the part of them.
    """
    assert list(one) == list(other)
    found = [(0.0, "")]
    for name, tensor in one.items():
        if tensor.numel():
            apart = (tensor.double() - other[name].double()).abs() / tensor.double().abs().clamp(min=1)
            found.append((float(apart.max()), name))
    return max(found)


def largest_of_rows(one: Sequence[Mapping[str, float]], other: Sequence[Mapping[str, float]]) -> float:
    """Return the same for the numbers of two lists of rows, which must have the same names."""
    assert [list(row) for row in one] == [list(row) for row in other]
    found = [0.0]
    for first, second in zip(one, other, strict=True):
        for name, value in first.items():
            if not (math.isnan(value) and math.isnan(second[name])):
                found.append(abs(value - second[name]) / max(1.0, abs(value)))
    return max(found)
