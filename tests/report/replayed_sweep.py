"""An invented sweep that only tells events, to look at the live table: python -m tests.report.replayed_sweep."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator

from dlrun.report.sweeps.board import Board
from dlrun.report.sweeps.live import LiveTable
from dlrun.report.sweeps.plain_lines import SweepLines
from dlrun.runs.sweeps.jobs import Ended, Event, Measured, Started, Submitted
from dlrun.runs.sweeps.rows import SweepRow

EPOCHS, STEPS = 20, 40


def overrides_of(num_points: int) -> list[list[str]]:
    """The settings of every point: rates, a long list, and three seeds."""
    found = []
    for number in range(num_points):
        lr = 10 ** random.Random(number // 3).uniform(-5, 0)
        hidden = [2 ** (3 + number // 3 % 6)] * (1 + number // 3 % 7)
        found.append([f"optimizer.lr={lr:.3g}", f"model.hidden={hidden}".replace(" ", ""), f"seed={number % 3}"])
    return found


def events_of(num_points: int, *, at_once: int = 4) -> Iterator[Event]:
    """The events of a sweep whose points take turns: every 17th fails, every 5th is stopped early."""
    settings, waiting, running = overrides_of(num_points), list(range(num_points))[::-1], {}
    while waiting or running:
        while waiting and len(running) < at_once:
            number = waiting.pop()
            running[number] = 0
            yield Submitted(number, settings[number])
            yield Started(number, device="cpu")
        for number in list(running):
            running[number] = epoch = running[number] + 1
            value = round(1 - 0.9**epoch * (0.3 + number * 7919 % 1000 / 2000), 4)
            best = {"metric": "val/accuracy", "value": value, "epoch": epoch, "step": epoch * STEPS}
            yield Measured(number, epoch, epoch * STEPS, 0.1 * epoch, {"val/accuracy": value}, EPOCHS * STEPS, best)
            fails, pruned = number % 17 == 16 and epoch == 3, number % 5 == 4 and epoch == 7
            if fails:
                error = "The loss is no longer a finite number after step 97 of epoch 3. Lower optimizer.lr."
                yield Ended(SweepRow(number, settings[number], "diverged", error=error, exit_code=4))
            elif pruned:
                yield Ended(SweepRow(number, settings[number], "pruned", error="hopeless", seconds=0.7))
            elif epoch == EPOCHS:
                yield Ended(SweepRow(number, settings[number], "completed", {}, best, 2.0))
            if fails or pruned or epoch == EPOCHS:
                del running[number]


def main() -> None:
    """Show the sweep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0, help="how long it takes")
    parser.add_argument("--plain", action="store_true", help="lines, as in a pipe")
    parser.add_argument("--notices", action="store_true", help="print to standard error meanwhile")
    asked = parser.parse_args()
    events = list(events_of(asked.points))
    board = Board(asked.points)
    plain = SweepLines(board, lambda line: print(line, file=sys.stderr))
    took = 0.0
    with plain if asked.plain else LiveTable(board, plans=overrides_of(asked.points)) as watch:
        for number, event in enumerate(events):
            started = time.perf_counter()
            watch(event)
            took += time.perf_counter() - started
            time.sleep(asked.seconds / len(events))
            if asked.notices and number % 2000 == 1000:
                print(f"notice: after event {number}", file=sys.stderr)
    print(f"{len(events)} events, {1e6 * took / len(events):.0f} µs each")


if __name__ == "__main__":
    main()
