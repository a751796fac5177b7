"""What a server counts, as the text that Prometheus reads."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Callable

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Histogram:
    """How many values are up to each bound. bounds: ascending."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds, self._counts = bounds, [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, meaning: str) -> list[str]:
        """Return it in Prometheus' text format."""
        found, total = [f"# HELP {name} {meaning}", f"# TYPE {name} histogram"], 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            total += count
            label = "+Inf" if bound == float("inf") else f"{bound:g}"
            found.append(f'{name}_bucket{{le="{label}"}} {total}')
        return [*found, f"{name}_sum {self._sum:.9g}", f"{name}_count {total}"]


class Counters:
    """Requests by path and status, their time, and the rows and sizes of batches."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._start = clock, clock()
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, int], int] = {}
        self._seconds, self._batches = Histogram(_SECONDS), Histogram(_ROWS)

    @property
    def uptime_s(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._start

    def request(self, path: str, status: int, seconds: float) -> None:
        """Count a request. path: one of the server's own; times are those of /predict."""
        with self._lock:
            self._requests[path, status] = self._requests.get((path, status), 0) + 1
            if path == "/predict":
                self._seconds.add(seconds)

    def batch(self, num_rows: int) -> None:
        """Count rows that the model is given at once."""
        with self._lock:
            self._batches.add(num_rows)

    def text(self, *, waiting: int) -> str:
        """Return all of it. waiting: requests in the queue."""
        with self._lock:
            lines = ["# HELP dlrun_requests_total Requests by path and status.", "# TYPE dlrun_requests_total counter"]
            for (path, status), count in sorted(self._requests.items()):
                lines.append(f'dlrun_requests_total{{path="{path}",status="{status}"}} {count}')
            lines += self._seconds.lines("dlrun_predict_seconds", "Time of a request to /predict.")
            lines += self._batches.lines("dlrun_batch_rows", "Rows that the model was given at once.")
        gauges = (
            ("dlrun_waiting_requests", "Requests in the queue.", waiting),
            ("dlrun_uptime_seconds", "Time since the start.", round(self.uptime_s, 3)),
        )
        for name, meaning, value in gauges:
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} gauge", f"{name} {value}"]
        return "\n".join(lines) + "\n"
