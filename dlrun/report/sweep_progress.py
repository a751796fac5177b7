"""A sweep while it runs: what is told of its points."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence

from dlrun.configuration.plan import Plan
from dlrun.runs.sweeps.driver import Watch
from dlrun.runs.sweeps.jobs import Event, Started


def make_watch(plans: Sequence[Plan], *, quiet: bool) -> Watch:
    """Return what receives every event of a sweep; it writes to standard error."""
    return _ignore if quiet else Announcer(plans)


def _ignore(event: Event) -> None:
    del event


@dataclasses.dataclass
class Announcer:
    """Prints a line when a point begins."""

    plans: Sequence[Plan]

    def __call__(self, event: Event) -> None:
        if isinstance(event, Started):
            line = f"\n[{event.point + 1}/{len(self.plans)}] {self.plans[event.point].label}"
            print(line, file=sys.stderr)  # noqa: T201
