"""Stops, time limits, averages, divergence and what may be gone on with: dlrun.runs.run as a whole."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.loading.orphans import die_with_run
from dlrun.data.spec import Batch
from dlrun.errors import ConfigError, Interrupted, StorageError
from dlrun.runs import run
from dlrun.storage import run_dir
from dlrun.storage.checkpoint_format import load
from dlrun.tasks.progress import Listener, Progress, Row
from dlrun.tasks.task import SupervisedTask
from dlrun.training.signals import StopRequest
from tests.harness import CPU, SMALL, configure, rows_without_seconds, train, weights

Dlrun = Callable[..., tuple[int, str, str]]


def test_an_average_of_the_weights_is_evaluated_kept_and_gone_on_with(tmp_path: Path) -> None:
    words = (*SMALL, "trainer.ema=0.9", "model.dropout=0.2")
    _, whole = train(tmp_path / "whole", *words)
    with pytest.raises(Interrupted):
        train(tmp_path / "broken", *words, stop_after=6)
    _, broken = train(tmp_path / "broken", *words, resume="auto")
    assert weights(tmp_path / "whole") == weights(tmp_path / "broken")
    raw = [(tmp_path / name / "checkpoints/step-16/raw.safetensors").read_bytes() for name in ("whole", "broken")]
    assert raw[0] == raw[1] != weights(tmp_path / "whole")
    assert whole["metrics"] == broken["metrics"]
    _, plain = train(tmp_path / "plain", *SMALL, "model.dropout=0.2")
    assert weights(tmp_path / "plain") == raw[0]  # averaging changes nothing of the training
    assert plain["metrics"] != whole["metrics"]


def test_the_average_moves_as_its_formula_says() -> None:
    from dlrun.optim.ema import WeightAverage

    layer = torch.nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(0.0)
    average = WeightAverage(layer, decay=0.5)
    with torch.no_grad():
        layer.weight.fill_(11.0)
    average.update(1)  # decay min(0.5, 2 / 11): 0 moves by 9/11 of the way to 11
    assert average.merged(layer.state_dict())["weight"].item() == pytest.approx(9.0)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    average.update(100)  # decay 0.5
    with average.applied():
        assert layer.weight.item() == pytest.approx(5.0)
    assert layer.weight.item() == 1.0


def test_a_stop_within_an_evaluation_saves_and_evaluates_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for extra in ((), ("trainer.eval_every_steps=3",)):
        words = (*SMALL, "trainer.eval_batch_size=4", *extra)
        name = "within" if extra else "epoch"
        train(tmp_path / f"{name}-whole", *words)
        stop = StopRequest()
        evaluation = SupervisedTask.evaluation
        passes: list[int] = []

        def asking(task: SupervisedTask, stop: StopRequest = stop, passes: list[int] = passes) -> object:
            passes.append(1)
            if len(passes) == 2:
                stop.signal = signal.SIGTERM
            return evaluation(task)  # noqa: B023

        monkeypatch.setattr(SupervisedTask, "evaluation", asking)
        claimed = run_dir.claim(tmp_path / name, asked=True, resume="never")

        def watch(session: run.Session, name: str = name) -> list[Listener]:
            from dlrun.report.metrics_file import MetricsFile

            return [MetricsFile(tmp_path / name / "metrics.jsonl", from_step=session.resumed_from)]

        with pytest.raises(Interrupted, match="everything is saved"):
            run.train(configure(*words), Catalog(), claimed, stop=stop, watch=watch)
        claimed.release()
        monkeypatch.setattr(SupervisedTask, "evaluation", evaluation)
        last = (tmp_path / name / "checkpoints" / "last").read_text().strip()
        state = json.loads((tmp_path / name / "checkpoints" / last / "state.json").read_text())
        assert state["progress"]["evaluation_due"] is True
        train(tmp_path / name, *words, resume="auto")
        assert weights(tmp_path / name) == weights(tmp_path / f"{name}-whole")
        assert rows_without_seconds(tmp_path / name) == rows_without_seconds(tmp_path / f"{name}-whole")


def test_time_over_ends_with_a_checkpoint_and_code_0(dlrun: Dlrun, own_folder: Path) -> None:
    words = (
        "dataset=iris",
        "model=mlp",
        "trainer.epochs=1000000",
        *CPU,
        "hydra.run.dir=a",
        "checkpoint.every_epochs=0",
    )
    code, out, err = dlrun(*words, "trainer.max_time=2s", "--quiet")
    assert code == 0
    assert out == ""
    assert "after 2.0 s (trainer.max_time); dlrun resume goes on" in err
    result = json.loads((own_folder / "a" / "result.json").read_text())
    assert result["status"] == "interrupted"
    assert (own_folder / "a" / "checkpoints" / "last").read_text().strip() == f"step-{result['steps']}"
    more = result["steps"] + 3
    code, _, _ = dlrun("resume", "a", "trainer.max_time=null", f"trainer.max_steps={more}", "--quiet")
    assert code == 0
    assert json.loads((own_folder / "a" / "result.json").read_text())["steps"] == more


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("90", 'Did you mean "90s"?'),
        ("'3 hours 50 minutes'", 'Did you mean "3h50m"?'),
        ("'3:50:00'", 'Did you mean "3h50m"?'),
        ("10min", 'Did you mean "10m"?'),
        ("soon", 'got "soon".'),
        ("0s", 'got "0s".'),
    ],
)
def test_a_time_written_otherwise_is_told_with_the_right_one(dlrun: Dlrun, value: str, hint: str) -> None:
    code, _, err = dlrun("check", f"trainer.max_time={value}")
    assert code == 2
    assert "Expected a string that states a duration, such as 90s, 10m or 3h50m or null" in err
    assert hint in err


def test_usr1_saves_and_goes_on(tmp_path: Path) -> None:
    stop = StopRequest()

    class Ask(Listener):
        def on_step(self, progress: Progress, row: Row) -> None:
            if progress.step == 2:
                os.kill(os.getpid(), signal.SIGUSR1)

    claimed = run_dir.claim(tmp_path / "a", asked=True, resume="never")
    with stop:
        words = (*SMALL, "trainer.epochs=1", "checkpoint.keep=9", "trainer.log_every=1")
        result = run.train(configure(*words), Catalog(), claimed, stop=stop, watch=lambda session: [Ask()])
    claimed.release()
    assert result["status"] == "completed"
    assert sorted(path.name for path in (tmp_path / "a" / "checkpoints").glob("step-*")) == ["step-2", "step-4"]
    assert load(tmp_path / "a" / "checkpoints" / "step-2").step == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_start_up_leaves_with_its_code_and_nothing_behind(
    own_folder: Path, number: int, code: int
) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "dlrun", "dataset=digits", "model=mlp", "hydra.run.dir=a"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process.stderr:
        for line in process.stderr:
            if " torch.version" in line or " torch._utils" in line:  # within the import of torch
                process.send_signal(number)
                break
        rest = process.stderr.read()
    assert process.wait(60) == code
    assert "Traceback" not in rest
    assert "Stopped before training" in rest
    assert not (own_folder / "a").exists()


def test_a_signal_before_torch_is_imported_leaves_with_its_code(own_folder: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "dlrun", "dataset=digits", "model=mlp"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    with process.stderr:
        for line in process.stderr:
            if line.split()[-1:] == ["dlrun.report.lines"]:  # next is composing
                process.send_signal(signal.SIGUSR1)
                process.send_signal(signal.SIGTERM)
                break
        rest = process.stderr.read()
    assert process.wait(60) == 143
    assert "Traceback" not in rest
    assert list(own_folder.iterdir()) == []


BAD = """
import torch
from torch import nn

class Bad(torch.autograd.Function):
    @staticmethod
    def forward(ctx, h, flag):
        ctx.flag = flag
        return h.clone()
    @staticmethod
    def backward(ctx, gradient):
        return gradient * float("nan") if ctx.flag else gradient, None

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second, self.calls = nn.Linear(4, 5), nn.Linear(5, 3), 0
        self.register_buffer("steps", torch.zeros(()))
    def forward(self, x):
        if self.training:
            self.steps += 1
        return self.second(Bad.apply(self.first(x), self.training and self.steps.item() == 6))

def bad(spec):
    '''Its sixth gradient is not a number.'''
    return Net()
"""


def test_a_gradient_that_is_not_finite_names_step_and_layer_and_can_be_replayed(dlrun: Dlrun, own_folder: Path) -> None:
    (own_folder / "bad.py").write_text(BAD)
    words = ("--plugin", "bad.py", "model=bad", "dataset=iris", "trainer.epochs=3", *CPU, "hydra.run.dir=a")
    code, _, err = dlrun(*words, "--quiet")
    assert code == 4
    assert "The gradient is no longer a finite number at step 6." in err
    assert "in the gradient of bias in model.first (Linear)" in err or "weight in model.first (Linear)" in err
    assert "The checkpoint of step 4 is intact" in err
    repro = load(own_folder / "a" / "repro")
    assert repro.step == 5
    assert set(repro.tensors["batch"]) == {"0.inputs", "0.targets"}
    assert all(torch.isfinite(tensor).all() for tensor in repro.tensors["model"].values())
    assert load(own_folder / "a" / "checkpoints" / "step-4").step == 4
    for name in ("repro", "capsule"):  # the folder of earlier versions
        (own_folder / "a" / "repro").rename(own_folder / "a" / name)
        code, _, again = dlrun("replay", "a", "--plugin", "bad.py")
        assert code == 4
        assert "The gradient is no longer a finite number at step 6" in again


def test_replay_needs_a_diverged_run(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    short_run("a")
    code, _, err = dlrun("replay", "a")
    assert code == 2
    assert "This run has no step to replay: only a run that diverged writes one, to repro/." in err


def test_too_little_memory_names_the_batch_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(task: SupervisedTask, batch: Batch, update: object) -> object:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(SupervisedTask, "train_step", refuse)
    with pytest.raises(ConfigError, match=r"trainer.batch_size=32\n.*trainer.batch_size=16 trainer.accumulate=2"):
        train(tmp_path / "a", *SMALL)
    assert json.loads((tmp_path / "a" / "result.json").read_text())["status"] == "failed"


def test_too_little_memory_to_evaluate_names_the_batch_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(task: SupervisedTask) -> object:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr(SupervisedTask, "evaluation", refuse)
    with pytest.raises(
        ConfigError, match=r"Out of memory:\n.*eval_batch_size=80\n.*Smaller batches give.*_batch_size=20$"
    ):
        train(tmp_path / "a", *SMALL, "trainer.eval_batch_size=80")


def test_clean_keeps_the_best_and_the_newest(short_run: Callable[..., Path], dlrun: Dlrun) -> None:
    folder = short_run("a", "checkpoint.keep=9", "trainer.epochs=5") / "checkpoints"
    (folder / "step-1.damaged").mkdir()
    (folder / ".step-9.1.tmp").mkdir()
    best = (folder / "best").read_text().strip()
    code, out, err = dlrun("clean", "a", "--keep", "1")
    assert code == 0
    names = {path.name for path in folder.iterdir()}
    assert names == {best, (folder / "last").read_text().strip(), "best", "last"}
    assert "step-1.damaged" in out
    assert "MiB freed" in err
    code, _, err = dlrun("clean", "a", "--keep", "none")
    assert code == 2
    assert "Expected a whole number from 1 to" in err
    assert dlrun("eval", "a")[0] == 0


def test_other_rows_and_another_order_within_an_epoch_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(tmp_path / "a", *SMALL, stop_after=6)
    with pytest.raises(ConfigError, match=r"dataset.val_fraction=0.2\n.*The checkpoint was trained with 0.1"):
        train(tmp_path / "a", *SMALL, "dataset.val_fraction=0.2", resume="auto")
    with pytest.raises(ConfigError, match=r"trainer.batch_size=16\n.*The epoch at hand was begun with 32"):
        train(tmp_path / "a", *SMALL, "trainer.batch_size=16", resume="auto")
    train(tmp_path / "a", *SMALL, resume="auto")
    train(tmp_path / "a", *SMALL, "trainer.batch_size=16", "trainer.epochs=5", resume="auto")  # between two epochs


def test_a_run_killed_before_its_first_checkpoint_starts_its_metrics_anew(tmp_path: Path) -> None:
    train(tmp_path / "whole", *SMALL)
    train(tmp_path / "a", *SMALL)
    for path in sorted((tmp_path / "a" / "checkpoints").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    train(tmp_path / "a", *SMALL, resume="auto")
    assert rows_without_seconds(tmp_path / "a") == rows_without_seconds(tmp_path / "whole")


def test_a_forked_child_does_not_hold_the_lock(tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from dlrun.storage.run_dir import claim\n"
        "run = claim(Path('mine'), asked=True, resume='never'); run.write_config('seed: 0')\n"
        "child = os.fork()\n"
        "if child == 0: time.sleep(30); os._exit(0)\n"
        "print(child, flush=True); os.kill(os.getpid(), 9)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.wait(30)
    deadline = time.monotonic() + 10
    try:
        while True:
            try:
                run_dir.claim(tmp_path / "mine", asked=True, resume="auto").release()
                break
            except StorageError:  # the child lets go as soon as it runs
                assert time.monotonic() < deadline
                time.sleep(0.05)
    finally:
        os.kill(child, signal.SIGKILL)
        process.stdout.close()


WORKERS = """
import multiprocessing, os, sys, time
from dlrun.data.loading.orphans import die_with_run

def work(ready, late):
    if late:
        ready.send(os.getpid())
        time.sleep(1)  # the run is gone by now
        die_with_run()
    else:
        die_with_run()
        ready.send(os.getpid())
    time.sleep(60)

if __name__ == "__main__":
    context = multiprocessing.get_context("METHOD")
    ours, theirs = context.Pipe()
    for late in (False, True):
        context.Process(target=work, args=(theirs, late)).start()
    print(ours.recv(), ours.recv(), flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_workers_die_with_their_run_however_it_ends(tmp_path: Path, method: str) -> None:
    (tmp_path / "workers.py").write_text(WORKERS.replace("METHOD", method))
    process = subprocess.Popen(
        [sys.executable, "workers.py"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(run.__file__).parents[2])},
    )
    assert process.stdout is not None
    workers = [int(word) for word in process.stdout.readline().split()]
    assert len(workers) == 2
    process.kill()
    process.wait(30)
    deadline = time.monotonic() + 10
    while any(map(_is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.stdout.close()
    assert [worker for worker in workers if _is_alive(worker)] == []


def test_what_no_run_started_cannot_follow_one() -> None:
    with pytest.raises(RuntimeError, match="Only a worker that multiprocessing started"):
        die_with_run()


def _is_alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_64_runs_started_at_once_never_share_a_folder(tmp_path: Path) -> None:
    code = (
        "import os; from pathlib import Path; from dlrun.storage.run_dir import claim\n"
        "for _ in range(8):\n"
        "    if os.fork() == 0:\n"
        "        run = claim(Path('run'), asked=False, resume='never'); run.write_config('x')\n"
        "        os.write(1, f'{run.path}\\n'.encode()); os._exit(0)\n"
        "for _ in range(8): os.wait()"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path)
        for _ in range(8)
    ]
    folders = [line for process in started for line in process.communicate()[0].split()]
    assert len(folders) == len(set(folders)) == 64


def test_a_save_that_fails_in_the_background_ends_the_run_in_words(dlrun: Dlrun, own_folder: Path) -> None:
    from dlrun.storage import disk as system
    from tests.faults.faulty_disk import CountingDisk

    def refuse(name: str, number: int) -> None:
        if name == "make_folder" and number > 40:
            raise OSError(28, "No space left on device")

    before, system.disk = system.disk, CountingDisk(before=refuse)
    try:
        code, _, err = dlrun("dataset=iris", "model=mlp", "trainer.epochs=30", *CPU, "hydra.run.dir=a", "--quiet")
    finally:
        system.disk = before
    assert code == 5
    assert "could not be written (No space left on device). Free some space" in err
    assert json.loads((own_folder / "a" / "result.json").read_text())["status"] == "failed"
    assert dlrun("eval", "a")[0] == 0
