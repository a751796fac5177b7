"""dlrun.runs.export.export and `dlrun export`: a run's folder becomes a file, checked against the run."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dlrun.configuration.schema.catalog import Catalog
from dlrun.errors import ConfigError
from dlrun.runs.export.export import _rows
from dlrun.runs.export.opened import open_exported
from dlrun.tasks.gan import GanTask
from tests.runs.export.conftest import TINY, Load, Train

Dlrun = Callable[..., tuple[int, str, str]]
PLUGIN = """
import torch
from torch import nn

class Model(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.layer = nn.Linear(spec.num_features, spec.num_outputs)
    def forward(self, inputs):
        found = self.layer(inputs)
        return found * 2 if torch.compiler.is_exporting() else found

def other(spec, *, width: int = 1) -> nn.Module:
    return Model(spec)
"""


def test_a_file_its_json_and_a_program_that_uses_it(trained: Train, dlrun: Dlrun, tmp_path: Path) -> None:
    run = trained("linear")
    code, out, err = dlrun("export", str(run), "-o", "model.pt2", "--example")
    assert code == 0, err
    assert "largest difference from the run's own predictions: " in err
    assert "on 30 rows of the test split" in err
    assert "model.pt2 and model.pt2.json" in err
    assert len(out.splitlines()) <= 20
    assert "dlrun" not in out.replace("without dlrun", "")
    Path("use.py").write_text(out)
    done = subprocess.run([sys.executable, "use.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    about = json.loads(Path("model.pt2.json").read_text())
    wanted = about["example"]["prediction"]
    name, shares = done.stdout.splitlines()
    assert name == f"class ['{wanted['prediction']}']"
    found = json.loads(shares.removeprefix("probabilities "))[0]
    assert found == pytest.approx([wanted[f"probability_{name}"] for name in ("setosa", "versicolor", "virginica")])
    row = about["example"]["row"]
    Path("new.csv").write_text(",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n")
    _, out, _ = dlrun("predict", str(run), "new.csv", "--probabilities", "--json")
    (predicted,) = json.loads(out)
    assert predicted == pytest.approx(wanted, abs=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.pt2", "model.pt2.json", "new.csv", "use.py"]


def test_rows_of_a_file_instead_of_the_run_s_own_data(trained: Train, data: Path, dlrun: Dlrun) -> None:
    run = trained("several")
    gone = "dataset.path=gone.csv"
    code, _, err = dlrun("export", str(run), "-o", "model.pt2", gone)
    assert code == 3
    assert "To check it on others: --rows FILE, with new rows as for `dlrun predict`." in err
    assert not list(Path().glob("model*"))
    code, out, err = dlrun("export", str(run), "-o", "model.pt2", gone, "--rows", str(data / "table.csv"))
    assert (code, out) == (0, "model.pt2 and model.pt2.json\n")
    assert f"on 80 rows of {data}/table.csv" in err
    model = open_exported(Path("model.pt2"))
    row = dict(
        zip(["age", "sex", "when", "note", "pic", "fit"], [41, "male", "2024-03-01", "x", "", "yes"], strict=True)
    )
    found = model.predict([row, {**row, "age": None}], probabilities=True)
    assert [*found] == ["price", "colour", *(f"probability_colour_{name}" for name in ("blue", "green", "red"))]
    assert found["price"][0] == pytest.approx(1138, abs=150)  # the mean: it has learnt little


def test_an_older_file_is_replaced_and_a_wrong_one_is_not_kept(trained: Train, dlrun: Dlrun) -> None:
    Path("other.py").write_text(PLUGIN)
    words = ["dataset=iris", "model=other", *TINY, "hydra.run.dir=other", "--plugin", "other.py"]
    assert dlrun(*words)[0] == 0
    Path("model.pt2").write_bytes(b"old")
    code, out, err = dlrun("export", "other", "-o", "model.pt2", "--plugin", "other.py")
    assert (code, out) == (6, "")
    assert "The exported model does not predict what the run does, and was not kept: largest difference" in err
    assert Path("model.pt2").read_bytes() == b"old"
    assert not Path("model.pt2.json").exists()
    assert dlrun("export", str(trained("linear")), "-o", "model.pt2", "-q")[2] == ""
    assert Path("model.pt2").read_bytes() != b"old"


def test_a_graph_is_checked_in_single_precision_whatever_the_run_had(trained: Train, dlrun: Dlrun) -> None:
    code, _, err = dlrun("export", str(trained("linear")), "-o", "model.pt2", "device.precision=bf16")
    assert code == 0, err
    program = torch.export.load("model.pt2")
    assert {parameter.dtype for parameter in program.state_dict.values()} == {torch.float32}


def test_the_file_must_be_named(trained: Train, dlrun: Dlrun) -> None:
    code, _, err = dlrun("export", str(trained("linear")))
    assert code == 2
    assert "Expected the file to write: -o FILE.onnx, FILE.pt2 or FILE.pte." in err


def test_the_rows_must_be_there(trained: Train, data: Path, dlrun: Dlrun) -> None:
    head = (data / "table.csv").read_text().splitlines()[0]
    for name, lines, message in (
        ("mean", "text\n", "rows.csv: there is no row below the heading."),
        ("several", f"{head}\n", "rows.csv: there is no row"),
        ("several", f"{head}\n1,2,3\n", "line 2: "),
    ):
        Path("rows.csv").write_text(lines)
        code, _, err = dlrun("export", str(trained(name)), "-o", "model.pt2", "--rows", "rows.csv")
        assert code == 3
        assert message in err


def test_a_generator_takes_no_rows(loaded: Load) -> None:
    run = dataclasses.replace(loaded("linear"), task=GanTask.__new__(GanTask))
    with pytest.raises(ConfigError, match=r"A GAN's generator is checked on noise; leave this flag out."):
        _rows(run, Catalog(), {}, Path("rows.csv"))
