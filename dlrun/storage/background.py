"""Write checkpoints in a background thread, at most one at a time."""

from __future__ import annotations

import threading
import time

from dlrun.storage.checkpoints import CheckpointStore, Snapshot


class Saver:
    """Saves snapshots, which must be copies, to a store in the background, in order.

    An error there is raised by the next call, in the caller's thread.
    """

    def __init__(self, store: CheckpointStore) -> None:
        self._store = store
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self.write_seconds = 0.0  # of the writing thread's own time: waiting for the disk does not count

    def save(self, snapshot: Snapshot, *, is_best: bool) -> None:
        """Start to write a snapshot, after waiting for the previous one.

        Raises StorageError if the previous one could not be written.
        """
        self.finish()
        self._thread = threading.Thread(
            target=self._write, args=(snapshot,), kwargs={"is_best": is_best}, name="dlrun-save"
        )
        self._thread.start()

    def save_at_once(self, snapshot: Snapshot, *, is_best: bool) -> None:
        """Write a snapshot in the caller's thread, whose tensors other processes send meanwhile.

        Raises StorageError if it, or the previous one, could not be written.
        """
        self.finish()
        self._write(snapshot, is_best=is_best)
        self.finish()

    def finish(self) -> None:
        """Wait until everything is on the disk.

        Raises StorageError if it could not be written.
        """
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _write(self, snapshot: Snapshot, *, is_best: bool) -> None:
        started = time.thread_time()
        try:
            self._store.save(snapshot, is_best=is_best)
        except BaseException as error:  # noqa: BLE001 - raised by `finish`
            self._error = error
        self.write_seconds += time.thread_time() - started
