"""Train several points of a sweep as one model: build them, take their steps together, end each by itself."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

from dlrun.configuration.run_config import RunConfig
from dlrun.configuration.schema.catalog import Catalog
from dlrun.configuration.yaml_text import to_yaml
from dlrun.errors import ConfigError, DlrunError, Interrupted, Problem
from dlrun.optim.device import seed_everything
from dlrun.optim.out_of_memory import is_out_of_memory
from dlrun.runs.run import MakeListeners, Run, Session
from dlrun.runs.sweeps.jobs import Channel, Ended, MemoryWatch, Point, Started
from dlrun.runs.sweeps.measuring import PointListener
from dlrun.runs.sweeps.packing.block import Block, blocks_of
from dlrun.runs.sweeps.packing.choosing import Build, Built, choose
from dlrun.runs.sweeps.packing.eligible import Mode
from dlrun.runs.sweeps.packing.member import Member, TimeUp
from dlrun.runs.sweeps.rows import SweepRow, row_of_error, row_of_result
from dlrun.storage import run_dir
from dlrun.training.signals import StopRequest


class Pack:
    """Trains points together; call `train` once.

    device: where the engine put the points, if it did. make_listeners: of each point, as for a run of its own.
    say: receives what was not packed after all, a line.
    """

    def __init__(
        self,
        channel: Channel,
        catalog: Catalog,
        *,
        mode: Mode,
        device: str,
        make_listeners: MakeListeners,
        stop: StopRequest,
        say: Callable[[str], None],
    ) -> None:
        self._channel, self._catalog, self._mode = channel, catalog, mode
        self._device = device
        self._make_listeners, self._stop, self._say = make_listeners, stop, say
        self._members: list[Member] = []  # that are in training
        self._unknown: dict[int, Point] = {}  # points without a row
        self._baselines: list[dict[str, Any]] | None = None

    def train(self, points: Sequence[tuple[Point, RunConfig]], build: Build) -> list[Point]:
        """Train the points and report the end of each; return those that must be trained alone, which are untouched.

        Raises Interrupted if a signal stopped them, after each was saved and reported.
        """
        self._unknown = {point.number: point for point, _ in points}
        try:
            with self._stop.at_once():  # nothing is written yet
                packed, alone, reasons = choose(points, build, mode=self._mode, on_error=self._fail_to_build)
            if alone:
                self._say(f"not packed: {len(alone)} ({', '.join(reasons)})")
            for point in alone:
                del self._unknown[point.number]
            for built in packed:
                self._begin(built, len(packed))
            self._tell_needs()
            self._train_all()
        except Exception as error:
            members = {member.point.number: member for member in self._members}
            for number, point in list(self._unknown.items()):
                self._report_error(point, error, members.get(number))
            if isinstance(error, Interrupted):
                raise
        finally:
            for member in self._members:
                member.release()
        if self._stop.signal is not None:
            raise Interrupted(self._stop.signal, "Stopped; every point of the pack is saved.")
        return alone

    def _begin(self, built: Built, size: int) -> None:
        """Make a member of a point: claim its folder, build its trainer, write its configuration."""
        point, components = built.point, built.components
        config, stop = components.config, StopRequest()
        self._started(point)
        try:
            claimed = run_dir.claim(point.folder, asked=True, resume="never")
            try:
                components.task.prepare(components.data)
                run = Run(config, self._catalog, components, claimed, stop, started=built.started, packed=size)
                trainer, _, notices = run.build_trainer()
                session = Session(config, components, trainer, claimed, None, notices)
                run.listeners.extend(self._make_listeners(session))
                run.listeners.append(PointListener(point.number, self._channel, session, stop))
                claimed.write_config(to_yaml({**config.tree, "resume": "never"}))
                self._members.append(Member(point, run, trainer, components, claimed, stop))
            except BaseException:
                claimed.release()
                raise
        except Exception as error:  # noqa: BLE001 - the others of the pack go on
            self._report_error(point, error)

    def _tell_needs(self) -> None:
        """Tell the engine what all members need together; each told it for itself."""
        if isinstance(self._channel, MemoryWatch) and self._members:
            memory = self._members[0].components.memory
            self._channel.needs(len(self._members) * memory.peak, memory.free)

    def _train_all(self) -> None:
        """Take steps until every member has ended."""
        if not self._members:
            return
        seed_everything(self._members[0].components.config.seed)  # for what draws random numbers in training
        for member in self._members:
            member.trainer.begin()
        blocks = blocks_of(self._members)
        while self._members:
            self._advance(blocks)
            before = len(self._members)
            for member in list(self._members):
                self._end_leg(member)
            if self._members and len(self._members) < before:
                blocks = blocks_of(self._members)

    def _advance(self, blocks: Sequence[Block]) -> None:
        until = min(member.trainer.leg_end for member in self._members)
        try:
            for block in blocks:
                block.advance(until, self._stop)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            what = f"{len(self._members)} models at once do not fit the memory; train each by itself."
            raise ConfigError(
                Problem("launch.pack", what, id="out-of-memory", fix="launch.pack=off"), title="Out of memory"
            ) from error

    def _end_leg(self, member: Member) -> None:
        """Do what is due for a member; if it has ended, report that and let it go."""
        member.stop.signal = member.stop.signal or self._stop.signal
        member.stop.save_requested = self._stop.save_requested
        point = member.point
        try:
            if not member.end_leg():
                return
            result, self._baselines = member.result(self._baselines)
            self._report(point, row_of_result(point.number, point.overrides, result, point.folder))
        except TimeUp:
            result = member.out_of_time()
            self._report(point, row_of_result(point.number, point.overrides, result, point.folder))
        except DlrunError as error:
            self._report_error(point, error, member)
        self._members.remove(member)
        member.release()

    def _fail_to_build(self, point: Point, error: Exception) -> None:
        self._started(point)
        self._report_error(point, error)

    def _started(self, point: Point) -> None:
        self._channel.report(Started(point.number, self._device, f"process {os.getpid()}"))

    def _report(self, point: Point, row: SweepRow) -> None:
        del self._unknown[point.number]
        self._channel.report(Ended(dataclasses.replace(row, device=self._device or row.device)))

    def _report_error(self, point: Point, error: Exception, member: Member | None = None) -> None:
        """Report a point that ended with an error, which its result then tells too."""
        if member is not None and isinstance(error, DlrunError):
            try:
                member.fail(error)
            except DlrunError as failure:
                error = failure
        self._report(point, row_of_error(point.number, point.overrides, error, point.folder))
