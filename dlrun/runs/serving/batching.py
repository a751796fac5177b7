"""One thread uses the model: requests wait in a bounded queue, and those that wait together are predicted together."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlrun.errors import ConfigError, DataError
from dlrun.runs.export.values import Arrays
from dlrun.runs.serving.metrics import Counters
from dlrun.runs.serving.requests import Fault, PredictionRequest, Refused, refusal
from dlrun.runs.serving.served import Served, joined, part_of

Predictions = list[dict[str, Any]]
_FAILED = "The model failed on these rows; the server's standard error says how."
Tell = Callable[[str], None]


@dataclass(eq=False)
class _Job:
    """A request that waits. result: its predictions, or why it gets none."""

    asked: PredictionRequest
    future: asyncio.Future[Predictions]
    inputs: Arrays = field(default_factory=dict)
    result: Predictions | Exception | None = None

    @property
    def num_rows(self) -> int:
        return len(self.asked.rows)


class Batcher:
    """The queue and the thread. most_waiting: requests in the queue. tell: receives what the model failed with."""

    def __init__(
        self, model: Served, counters: Counters, *, most_waiting: int, tell: Tell, most_pixels: int | None = None
    ) -> None:
        """most_pixels: of the images of a request; None: any number."""
        self._model, self._counters, self._most_waiting, self._tell = model, counters, most_waiting, tell
        self._most_pixels = most_pixels
        self._waiting: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._work, name="dlrun-model", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def close(self) -> None:
        """Let the thread finish what waits, and end."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join()

    @property
    def num_waiting(self) -> int:
        """Requests in the queue."""
        return len(self._waiting)

    async def predict(self, asked: PredictionRequest, *, timeout_s: float) -> Predictions:
        """Return the predictions of a request's rows, in order.

        Raises Refused: 422 for a row that is none of the model's, 503 if the queue is full, 504 after the timeout, and
        500 if the model fails.
        """
        future: asyncio.Future[Predictions] = asyncio.get_running_loop().create_future()
        with self._changed:
            if len(self._waiting) >= self._most_waiting:
                what = f"{self._most_waiting} requests wait already; try again in a second."
                raise Refused(503, Fault("", what))
            self._waiting.append(_Job(asked, future))
            self._changed.notify()
        try:
            return await asyncio.wait_for(future, timeout_s)
        except asyncio.TimeoutError as error:
            raise Refused(504, Fault("", f"No predictions within {timeout_s:g} seconds.")) from error

    def _work(self) -> None:
        self._model.enter_thread()
        while True:
            with self._changed:
                while not self._waiting and not self._is_closed:
                    self._changed.wait()
                if not self._waiting:
                    return
                jobs = self._next_jobs()
            self._predict(jobs)
            _answer(jobs)

    def _next_jobs(self) -> list[_Job]:
        """The requests of the next batch, of about `most_rows` rows; those that nobody waits for any more are left."""
        jobs: list[_Job] = []
        num_rows = 0
        while self._waiting and (not jobs or num_rows + self._waiting[0].num_rows <= self._model.most_rows):
            job = self._waiting.popleft()
            if not job.future.cancelled():
                jobs.append(job)
                num_rows += job.num_rows
        return jobs

    def _predict(self, jobs: Sequence[_Job]) -> None:
        """Set the result of each request."""
        if self._model.kind == "language":
            for job in jobs:
                self._attempt([job], self._continue)
            return
        for job in jobs:
            try:
                job.inputs = self._model.encode(job.asked.rows, raw=job.asked.raw, most_pixels=self._most_pixels)
            except DataError as error:
                job.result = refusal(error, job.asked.key)
            except Exception as error:  # noqa: BLE001 - no request ends the thread
                job.result = self._failure(error)
        encoded = [job for job in jobs if job.result is None]
        if encoded and not self._attempt(encoded, self._run) and len(encoded) > 1:
            for job in encoded:  # only what fails by itself is refused
                job.result = None
                self._attempt([job], self._run)

    def _attempt(self, jobs: Sequence[_Job], run: Callable[[Sequence[_Job]], None]) -> bool:
        try:
            run(jobs)
        except Exception as error:  # noqa: BLE001 - no request ends the thread
            failure = self._failure(error)
            for job in jobs:
                job.result = failure
            return False
        return True

    def _failure(self, error: Exception) -> Refused:
        if isinstance(error, ConfigError) and error.problems:
            return Refused(422, Fault("rows", error.problems[0].message))
        self._tell(f"the model failed: {type(error).__name__}: {error}")
        return Refused(500, Fault("", _FAILED))

    def _run(self, jobs: Sequence[_Job]) -> None:
        inputs = joined([job.inputs for job in jobs])
        num_rows, most = sum(job.num_rows for job in jobs), self._model.most_rows
        outputs = []
        for first in range(0, num_rows, most):
            self._counters.batch(min(most, num_rows - first))
            outputs.append(self._model.outputs(part_of(inputs, slice(first, first + most))))
        found: dict[bool, Iterator[dict[str, Any]]] = {}
        for probabilities in {job.asked.probabilities for job in jobs}:
            found[probabilities] = rows_of(self._model.columns(outputs, probabilities=probabilities))
        for job in jobs:
            rows = {key: [next(each) for _ in range(job.num_rows)] for key, each in found.items()}
            job.result = rows[job.asked.probabilities]

    def _continue(self, jobs: Sequence[_Job]) -> None:
        (job,) = jobs
        asked = job.asked
        column = self._model.about["preprocessing"]["column"]
        result: Predictions = []
        for row in asked.rows:
            if job.future.cancelled():
                break
            text = self._model.continued(row[column], length=asked.length, temperature=asked.temperature)
            result.append({"prediction": text})
        self._counters.batch(len(result))
        job.result = result


def rows_of(columns: Mapping[str, list[Any]]) -> Iterator[dict[str, Any]]:
    """Yield each row of columns as {heading: value}."""
    names = list(columns)
    return (dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True))


def _answer(jobs: Sequence[_Job]) -> None:
    """Hand over results: one call for all requests of an event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.future.get_loop(), []).append(job)
    for loop, own in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_set_results, own)


def _set_results(jobs: Sequence[_Job]) -> None:
    for job in jobs:
        if job.future.done():  # the time is up
            continue
        if isinstance(job.result, Exception):
            job.future.set_exception(job.result)
        else:
            job.future.set_result(job.result or [])
