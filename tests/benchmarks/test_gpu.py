"""`python -m benchmarks.gpu`: its table, its loops at the smallest sizes on the CPU, its refusal without a GPU."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from benchmarks import gpu, gpu_dlrun, gpu_workloads, utilisation
from benchmarks.gpu_loops import LOOPS
from dlrun.configuration.schema.catalog import Catalog
from dlrun.training.build import build_components
from tests.harness import CPU, configure

RATES = {
    "plain loop": 2000.0,
    "by hand": 4000.0,
    "by hand, graph": 10_000.0,
    "dlrun, no graphs": 5000.0,
    "dlrun": 9000.0,
}


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every workload 16 rows."""
    few = {name: dataclasses.replace(each, rows=16) for name, each in gpu_workloads.GPU_WORKLOADS.items()}
    monkeypatch.setattr(gpu_workloads, "GPU_WORKLOADS", few)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_it_refuses_in_words() -> None:
    with pytest.raises(SystemExit) as caught:
        gpu.main(["--workloads", "mlp"])
    assert str(caught.value).startswith("This benchmark needs a GPU of CUDA, and torch finds none here (torch ")
    assert str(caught.value).endswith("python -m benchmarks.training measures on the CPU.")


def test_a_line_has_thousands_of_samples_and_the_ratios() -> None:
    assert gpu.ratios(RATES) == (0.9, 4.5)  # of the captured loop, and of the plain one
    assert gpu.ratios({**RATES, "by hand, graph": 3000.0}) == (2.25, 4.5)
    result = {"workload": "mlp", "precision": "bf16", "samples_per_second": RATES, "utilisation": {"dlrun": 0.876}}
    assert gpu.line(result).split() == ["mlp", "bf16", "2.0", "4.0", "10.0", "5.0", "9.0", "0.90", "4.50", "88%"]
    assert len(gpu.line(result)) == len(gpu.headings())
    rates = {name: rate for name, rate in RATES.items() if "graph," not in name and name != "by hand, graph"}
    other = gpu.line({**result, "samples_per_second": rates, "utilisation": {"dlrun": None}})
    assert other.split() == ["mlp", "bf16", "2.0", "4.0", "-", "5.0", "9.0", "2.25", "4.50", "-"]
    same = {"workload": "lstm", "precision": "fp32", "twice, as it is": "1.0e-06 apart", "resumed": "same bytes"}
    assert gpu.line_of_bytes(same) == "lstm        fp32  twice, as it is: 1.0e-06 apart, resumed: same bytes"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--workloads", "lenot"],
            "--workloads: unknown name lenot; choose from mlp, lenet, lstm, resnet, transformer.",
        ),
        (["--precisions", "fp8"], "--precisions: unknown name fp8; choose from fp32, bf16, fp16."),
        (["--seconds", "0"], "--seconds: expected a number above 0, got 0."),
    ],
)
def test_a_wrong_option_is_an_error(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        gpu.arguments(words)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_utilisation_is_the_largest_share_that_is_told() -> None:
    assert utilisation.largest_share("9\n90\n\n[N/A]\n50\n") == 0.9
    assert utilisation.largest_share("[N/A]\n") is None


@pytest.mark.parametrize("name", gpu.NAMES)
def test_the_networks_by_hand_have_the_weights_of_those_of_dlrun(name: str, few_rows: None, tmp_path: Path) -> None:
    workload = gpu_workloads.GPU_WORKLOADS[name]
    words = (*workload.write(tmp_path, 8), *CPU, "trainer.batch_size=8")
    built = build_components(configure(*words), Catalog())
    ours = sum(parameter.numel() for parameter in workload.network().parameters())
    assert built.num_parameters == ours
    assert len(built.data.train) == 16


@pytest.mark.parametrize(("name", "precision"), [("mlp", "fp16"), ("resnet", "bf16"), ("transformer", "fp32")])
@pytest.mark.parametrize("loop", ["plain loop", "by hand"])
def test_every_loop_trains(
    name: str, precision: str, loop: str, few_rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    workload, networks = dataclasses.replace(gpu_workloads.GPU_WORKLOADS[name], rows=4), []
    build = gpu_workloads.GpuWorkload.network
    monkeypatch.setattr(gpu_workloads.GpuWorkload, "network", lambda self: networks.append(build(self)) or networks[-1])
    step = LOOPS[loop](workload, torch.device("cpu"), precision, 2)
    (network,) = networks
    before = [parameter.detach().clone() for parameter in network.parameters()]
    for _ in range(3):
        step()
    assert not all(torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True))


def test_a_small_measurement_on_the_cpu(few_rows: None, tmp_path: Path) -> None:
    sizes = gpu.Sizes(0.01, 8, least_steps=48)
    found = gpu.measure("mlp", "fp32", tmp_path, device="cpu", sizes=sizes)
    assert set(found["samples_per_second"]) == {"plain loop", "by hand", "dlrun, no graphs", "dlrun"}
    assert all(rate > 0 for rate in found["samples_per_second"].values())
    assert json.loads(json.dumps(found)) == found
    same = gpu.repeated("mlp", "fp32", tmp_path, device="cpu", sizes=sizes)
    assert same == {
        "workload": "mlp", "precision": "fp32", "twice, deterministic": "same bytes", "resumed": "same bytes",
        "twice, as it is": "same bytes",
    }  # fmt: skip


def test_every_number_is_kept_as_it_comes_and_a_failure_ends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, speeds = tmp_path / "gpu.json", {"samples_per_second": RATES, "utilisation": {}}
    results = gpu.Results(file, {"gpu": "H200"})

    def fail(workload: str, precision: str) -> dict[str, object]:
        raise RuntimeError("CUDA error")

    results.add("speed", lambda *kind: {"workload": kind[0], "precision": kind[1], **speeds}, "mlp", "fp32")
    assert not results.has_failures
    first = json.loads(file.read_text())
    assert (first["gpu"], first["speed"][0]["samples_per_second"], first["failed"]) == ("H200", RATES, [])
    results.add("speed", fail, "lenet", "fp32")
    results.add(
        "bytes", lambda *kind: {"workload": kind[0], "precision": kind[1], "resumed": "same bytes"}, "mlp", "fp32"
    )
    assert results.has_failures
    found = json.loads(file.read_text())
    assert found["failed"] == [{"workload": "lenet", "precision": "fp32", "error": "RuntimeError: CUDA error"}]
    assert [len(found[kind]) for kind in ("speed", "bytes")] == [1, 1]
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == gpu.line(first["speed"][0])
    assert shown[1:] == ["lenet       fp32  failed: RuntimeError: CUDA error", "mlp         fp32  resumed: same bytes"]
    assert gpu.told(SystemExit("dlrun ended with 2")) == "dlrun ended with 2"


def test_weights_that_differ_are_measured(tmp_path: Path) -> None:
    save_file({"a": torch.tensor([1.0, 2.0])}, tmp_path / "one")
    save_file({"a": torch.tensor([1.0, 2.5])}, tmp_path / "other")
    assert gpu_dlrun.difference(tmp_path / "one", tmp_path / "one") == "same bytes"
    assert gpu_dlrun.difference(tmp_path / "one", tmp_path / "other") == "5.0e-01 apart"


def test_dlruns_error_is_told(few_rows: None, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"ended with 2:(.|\n)*Expected one of auto, on, off"):
        gpu_dlrun.train(
            gpu_workloads.GPU_WORKLOADS["mlp"], tmp_path, name="a", batch_size=8, words=("device.graphs=maybe",)
        )
