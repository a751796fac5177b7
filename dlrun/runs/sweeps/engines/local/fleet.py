"""All processes of a sweep on this machine: which nursery forks the worker of a job, and what they all tell."""

from __future__ import annotations

import os
from collections.abc import Iterator
from multiprocessing.connection import wait
from typing import Any

from dlrun.errors import DlrunError
from dlrun.runs.sweeps.engines.local.messages import Gone, Prepared, Ready
from dlrun.runs.sweeps.engines.local.processes import Nursery, Root, Worker
from dlrun.runs.sweeps.engines.local.sharing import SharingRunJob
from dlrun.runs.sweeps.jobs import Job

_MOST_STARTS = 4  # of a first nursery; something kills them
_MOST_BRANCHES = 8  # with data of different settings, besides those that are in use
_SHARE = 0.25  # of the machine's memory that data may take, besides what is in use


class Fleet:
    """The processes of a sweep; `kill` ends them all."""

    def __init__(self, run_job: SharingRunJob) -> None:
        self._run_job = run_job
        self._roots: list[Root] = []  # of which the last one may be alive
        self._branches: dict[str, Nursery] = {}  # by data, the one used last at the end
        self._num_cuda: int | None = None
        self._next_number = 0
        self.workers: list[Worker] = []

    def start(self) -> None:
        """Start the first nursery, unless it runs; another one, if something killed it.

        Raises DlrunError if it ended too often, or before it was ready.
        """
        if self._roots and not self._roots[-1].nursery.is_gone:
            return
        if len(self._roots) == _MOST_STARTS or (self._roots and self._num_cuda is None):
            printed = self._roots[-1].printed().strip()
            what = "The process that imports torch for this sweep ended; launch.jobs=1 does without it."
            raise DlrunError(f"{what} It printed last:\n{printed}" if printed else what)
        self._roots.append(Root(self._run_job))

    def num_cuda(self) -> int:
        """Return how many GPUs torch can use; waits until the first nursery knows.

        Raises DlrunError if it ends instead.
        """
        while self._num_cuda is None:
            self.start()
            for _ in self.receive(1.0):
                pass
        return self._num_cuda

    def idle(self, keeps: str | None) -> Worker | None:
        """Return a worker that waits for a job and keeps this GPU or this data; None if there is none."""
        idle = (each for each in self.workers if each.is_idle and each.keeps == keeps)
        return None if keeps is None else next(idle, None)

    def fork(self, job: Job, key: str | None, *, keeps: str | None) -> Worker:
        """Fork a worker from a nursery that has the data `key` of the job; None: whose data is not shared.

        keeps: what it will keep for its next job. Workers that wait with other data end.
        Raises DlrunError if there is no nursery.
        """
        for each in self.workers:
            if each.is_idle and each.device is None:
                each.dismiss()
        self.start()
        nursery = self._roots[-1].nursery if key is None else self._branch(job, key)
        worker = nursery.fork(self._number())
        worker.keeps = keeps
        self.workers.append(worker)
        self._close_branches()
        return worker

    def receive(self, timeout_s: float) -> Iterator[tuple[Worker, Any]]:
        """Yield what workers tell, and (worker, None) for each that is over; wait so long for the first of it."""
        pipes: dict[Any, Nursery | Worker] = {each.pipe: each for each in self._nurseries() if not each.is_gone}
        pipes |= {each.pipe: each for each in self.workers if not each.is_silent}
        for pipe in wait(list(pipes), timeout_s):
            source = pipes[pipe]
            try:
                message = source.pipe.recv()
            except (EOFError, OSError):
                message = None
            if isinstance(source, Nursery):
                self._hear(source, message)
            elif message is None:
                source.is_silent = True
                source.pipe.close()
            else:
                yield source, message
        for worker in [each for each in self.workers if each.is_over]:
            self.workers.remove(worker)
            yield worker, None
            worker.output.close()

    def kill(self) -> None:
        """End every process at once."""
        for root in self._roots:
            root.kill()
        for nursery in self._nurseries():
            nursery.pipe.close()
        for worker in self.workers:
            worker.pipe.close()
            worker.output.close()

    def _nurseries(self) -> list[Nursery]:
        return [*(root.nursery for root in self._roots), *self._branches.values()]

    def _number(self) -> int:
        self._next_number += 1
        return self._next_number

    def _branch(self, job: Job, key: str) -> Nursery:
        found = self._branches.pop(key, None)
        if found is None or found.is_gone:
            found = self._roots[-1].nursery.branch(self._number(), job, key)
        self._branches[key] = found
        return found

    def _hear(self, nursery: Nursery, message: Any) -> None:
        """Take in what a nursery tells; None: it ended."""
        if message is None:
            nursery.is_gone = True
            nursery.pipe.close()
            if nursery.key is not None and self._branches.get(nursery.key) is nursery:
                del self._branches[nursery.key]
        elif isinstance(message, Ready):
            self._num_cuda = message.num_cuda
        elif isinstance(message, Prepared):
            nursery.num_bytes = message.num_bytes
        elif isinstance(message, Gone):
            for worker in self.workers:
                if worker.number == message.number:
                    worker.status = message.status
                elif worker.nursery.number == message.number:
                    worker.nursery.status = message.status

    def _close_branches(self) -> None:
        """End nurseries whose data was not used for the longest time, beyond a number and a share of the memory."""
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        used = {id(worker.nursery) for worker in self.workers}
        idle = [each for each in self._branches.values() if id(each) not in used]
        num_bytes = sum(each.num_bytes for each in idle)
        while idle and (len(idle) > _MOST_BRANCHES or num_bytes > _SHARE * memory):
            oldest = idle.pop(0)
            num_bytes -= oldest.num_bytes
            del self._branches[str(oldest.key)]
            oldest.pipe.close()
            oldest.is_gone = True
