"""dlrun.runs.run: stops, time limits, averaged weights, errors and damaged checkpoints within a whole run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from dlrun.baselines.measure import measure_baselines
from dlrun.configuration.schema.catalog import Catalog
from dlrun.data.spec import Batch
from dlrun.errors import ConfigError, Interrupted, StorageError
from dlrun.runs import final, run
from dlrun.storage import run_dir
from dlrun.storage.checkpoint_format import load_snapshot
from dlrun.tasks.progress import Listener, Progress, Row
from dlrun.tasks.task import SupervisedTask, Update
from dlrun.training.signals import StopRequest
from tests.harness import CPU, SMALL, RowCollector, configure, rows_without_seconds, train, train_with_a_break, weights

Dlrun = Callable[..., tuple[int, str, str]]


def test_averaged_weights_are_evaluated_saved_and_resumed(tmp_path: Path) -> None:
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
    assert weights(tmp_path / "plain") == raw[0]  # averaging does not change the training
    assert plain["metrics"] != whole["metrics"]


def test_a_stop_during_an_evaluation_saves_and_evaluates_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for extra in ((), ("trainer.eval_every_steps=3",)):
        words = (*SMALL, "trainer.eval_batch_size=4", *extra)
        name = "within" if extra else "epoch"
        train(tmp_path / f"{name}-whole", *words)
        stop = StopRequest()
        evaluation = SupervisedTask.evaluation
        passes: list[int] = []

        def stop_in_second(task: SupervisedTask, stop: StopRequest = stop, passes: list[int] = passes) -> object:
            passes.append(1)
            if len(passes) == 2:
                stop.signal = signal.SIGTERM
            return evaluation(task)  # noqa: B023

        monkeypatch.setattr(SupervisedTask, "evaluation", stop_in_second)
        claimed = run_dir.claim(tmp_path / name, asked=True, resume="never")

        def make_listeners(session: run.Session, name: str = name) -> list[Listener]:
            from dlrun.report.metrics_file import MetricsFile

            return [MetricsFile(tmp_path / name / "metrics.jsonl", from_step=session.resumed_from)]

        with pytest.raises(Interrupted, match="everything is saved"):
            run.train(configure(*words), Catalog(), claimed, stop=stop, make_listeners=make_listeners)
        claimed.release()
        monkeypatch.setattr(SupervisedTask, "evaluation", evaluation)
        last = (tmp_path / name / "checkpoints" / "last").read_text().strip()
        state = json.loads((tmp_path / name / "checkpoints" / last / "state.json").read_text())
        assert state["progress"]["evaluation_due"] is True
        train(tmp_path / name, *words, resume="auto")
        assert weights(tmp_path / name) == weights(tmp_path / f"{name}-whole")
        assert rows_without_seconds(tmp_path / name) == rows_without_seconds(tmp_path / f"{name}-whole")


def test_a_time_limit_ends_with_a_checkpoint_and_exit_code_0(dlrun: Dlrun, own_folder: Path) -> None:
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
    assert "after 2.0 s (trainer.max_time); dlrun resume continues the run" in err
    result = json.loads((own_folder / "a" / "result.json").read_text())
    assert result["status"] == "interrupted"
    assert (own_folder / "a" / "checkpoints" / "last").read_text().strip() == f"step-{result['steps']}"
    more = result["steps"] + 3
    code, _, _ = dlrun("resume", "a", "trainer.max_time=null", f"trainer.max_steps={more}", "--quiet")
    assert code == 0
    assert json.loads((own_folder / "a" / "result.json").read_text())["steps"] == more


def test_sigusr1_saves_and_training_continues(tmp_path: Path) -> None:
    stop = StopRequest()

    class SendSignal(Listener):
        def on_step(self, progress: Progress, row: Row) -> None:
            if progress.step == 2:
                os.kill(os.getpid(), signal.SIGUSR1)

    claimed = run_dir.claim(tmp_path / "a", asked=True, resume="never")
    with stop:
        words = (*SMALL, "trainer.epochs=1", "checkpoint.keep=9", "trainer.log_every=1")
        result = run.train(
            configure(*words), Catalog(), claimed, stop=stop, make_listeners=lambda session: [SendSignal()]
        )
    claimed.release()
    assert result["status"] == "completed"
    assert sorted(path.name for path in (tmp_path / "a" / "checkpoints").glob("step-*")) == ["step-2", "step-4"]
    assert load_snapshot(tmp_path / "a" / "checkpoints" / "step-2").step == 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_during_start_up_ends_with_its_code_and_leaves_no_folder(
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


def test_a_signal_before_torch_is_imported_ends_with_its_code(own_folder: Path) -> None:
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


def refuse_a_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let training steps on 32 rows run out of memory, and not those on the few rows of a check."""
    train_step = SupervisedTask.train_step

    def refuse(task: SupervisedTask, batch: Batch, update: Update) -> object:
        if len(batch.targets) < 32:
            return train_step(task, batch, update)
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(SupervisedTask, "train_step", refuse)


def test_too_little_memory_names_the_batch_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_a_whole_batch(monkeypatch)
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


def test_a_run_killed_before_its_first_checkpoint_restarts_its_metrics(tmp_path: Path) -> None:
    train(tmp_path / "whole", *SMALL)
    train(tmp_path / "a", *SMALL)
    for path in sorted((tmp_path / "a" / "checkpoints").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    train(tmp_path / "a", *SMALL, resume="auto")
    assert rows_without_seconds(tmp_path / "a") == rows_without_seconds(tmp_path / "whole")


def test_a_failing_save_in_the_background_ends_the_run_with_its_error(dlrun: Dlrun, own_folder: Path) -> None:
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


def test_a_damaged_checkpoint_is_set_aside_and_reported(tmp_path: Path) -> None:
    train(tmp_path / "a", *SMALL)
    newest = tmp_path / "a" / "checkpoints" / "step-16"
    (newest / "state.json").write_text("{}")
    notices: list[str] = []

    def make_listeners(session: run.Session) -> list[Listener]:
        notices.extend(session.notices)
        return []

    claimed = run_dir.claim(tmp_path / "a", asked=True, resume="auto")
    run.train(configure(*SMALL), Catalog(), claimed, stop=StopRequest(), make_listeners=make_listeners)
    claimed.release()
    assert "state.json: damaged: 2 bytes, the manifest says" in notices[0]
    assert notices[1:] == [f"{newest}.damaged is damaged; it is not deleted, so that you can inspect it."]
    assert load_snapshot(newest).step == 16


def test_other_data_cannot_be_evaluated(tmp_path: Path) -> None:
    words = ("dataset=random_images", "dataset.size=8", "dataset.rows=40", "model=linear", "trainer.epochs=1", *CPU)
    train(tmp_path / "a", *words)
    config = configure(*words, "dataset.image_seed=5")
    with pytest.raises(StorageError, match="the data is not what this run was trained on"):
        run.evaluate_run(config, Catalog(), tmp_path / "a", split="test")


class FailsAtEnd(Listener):
    """A listener whose file cannot be written."""

    def on_end(self, result: object) -> None:
        raise StorageError("dlrun.log: could not be written (Input/output error).")


def test_a_listener_that_fails_at_the_end_does_not_stop_the_others(tmp_path: Path) -> None:
    collector = RowCollector(StopRequest())
    claimed = run_dir.claim(tmp_path / "a", asked=True, resume="never")
    with pytest.raises(StorageError, match=r"^dlrun\.log: could not be written"):
        run.train(
            configure(*SMALL, "trainer.epochs=1"),
            Catalog(),
            claimed,
            stop=StopRequest(),
            make_listeners=lambda session: [FailsAtEnd(), collector],
        )
    claimed.release()
    written = json.loads((tmp_path / "a" / "result.json").read_text())
    assert written["status"] == "completed"
    assert collector.ended == [written]


def test_a_failed_run_reports_its_error_and_that_of_its_listener(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_a_whole_batch(monkeypatch)
    claimed = run_dir.claim(tmp_path / "a", asked=True, resume="never")
    with pytest.raises(StorageError, match=r"trainer.batch_size=32(.|\n)*dlrun.log: could not be written"):
        run.train(
            configure(*SMALL), Catalog(), claimed, stop=StopRequest(), make_listeners=lambda session: [FailsAtEnd()]
        )
    claimed.release()
    assert json.loads((tmp_path / "a" / "result.json").read_text())["status"] == "failed"


def test_the_scale_of_fp16_is_resumed(tmp_path: Path) -> None:
    words = (*SMALL, "device.precision=fp16")
    train(tmp_path / "whole", *words)
    train_with_a_break(tmp_path / "broken", *words, stop_after=6)
    assert weights(tmp_path / "broken") == weights(tmp_path / "whole")
    states = [
        json.loads((tmp_path / name / "checkpoints/step-16/state.json").read_text()) for name in ("whole", "broken")
    ]
    assert states[0]["scalers"] == states[1]["scalers"]
    assert states[0]["scalers"]["model"]["_growth_tracker"] == 16


def test_the_result_has_the_baselines_and_the_weights_do_not_depend_on_them(tmp_path: Path) -> None:
    _, result = train(tmp_path / "with", *SMALL)
    assert [(each["name"], each["kind"]) for each in result["baselines"]] == [
        ("largest class", "trivial"),
        ("linear model", "simple"),
    ]
    names = {f"{split}/{name}" for split in ("val", "test") for name in ("accuracy", "macro_f1")}
    assert all(set(each["metrics"]) == names and each["seconds"] >= 0 for each in result["baselines"])
    assert result["baselines"][0]["metrics"]["test/accuracy"] == pytest.approx(1 / 3)  # stratified, three equal classes
    _, without = train(tmp_path / "without", *SMALL, "dataset.baselines=false")
    assert (without["baselines"], without["notices"]) == ([], [])
    assert without["metrics"] == result["metrics"]
    assert weights(tmp_path / "with") == weights(tmp_path / "without")
    assert rows_without_seconds(tmp_path / "with") == rows_without_seconds(tmp_path / "without")


def test_a_resumed_run_has_the_same_baselines_and_may_leave_them_out(tmp_path: Path) -> None:
    _, whole = train(tmp_path / "whole", *SMALL)
    with pytest.raises(Interrupted):
        train(tmp_path / "broken", *SMALL, stop_after=6)
    result = json.loads((tmp_path / "broken" / "result.json").read_text())
    assert (result["baselines"], result["notices"]) == ([], [])  # measured at the end alone
    _, resumed = train(tmp_path / "broken", *SMALL, resume="auto")
    for before, after in zip(whole["baselines"], resumed["baselines"], strict=True):
        assert {**before, "seconds": 0} == {**after, "seconds": 0}
    assert resumed["notices"] == whole["notices"]
    _, extended = train(tmp_path / "broken", *SMALL, "trainer.epochs=5", "dataset.baselines=false", resume="must")
    assert extended["baselines"] == []


def test_without_held_out_rows_training_rows_are_compared(tmp_path: Path) -> None:
    _, result = train(tmp_path / "a", *SMALL, "dataset.val_fraction=0", "dataset.test_fraction=0")
    assert {name.split("/")[0] for each in result["baselines"] for name in each["metrics"]} == {"train"}


def test_a_gan_has_no_baselines(tmp_path: Path) -> None:
    words = ("dataset=random_images", "model=gan", "trainer.max_steps=2", *CPU)
    _, result = train(tmp_path / "a", *words)
    assert (result["baselines"], result["notices"]) == ([], [])


def test_ctrl_c_while_baselines_are_measured_ends_as_in_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = StopRequest()

    def stop_then_measure(*args: Any, check: Callable[[], None], **fields: Any) -> object:
        stop.signal = signal.SIGINT
        return measure_baselines(*args, check=check, **fields)

    monkeypatch.setattr(final, "measure_baselines", stop_then_measure)
    claimed = run_dir.claim(tmp_path / "a", asked=True, resume="never")
    with pytest.raises(Interrupted, match="Stopped while testing; the trained run is saved"):
        run.train(configure(*SMALL), Catalog(), claimed, stop=stop, make_listeners=lambda session: [])
    claimed.release()
    result = json.loads((tmp_path / "a" / "result.json").read_text())
    assert (result["status"], result["baselines"]) == ("interrupted", [])
    monkeypatch.setattr(final, "measure_baselines", measure_baselines)
    _, resumed = train(tmp_path / "a", *SMALL, resume="auto")
    assert len(resumed["baselines"]) == 2


def test_a_run_that_learns_nothing_is_told_so_everywhere(dlrun: Dlrun, own_folder: Path) -> None:
    words = ("dataset=diabetes", "dataset.standardise_target=false", "model=mlp", "trainer.epochs=1", *CPU)
    code, out, err = dlrun(*words, "hydra.run.dir=a")
    assert code == 0
    start = "notice: The model is no better than the trivial answer (mean): test/r2 -"
    assert f"\n{start}" in err
    assert f"\n{start}" in (own_folder / "a" / "dlrun.log").read_text()
    (notice,) = json.loads((own_folder / "a" / "result.json").read_text())["notices"]
    assert f"notice: {notice}\n" in err
    assert "the targets have mean 15" in notice
    assert "(dataset.standardise_target=true); only 10 steps (more trainer.epochs" in notice
    assert "A simple model (linear model) reaches 0.5726, so there is something to learn." in notice
    assert "; linear model 0.5726, mean -0.0244\n" in err
    head, *rows = (line.split() for line in out.splitlines())
    assert head == ["metric", "val", "test", "mean", "linear", "model"]
    assert [row[-2:] for row in rows if row[0] in ("loss", "r2")] == [["-", "-"], ["-0.0244", "0.5726"]]
    _, out, _ = dlrun("runs", ".", "--json")
    assert json.loads(out)[0]["notices"] == [notice]
