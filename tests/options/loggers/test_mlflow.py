"""dlrun.options.loggers.mlflow: what MLflow's own client reads, in another process: it warns, and imports a lot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dlrun.options.loggers._sink import Run
from dlrun.options.loggers.mlflow import Sink

pytest.importorskip("mlflow", reason="needs dlrun[mlflow]")
pytest.importorskip("alembic", reason="needs dlrun[mlflow]")
RESULT = {"status": "completed", "metrics": {"test/accuracy": 0.75}, "best": {"step": 2}, "steps": 3, "error": None}


def test_a_run_and_its_resumption_are_one_tracked_run(tmp_path: Path) -> None:
    program = """if True:
        import sys
        from pathlib import Path
        sys.path[:] = %r
        from dlrun.options.loggers._sink import Run
        from dlrun.options.loggers.mlflow import Sink
        folder, settings = Path(%r), {"experiment": "mine", "uri": None, "folder": %r}
        (folder / "samples").mkdir(parents=True)
        (folder / "samples" / "epoch-0001.png").write_bytes(b"png")
        (folder.parent / "sweep.json").write_text("{}")
        Path(settings["folder"]).mkdir()
        (Path(settings["folder"]) / "mlflow.db.part").write_bytes(b"of a process that was killed")
        sink = Sink(Run(folder, {"seed": 0, "trainer": {"epochs": 1, "wide": "x" * 7000}}, "seed: 0", None), settings)
        sink.start()
        row = {"event": "on_step", "step": 1, "epoch": 0.5, "seconds": 1.0, "train/loss": 0.5, "a[b]": float("nan")}
        sink.log([row, {**row, "step": 2, "event": "on_epoch", "epoch": 1}])
        sink.finish({"status": "killed"})
        again = Sink(Run(folder, {"seed": 0, "trainer": {"epochs": 2, "wide": "y"}}, "seed: 0", 2), settings)
        again.start()
        again.log([{**row, "step": 3, "train/loss": 0.25}])
        again.finish(%r)

        import json
        from mlflow import MlflowClient
        known = json.loads((folder / "trackers" / "mlflow.json").read_text())
        client = MlflowClient(tracking_uri=known["uri"])
        run = client.get_run(known["run_id"])
        history = client.get_metric_history(known["run_id"], "train/loss")
        paths = [each.path for place in ("", "samples") for each in client.list_artifacts(known["run_id"], place)]
        print(json.dumps({
            "name": run.info.run_name, "status": run.info.status, "params": run.data.params, "tags": run.data.tags,
            "metrics": run.data.metrics, "losses": [(each.step, each.value) for each in history], "artifacts": paths,
            "experiment": client.get_experiment(run.info.experiment_id).name,
        }))
    """
    folder = tmp_path / "sweeps" / "0"
    words = program % (sys.path, str(folder), str(tmp_path / "store"), RESULT)
    shown = subprocess.run([sys.executable, "-c", words], check=True, capture_output=True, text=True)
    found = json.loads(shown.stdout.splitlines()[-1])
    assert (found["name"], found["status"], found["experiment"]) == ("sweeps/0", "FINISHED", "mine")
    assert found["losses"] == [[1, 0.5], [2, 0.5], [3, 0.25]]
    assert found["metrics"]["final/test/accuracy"] == 0.75
    assert "a_b_" in found["metrics"]
    assert (found["params"]["seed"], found["params"]["trainer.epochs"]) == ("0", "1")
    assert len(found["params"]["trainer.wide"]) == 6000
    assert {key: found["tags"][key] for key in ("changed.trainer.epochs", "dlrun.status", "dlrun.sweep")} == {
        "changed.trainer.epochs": "2",
        "dlrun.status": "completed",
        "dlrun.sweep": f"{tmp_path.name}/sweeps",
    }
    assert found["artifacts"] == ["config.yaml", "result.json", "samples", "samples/epoch-0001.png"]


def test_the_environment_names_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dlrun.options.loggers.mlflow import mlflow

    def settings(uri: str | None) -> Any:
        return mlflow(tmp_path, experiment="e", uri=uri, folder="f", wait_s=0)._settings  # type: ignore[attr-defined]

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    assert settings(None) == {"experiment": "e", "uri": None, "folder": str(tmp_path / "f")}
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert settings(None)["uri"] == "http://127.0.0.1:9"
    assert settings("http://127.0.0.1:8")["uri"] == "http://127.0.0.1:8"


def test_a_run_is_named_by_its_folder(tmp_path: Path) -> None:
    assert Sink(Run(tmp_path / "mine", {}, "", None), {}).run.name == "mine"
