"""`python -m tests.faults [--kills N] [--sweep-kills N] [--rank-kills N] [--flips N]`: inject faults, print a table."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # a process with threads must not be forked


def main() -> int:
    """Inject every kind of fault; return 0 if all were survived."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=2000, help="SIGKILLs, divided among the kinds of run")
    parser.add_argument("--sweep-kills", type=int, default=200, help="SIGKILLs of sweeps and of their processes")
    parser.add_argument("--rank-kills", type=int, default=200, help="SIGKILLs of processes that train one run together")
    parser.add_argument("--flips", type=int, default=10_000, help="flipped bits")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", help="kinds of run to kill; default: all")
    parser.add_argument("--only-kills", action="store_true", help="only kill runs: no failing disks, no damage")
    parser.add_argument("--scratch", type=Path, help="folder to work in; default: /dev/shm if it exists")
    options = parser.parse_args()
    memory = Path("/dev/shm")
    base = options.scratch or (memory if memory.is_dir() else None)
    with tempfile.TemporaryDirectory(dir=base) as scratch:
        os.environ["DLRUN_CACHE"] = str(Path(scratch) / "cache")
        return _run(options, Path(scratch))


def _run(options: argparse.Namespace, scratch: Path) -> int:
    import torch

    torch.set_num_threads(1)
    from dlrun.storage.checkpoints import CheckpointStore
    from tests.faults import damage, full_disks, kills, rank_kills, sweeps

    failures: list[str] = []

    def row(what: str, survived: int, of: int, started: float) -> None:
        print(f"{what:<58} {survived:>6} of {of:>6}  {time.monotonic() - started:6.0f} s", flush=True)

    kills.warm_up(scratch / "warm")
    kinds = list(options.kinds or kills.KINDS)
    total, planned = 0, 0
    for number, kind in enumerate(kinds):
        share = options.kills // len(kinds) + (number < options.kills % len(kinds))
        if not share:
            continue
        started = time.monotonic()
        tally = kills.campaign(kind, share, options.seed, scratch)
        done = sum(tally.kills.values())
        survived = done if not tally.wrong else 0  # one wrong run voids all kills of its kind
        row(f"{kind}: {tally.runs} runs killed, {dict(tally.kills)}", survived, done, started)
        total, planned = total + survived, planned + done
        failures += [f"{kind}: {wrong}" for wrong in tally.wrong]
    for what, count, campaign in (
        ("sweep", options.sweep_kills, sweeps.campaign),
        ("ranks", options.rank_kills, rank_kills.campaign),
    ):
        if not count:
            continue
        started = time.monotonic()
        tally = campaign(count, options.seed, scratch)
        done = sum(tally.kills.values())
        survived = done if not tally.wrong else 0
        row(f"{what}: {tally.runs} runs killed, {dict(tally.kills)}", survived, done, started)
        if tally.longest_s:
            print(f"{what}: {tally.longest_s:.1f} s from a kill until all processes had ended, at most", flush=True)
        total, planned = total + survived, planned + done
        failures += [f"{what}: {wrong}" for wrong in tally.wrong]
    orphans = kills.left_behind(scratch)
    failures += orphans
    print(f"{total} of {planned} kills survived; {len(orphans) or 'no'} processes left behind")

    for replaced in () if options.only_kills else (False, True):
        started = time.monotonic()
        survived_saves, wrong = full_disks.saves(scratch / "saves", replaced=replaced)
        for kind, count in survived_saves.items():
            bad = sum(line.startswith(f"{kind} at") for line in wrong)
            row(f"{'replacing' if replaced else 'new'} save, {kind}", count, count + bad, started)
        failures += wrong

    if options.flips and not options.only_kills:
        kills.whole_run(kills.KINDS["ema"], scratch / "rot")
        folder = scratch / "rot" / "checkpoints"
        steps = CheckpointStore(folder).steps()
        newest, others = folder / f"step-{steps[-1]}", [folder / f"step-{step}" for step in steps[:-1]]
        started = time.monotonic()
        found, missed = damage.flip_bits(newest, steps[-1], options.flips, random.Random(options.seed))
        row("flipped bits found", found, options.flips, started)
        failures += missed
        counts, missed = damage.other_damage(newest, steps[-1], others)
        for kind, count in counts.items():
            row(f"damage found: {kind}", count, count + missed.count(kind), started)
        failures += missed
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
