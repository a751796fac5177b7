"""The files by which a sweep and its jobs on a cluster talk, in the sweep's folder."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from dlrun.runs.sweeps.engines.cluster.file_channel import order_stop
from dlrun.runs.sweeps.engines.cluster.probe import Needs, Probe, make_probe
from dlrun.storage.atomic import storage_error

NAME = ".cluster"
_TAKEN_OVER = "the sweep was started again"


class ClusterFolder:
    """`SWEEP/.cluster/`, with a folder for each time that the sweep was started."""

    def __init__(self, sweep: Path) -> None:
        self._all = sweep / NAME
        self._own = self._all / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        self._num_jobs = 0
        self.scheduler = self._own / "jobs"  # of the scheduler itself: scripts, pickles, logs
        self.orders = self._own / "orders.jsonl"

    def open(self) -> None:
        """Create the folder, and ask the jobs of earlier starts to save and end.

        Raises StorageError if it cannot be created.
        """
        try:
            earlier = list(self._all.glob("*/orders.jsonl"))
            self.scheduler.mkdir(parents=True)
            self.orders.touch()
        except OSError as error:
            raise storage_error(self._own, error) from error
        for orders in earlier:
            order_stop(orders, _TAKEN_OVER)

    def make_probe(self, needs: Needs) -> Probe:
        """Return a probe that looks for a file here."""
        return make_probe(needs, self._own)

    def new_events(self) -> Path:
        """Return the file for the events of one more job."""
        self._num_jobs += 1
        return self._own / f"events-{self._num_jobs}.jsonl"

    def remove(self) -> None:
        """Remove the files of a start that ended before the first point, and the folder of the sweep if it is empty."""
        shutil.rmtree(self._own, ignore_errors=True)
        for folder in (self._all, self._all.parent):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
