"""Points one after another in this process: for what cannot leave it, such as `--profile`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType

from dlrun.errors import Interrupted
from dlrun.runs.sweeps.jobs import Event, Job, RunJob


class InProcess:
    """An engine that trains a job when its events are asked for.

    `serve` it, to hear of events, and stop points, while a job is trained.
    """

    capacity = 1

    def __init__(self, run_job: RunJob) -> None:
        self._run_job = run_job
        self._job: Job | None = None
        self._events: list[Event] = []
        self._reasons: dict[int, str] = {}
        self._stopped: Interrupted | None = None
        self._handle: Callable[[Event], None] = self._keep
        self._look: Callable[[], None] | None = None

    def serve(self, handle: Callable[[Event], None], look: Callable[[], None]) -> None:
        """Give each event to `handle` at once instead of returning it, and call `look` between steps."""
        self._handle, self._look = handle, look

    def __enter__(self) -> InProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._job = None

    def submit(self, job: Job) -> None:
        """Keep the job until its events are asked for."""
        self._job = job

    def events(self, timeout_s: float | None = None) -> Sequence[Event]:
        """Train the job and return everything that was not told meanwhile; `timeout_s` has no meaning here."""
        del timeout_s
        if self._stopped is not None:
            raise self._stopped
        job, self._job, self._events = self._job, None, []
        if job is not None:
            try:
                self._run_job(job, self)
            except Interrupted as error:
                self._stopped = error
        return self._events

    def stop_point(self, point: int, reason: str) -> None:
        """Note the reason; a point that has ended does not read it."""
        self._reasons[point] = reason

    def report(self, event: Event) -> None:
        """Tell an event (as a Channel)."""
        self._handle(event)

    def stop_reason(self, point: int) -> str | None:
        """Return why a point should stop (as a Channel)."""
        if self._look is not None:
            self._look()
        return self._reasons.get(point)

    def _keep(self, event: Event) -> None:
        self._events.append(event)
