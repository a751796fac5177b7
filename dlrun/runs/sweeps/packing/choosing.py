"""Build the points of a job, and decide which of them are trained together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dlrun.configuration.run_config import RunConfig
from dlrun.errors import Interrupted
from dlrun.runs.sweeps.jobs import Point
from dlrun.runs.sweeps.packing.eligible import FEWEST_OF_AUTO, Mode
from dlrun.runs.sweeps.packing.structure import chosen
from dlrun.training.build import Components

Build = Callable[[RunConfig], Components]
"""Return what a configuration describes, built; points of one pack share their data."""


@dataclass(frozen=True)
class Built:
    """A point whose parts are built."""

    point: Point
    requested: RunConfig
    components: Components
    started: float


def choose(
    points: Sequence[tuple[Point, RunConfig]],
    build: Build,
    *,
    mode: Mode,
    on_error: Callable[[Point, Exception], None],
) -> tuple[list[Built], list[Point], list[str]]:
    """Build points; return those that are trained together, those that must be trained alone, and the reasons.

    on_error: receives each point that cannot be built, which is in neither.
    """
    found: list[Built] = []
    for number, (point, config) in enumerate(points):
        started = time.perf_counter()
        try:
            found.append(Built(point, config, build(config), started))
        except Interrupted:
            raise
        except Exception as error:  # noqa: BLE001 - a point that cannot be built is a row, as any that fails
            on_error(point, error)
            continue
        if len(found) == 1:
            _, reasons = chosen([found[0].components], mode=mode)
            if reasons:  # of all of them: there is no need to build the others
                return [], [each for each, _ in points[number:]], list(reasons.values())
    places, reasons = chosen([built.components for built in found], mode=mode) if found else ([], {})
    fewest = FEWEST_OF_AUTO if mode == "auto" else 2
    if len(places) < fewest:
        reasons |= dict.fromkeys(places, "too few others are like it")
        places = []
    alone = [built.point for place, built in enumerate(found) if place not in places]
    return [found[place] for place in places], alone, list(dict.fromkeys(reasons.values()))
