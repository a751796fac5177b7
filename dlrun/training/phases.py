"""The phases of a training, each of which can be measured by what is called in its function's place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from dlrun.data.spec import Batch

Instrument = Callable[[str, Callable[..., Any]], Callable[..., Any]]
"""`instrument(phase, function)`: return a function to call in place of `function`."""


def fetched(batches: Iterator[Batch], fetch: Callable[[Iterator[Batch]], Batch]) -> Iterator[Batch]:
    """Yield every batch, each returned by `fetch(batches)`."""
    while True:
        try:
            batch = fetch(batches)
        except StopIteration:
            return
        yield batch
