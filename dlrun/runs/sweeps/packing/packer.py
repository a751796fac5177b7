"""From the points of a sweep to jobs: points that can be trained as one model go into one job. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dlrun.runs.sweeps.jobs import Job, Point
from dlrun.runs.sweeps.packing.eligible import FEWEST_OF_AUTO, Mode, obstacle, signature
from dlrun.wording import plural

MOST_POINTS = 128
"""Points of a pack: what is lost if its process is killed, and how long the first of them waits for the last."""

Compose = Callable[[Job], Job]
"""Return a job with its points composed; a point that cannot be stays as it is, and its own run will tell why."""


class Packer:
    """Groups points into jobs.

    mode: `launch.pack`. say: receives what was packed, a line.
    """

    def __init__(self, mode: Mode, compose: Compose, *, say: Callable[[str], None]) -> None:
        self._mode, self._compose, self._say = mode, compose, say

    def window(self, capacity: int) -> int:
        """Return how many points to ask the search for at once, for an engine that runs `capacity` jobs at once."""
        return 1 if self._mode == "off" else MOST_POINTS * capacity

    def jobs(self, points: Sequence[Point], *, capacity: int) -> list[Job]:
        """Return jobs with all the points, in the order of their first points. capacity: jobs run at once."""
        if self._mode == "off" or len(points) < 2:
            return [Job((point,)) for point in points]
        groups: dict[str, list[Point]] = {}
        alone: list[tuple[Point, str]] = []
        for point in self._compose(Job(tuple(points))).points:
            why = self._obstacle(point)
            if point.composed is None or why is not None:
                alone.append((point, str(why)))
            else:
                groups.setdefault(signature(point.composed.config), []).append(point)
        fewest = FEWEST_OF_AUTO if self._mode == "auto" else 2
        least = fewest * capacity if self._mode == "auto" else fewest  # else some workers would have nothing to do
        packs: list[Sequence[Point]] = []
        for group in groups.values():
            if len(group) < least:
                alone += [(point, "too few others are like it") for point in group]
            else:
                packs += divide(group, capacity=capacity, fewest=fewest)
        self._tell(packs, alone)
        jobs = [Job(tuple(pack)) for pack in packs] + [Job((point,)) for point, _ in alone]
        return sorted(jobs, key=lambda job: job.points[0].number)

    def _obstacle(self, point: Point) -> str | None:
        """Return why a point runs alone; None if it may be packed."""
        if (point.folder / "config.yaml").exists():
            return "begun before"
        if point.composed is None:
            return "its configuration has a mistake"
        return obstacle(point.composed.config, self._mode)

    def _tell(self, packs: Sequence[Sequence[Point]], alone: Sequence[tuple[Point, str]]) -> None:
        """Say what is packed, and which points are not and why; `auto` says nothing where it packs nothing."""
        if packs or self._mode == "on":
            packed = sum(map(len, packs))
            line = f"packed: {plural(packed, 'point')}"
            line += f" as {plural(len(packs), 'batched model')}" if packs else ""
            self._say(line + (f"; not packed: {summary(alone)}" if alone else ""))


def summary(alone: Sequence[tuple[Point, str]]) -> str:
    """Return how many points are not packed, and why: "3 (2: trainer.ema=0.9, 1: model=gan ...)"."""
    reasons: dict[str, list[Point]] = {}
    for point, why in alone:
        reasons.setdefault(why, []).append(point)
    if len(reasons) == 1:
        return f"{len(alone)} ({next(iter(reasons))})"
    return f"{len(alone)} ({', '.join(f'{len(found)}: {why}' for why, found in reasons.items())})"


def divide(points: Sequence[Point], *, capacity: int, fewest: int) -> list[Sequence[Point]]:
    """Return points in as many parts of nearly the same size as keep every worker busy, none above MOST_POINTS."""
    rounds = -(-len(points) // (MOST_POINTS * capacity))
    count = max(1, min(capacity * rounds, len(points) // fewest))
    count = max(count, -(-len(points) // MOST_POINTS))
    sizes = [len(points) // count + (1 if part < len(points) % count else 0) for part in range(count)]
    ends = [sum(sizes[: part + 1]) for part in range(count)]
    return [points[end - size : end] for size, end in zip(sizes, ends, strict=True)]


ONE_BY_ONE = Packer("off", lambda job: job, say=lambda line: None)
"""Packs nothing."""
