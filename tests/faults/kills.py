"""Kill runs again and again; they must end with the same files as a run that was never killed.

A process that has imported torch forks a child for every attempt, so that an attempt takes milliseconds. The child
trains in the run's folder, as `dlrun ... resume=auto` does, and is killed by SIGKILL: at a random moment, or right
before or after the k-th call that changes the disk.
"""

from __future__ import annotations

import functools
import json
import os
import random
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dlrun.cli.running import run_one
from dlrun.configuration.compose import Composed, compose
from dlrun.configuration.overrides import parse_overrides
from dlrun.configuration.plan import plan_runs
from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import DlrunError
from dlrun.storage import disk as system
from tests.faults.faulty_disk import CountingDisk, killing
from tests.processes import describe, started_with, wait_until_none

COMMON = (
    "device=cpu", "device.threads=1", "trainer.log_every=1", "resume=auto", "checkpoint.every_steps=2",
)  # fmt: skip
_SMALL_IMAGES = ("dataset=random_images", "dataset.size=8", "dataset.rows=40", "trainer.batch_size=8")
KINDS: Mapping[str, tuple[str, ...]] = {
    "mlp": ("dataset=iris", "model=mlp", "model.hidden=[8]", "model.dropout=0.3", "trainer.epochs=3"),
    "cnn": (*_SMALL_IMAGES, "model=cnn", "model.channels=[4,4]", "model.hidden=[8]", "trainer.epochs=2"),
    "rnn": ("dataset=digits", "dataset.limit=80", "model=rnn", "model.hidden=8", "trainer.epochs=2"),
    "gan": ("dataset=digits", "dataset.limit=60", "model=gan", "trainer.epochs=2", "trainer.batch_size=16"),
    "bf16": ("dataset=iris", "model=mlp", "model.hidden=[8]", "device.precision=bf16", "trainer.epochs=3"),
    "ema": ("dataset=iris", "model=mlp", "model.hidden=[8]", "trainer.ema=0.9", "trainer.epochs=3"),
    "accumulate": (
        "dataset=iris", "model=mlp", "model.hidden=[8]", "trainer.batch_size=8", "trainer.accumulate=3",
        "trainer.epochs=3", "optimizer=adamw", "scheduler=cosine", "trainer.clip_norm=1",
    ),
    "early_stop": (
        "dataset=iris", "model=mlp", "model.hidden=[8]", "optimizer.lr=1e-9", "metric=accuracy", "trainer.epochs=40",
        "trainer.early_stop.patience=3", "scheduler=plateau",
    ),
    "within": (
        "dataset=iris", "model=mlp", "model.hidden=[8]", "trainer.eval_every_steps=3", "trainer.epochs=null",
        "trainer.max_steps=10", "checkpoint.keep=1",
    ),
    "workers": (
        "dataset=image_folder", "dataset.path=PICTURES", "dataset.in_memory=false", "trainer.workers=2", "model=cnn",
        "model.channels=[2,2,2,2]", "model.hidden=[8]", "trainer.batch_size=16", "trainer.epochs=2",
        "dataset.augment.shift=1", "dataset.augment.flip=true",
    ),
}  # fmt: skip
"""The overrides of each kind of run. PICTURES is replaced by a folder of images that `words_of` creates."""


@dataclass
class Tally:
    """The results of the attempts."""

    kills: Counter[str] = field(default_factory=Counter)  # by kind of kill
    runs: int = 0
    wrong: list[str] = field(default_factory=list)
    longest_s: float = 0.0  # from a kill until every other process had ended too

    def add(self, other: Tally) -> None:
        self.kills += other.kills
        self.runs += other.runs
        self.wrong += other.wrong
        self.longest_s = max(self.longest_s, other.longest_s)


@functools.cache
def composed(words: tuple[str, ...]) -> Composed:
    """Compose the configuration of a command line, once for all attempts."""
    catalog = Catalog()
    (plan,) = plan_runs(parse_overrides([*COMMON, *words], catalog), catalog)
    return compose(plan, catalog)


def train(words: tuple[str, ...], folder: Path) -> int:
    """Start or resume the run in `folder`, as the command line does; return the exit code."""
    try:
        run_one(composed(words), Catalog(), folder, asked=True, quiet=True)
    except DlrunError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def words_of(kind: str, scratch: Path) -> tuple[str, ...]:
    """Return a kind's overrides; create its images in `scratch` if needed."""
    pictures = scratch / "pictures"
    if kind == "workers" and not pictures.is_dir():
        from PIL import Image

        for number in range(80):  # 200 KiB each as float32, so that the training rows fill several chunks of 4 MiB
            folder = pictures / ("dark", "light")[number % 2]
            folder.mkdir(parents=True, exist_ok=True)
            Image.effect_noise((128, 128), 1 + 60 * (number % 2)).convert("RGB").save(folder / f"{number:02d}.png")
    return tuple(word.replace("PICTURES", str(pictures)) for word in KINDS[kind])


def warm_up(folder: Path) -> None:
    """Train a run in the process that forks, so that everything is imported."""
    if train(KINDS["mlp"], folder) != 0:
        raise RuntimeError("the warm-up run failed")


def attempt(words: tuple[str, ...], folder: Path, *, disk: CountingDisk | None = None) -> int:
    """Fork a child that trains in `folder`, with `disk` if given; return its process number."""
    composed(words)
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        log = os.open(folder.with_name(folder.name + ".err"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        if disk is not None:
            system.disk = disk
        code = train(words, folder)
        if disk is not None:
            folder.with_name(folder.name + ".calls").write_text(str(len(disk.calls)))
    except Exception:  # noqa: BLE001 - reported to the parent by exit code and log
        traceback.print_exc()
    finally:
        os._exit(code)


def wait(child: int) -> int:
    """Wait for a child; return its exit code, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@dataclass(frozen=True)
class Whole:
    """A run that was never killed: its files, its time and its number of disk calls."""

    files: Mapping[str, bytes]
    seconds: float
    calls: int


def differing(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[str]:
    """Return the names of files that are not the same in both, also those that only one has."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def files_of(folder: Path) -> dict[str, bytes]:
    """Return what must be equal: pointers, tensors and state of the last and best checkpoint, metrics, result."""
    checkpoints = folder / "checkpoints"
    files = {name: (checkpoints / name).read_bytes() for name in ("last", "best")}
    files["folders"] = "\n".join(sorted(path.name for path in checkpoints.iterdir())).encode()
    for name in ("last", "best"):
        chosen = checkpoints / (checkpoints / name).read_text().strip()
        for path in sorted(chosen.glob("*.safetensors")):
            files[f"{name}/{path.name}"] = path.read_bytes()
        state = json.loads((chosen / "state.json").read_text())
        for key in ("train_seconds", "eval_seconds", "total_seconds"):
            del state["progress"][key]
        files[f"{name}/state.json"] = json.dumps(state, sort_keys=True).encode()
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    files["metrics.jsonl"] = json.dumps([{k: v for k, v in row.items() if k != "seconds"} for row in rows]).encode()
    result = json.loads((folder / "result.json").read_text())
    for key in ("seconds", "samples_per_second", "peak_memory_mib", "config_sha256"):
        del result[key]
    for baseline in result["baselines"]:
        del baseline["seconds"]
    files["result.json"] = json.dumps(result, sort_keys=True).encode()
    return files


def whole_run(words: tuple[str, ...], folder: Path) -> Whole:
    """Train without a kill."""
    started = time.monotonic()
    code = wait(attempt(words, folder, disk=CountingDisk()))
    seconds = time.monotonic() - started
    if code != 0:
        raise RuntimeError(folder.with_name(folder.name + ".err").read_text())
    return Whole(files_of(folder), seconds, int(folder.with_name(folder.name + ".calls").read_text()))


def killed_run(words: tuple[str, ...], folder: Path, whole: Whole, rng: random.Random, kills: int) -> Tally:
    """Kill a run `kills` times, let it end, and compare its files with those of the run that was not killed."""
    tally = Tally(runs=1)
    plan: list[str] = []
    misses = 0
    while sum(tally.kills.values()) < kills and misses < 4:
        aimed = rng.random() < 0.6
        if aimed:
            at, after = rng.randrange(max(1, whole.calls // 2)), rng.random() < 0.5
            plan.append(f"{'after' if after else 'before'} call {at}")
            code = wait(attempt(words, folder, disk=killing(at, after=after)))
        else:
            pause = rng.uniform(0.0, whole.seconds * 0.8)
            plan.append(f"at {pause:.3f} s")
            child = attempt(words, folder)
            time.sleep(pause)
            os.kill(child, signal.SIGKILL)
            code = wait(child)
        if code == -signal.SIGKILL:
            tally.kills["aimed at a call" if aimed else "at a random moment"] += 1
        elif code == 0:
            misses += 1  # it ended before the kill; its files must not change any more
        else:
            tally.wrong.append(f"{plan}: exit {code}: {folder.with_name(folder.name + '.err').read_text()[-600:]}")
            return tally
    code = wait(attempt(words, folder))
    if code != 0:
        tally.wrong.append(f"{plan}: exit {code}: {folder.with_name(folder.name + '.err').read_text()[-600:]}")
        return tally
    found = files_of(folder)
    different = differing(whole.files, found)
    if different:
        tally.wrong.append(f"{plan}: differs in {', '.join(different)}")
    return tally


def left_behind(scratch: Path) -> list[str]:
    """Return the processes that killed runs started and that still run, recognised by their environment."""
    orphans = wait_until_none(lambda: started_with(f"DLRUN_CACHE={scratch / 'cache'}"), patience_s=20)
    return [f"left behind: {describe(pid)}" for pid in orphans]


def campaign(kind: str, kills: int, seed: int, scratch: Path) -> Tally:
    """Kill runs of a kind, 2 to 10 times each, until there were `kills` kills."""
    rng = random.Random(f"{kind}{seed}")
    words, total, number = words_of(kind, scratch), Tally(), 0
    whole = whole_run(words, scratch / f"{kind}-whole")
    while sum(total.kills.values()) < kills:
        folder = scratch / f"{kind}-{number}"
        number += 1
        wanted = min(rng.randint(2, 10), kills - sum(total.kills.values()))
        tally = killed_run(words, folder, whole, rng, wanted)
        total.add(tally)
        if not tally.wrong:
            shutil.rmtree(folder)
        elif len(total.wrong) >= 5:
            break
    return total
