"""The tables of `python -m benchmarks`, with values computed by hand and at the smallest sizes."""

from __future__ import annotations

import json
import platform
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import checking, cost, growth, saving, starting, sweeping, training, waiting
from benchmarks.workload import WORKLOADS

Dlrun = Callable[..., tuple[int, str, str]]


def run(*, seconds: list[float], peak: float, besides: float) -> training.Run:
    return {"seconds": seconds, "peak_memory_mib": peak, "besides": besides, "versions": {"torch": "2.13"}}


def test_a_ratio_is_taken_within_a_round_and_without_the_first_epoch(capsys: pytest.CaptureFixture[str]) -> None:
    rounds = [
        {
            "dlrun": run(seconds=[9, ours, ours], peak=100, besides=2),
            "plain loop": run(seconds=[1, theirs, theirs], peak=200, besides=3),
        }
        for ours, theirs in ((1, 3), (2, 4), (4, 4))
    ]
    training.report(WORKLOADS["mlp"], ["dlrun", "plain loop"], rounds, 1)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[-2] == ["dlrun", "2.000", "1.00x", "100", "2.00", "torch", "2.13"]
    assert lines[-1] == ["plain", "loop", "4.000", "2.00x", "200", "3.00", "torch", "2.13"]


def test_a_contestant_without_a_module_has_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert training.measure("Lightning", WORKLOADS["texts"], 1) is None
    training.report(WORKLOADS["texts"], ["Lightning"], [{"Lightning": None}], 1)
    assert "Lightning" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--workloads", "mlp,lenot"], "--workloads: unknown name lenot; choose from mlp, lenet, lstm, resnet, texts."),
        (["--contestants", "Lightening"], "--contestants: unknown name Lightening; choose from dlrun, plain loop"),
        (["--rounds", "0"], "argument --rounds: invalid at_least_one value: '0'"),
    ],
)
def test_a_wrong_name_is_an_error(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        training.arguments(words)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_an_unknown_part_is_an_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "trainings"])
    with pytest.raises(SystemExit):
        runpy.run_module("benchmarks", run_name="__main__")
    assert "unknown part trainings; choose from training, starting, saving, cost" in capsys.readouterr().err


def test_one_command_runs_every_part_and_names_those_that_failed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []

    def run_part(command: list[str]) -> subprocess.CompletedProcess[str]:
        commands.append(command[2:])
        return subprocess.CompletedProcess(command, 1 if command[2] == "benchmarks.cost" else 0)

    monkeypatch.setattr(subprocess, "run", run_part)
    monkeypatch.setattr(platform, "platform", lambda: "a machine")  # runs a command
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--threads", "2"])
    with pytest.raises(SystemExit, match="failed: cost"):
        runpy.run_module("benchmarks", run_name="__main__")
    repeated = ["training", "starting", "saving", "cost", "waiting", "sweeping", "threads"]
    expected = [[f"benchmarks.{part}", "--threads", "2", "--rounds", "3"] for part in repeated]
    assert commands == [*expected[:-2], ["benchmarks.growth", "--threads", "2"], *expected[-2:]]
    assert "== growth" in capfd.readouterr().out


def test_shares_of_a_run() -> None:
    profile = {"seconds": {"evaluate": 0.2, "log": 0.05, "save": 0.03, "forward": 5.0}, "writing_seconds": 0.1}
    assert list(cost.shares(profile, 10.0).values()) == pytest.approx([0.02, 0.005, 0.003, 0.01, 0.038])


def test_waiting_needs_two_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        waiting.main(["--epochs", "1"])
    assert "--epochs: expected 2 or more" in capsys.readouterr().err


def test_saving_with_torch_is_timed(own_folder: Path) -> None:
    taken = saving.of_plain("mlp", own_folder)
    assert len(taken) == len(list(own_folder.glob("*.pt"))) == 5
    assert min(taken) > 0


def test_saving_prints_medians(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "WAYS", {"dlrun": saving.WAYS["dlrun"]})
    figures = iter([0.004, 0.001, 0.002])
    monkeypatch.setattr(saving, "measure", lambda way, workload, threads: next(figures))
    saving.main(["--workloads", "mlp"])
    assert capsys.readouterr().out.splitlines()[-1].split() == ["dlrun", "2.00", "ms"]


def test_a_failing_way_to_save_ends_the_benchmark_with_its_error() -> None:
    with pytest.raises(SystemExit, match=r"(?s)plain loop on nothing failed:.*KeyError: 'nothing'"):
        saving.measure("plain loop", "nothing", 1)


def test_waiting_is_timed_epoch_by_epoch(own_folder: Path) -> None:
    waiting.write_images(own_folder / "pictures", 16, 16)
    found = waiting.timed_epochs(
        [
            "dataset=image_folder", f"dataset.path={own_folder}/pictures", "dataset.in_memory=false", "model=linear",
            "dataset.val_fraction=0", "trainer.epochs=3", "device=cpu", "device.threads=1",
        ]
    )  # fmt: skip
    assert len(found) == 3
    assert all(0 < waited < seconds for seconds, waited in found)


def test_waiting_reports_the_error_of_dlrun() -> None:
    with pytest.raises(SystemExit, match=r'(?s)ended with 2:.*Unknown key "modle"'):
        waiting.timed_epochs(["modle=cnn"])


def test_growth_prints_the_cost_of_one_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = iter([(1.0, {"peak_memory_mib": 100.0}), (1.5, {"peak_memory_mib": 110.0}), (2.5, {})])
    monkeypatch.setattr(growth, "run", lambda words: next(figures))
    growth.report("rows", [100, 200, 400], [(), (), ()], unit="ms")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[2:] == [["100", "1.00", "100"], ["200", "1.50", "110", "5.000"], ["400", "2.50", "5.000"]]


def test_growth_trains_a_network_of_the_size_that_it_prints(dlrun: Dlrun) -> None:
    code, out, err = dlrun(*growth._WIDE, "dataset.limit=60", "model.hidden=[16,16]", *growth._QUIET, "--json")
    assert code == 0, err
    assert json.loads(out)["parameters"] == growth.parameters_of(16)


def test_a_failing_command_ends_the_benchmark_with_its_error() -> None:
    with pytest.raises(SystemExit, match=r'(?s)modle=cnn.*failed:.*Unknown key "modle"'):
        growth.run(["modle=cnn"])


def test_sizes_end_at_the_largest_requested() -> None:
    assert growth.up_to(100, (10, 100, 1000)) == [10, 100]
    assert growth.up_to(200, (10, 100, 1000)) == [10, 100, 200]
    assert growth.up_to(5000, (10, 100, 1000)) == [10, 100, 1000]


def test_starting_measures_every_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = dict.fromkeys(starting.COMMANDS, 0.5) | {"python -c 'import torch'": 1.0}
    monkeypatch.setattr(starting, "measure", lambda environment, commands, refused: seconds)
    starting.main(["--rounds", "2"])
    first = capsys.readouterr().out.splitlines()[0]
    assert " ".join(first.split()) == "python -c pass 0.500 s over import torch -0.500 s"


def test_a_command_with_another_exit_code_ends_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match=r"broken ended with 1:\nno"):
        starting.measure({}, {"broken": (sys.executable, "-c", "raise SystemExit('no')")})


def test_checking_measures_every_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = dict.fromkeys(checking.COMMANDS, 1.5) | {"python -c 'import torch'": 1.0}
    monkeypatch.setattr(checking, "measure", lambda environment, commands, refused: seconds)
    checking.main(["--rounds", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(checking.COMMANDS)
    assert lines[1].split() == ["defaults", "1.500", "s", "over", "import", "torch", "+0.500", "s"]


def test_a_sweep_is_measured(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(words: list[str]) -> sweeping.Sweep:
        commands.append(list(words))
        seconds = 9.0 if "launch.jobs=1" in words else 5.0
        return sweeping.Sweep(seconds, 2.0, [0.4] * 10)

    monkeypatch.setattr(sweeping, "run", run)
    sweeping.main(["speed", "--rounds", "2"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[2] == ["MLP", "on", "digits", "9.00", "s", "5.00", "s", "1.80"]
    assert lines[4] == ["MLP", "on", "digits", "median", "1.80"]
    assert [words[-1] for words in commands] == ["launch.jobs=1", "launch.jobs=2", "launch.jobs=2", "launch.jobs=1"] * 2
    sweeping.main(["bookkeeping", "--sizes", "10,20"])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    # (5 s - 10 runs of 0.4 s, two at once) / 10 points = 300 ms
    assert lines[2:] == [
        ["10", "5.00", "2.00", "s", "200.0", "300.0"],
        ["20", "5.00", "2.00", "s", "200.0", "300.0", "0.0"],
    ]


def test_a_failing_sweep_ends_the_benchmark_with_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r'(?s)ended with 2:.*Unknown key "modle"'):
        sweeping.run(["modle=cnn"])
    with pytest.raises(SystemExit):
        sweeping.main(["sped"])
    assert "unknown part sped; choose from speed, bookkeeping." in capsys.readouterr().err


def test_a_sweep_is_timed_until_its_first_point_and_its_end() -> None:
    found = sweeping.run(["dataset=iris", "model=linear", "trainer.epochs=1", "seed=0,1", "launch.jobs=1"])
    assert len(found.runs) == 2
    assert 0 < found.first < found.seconds
