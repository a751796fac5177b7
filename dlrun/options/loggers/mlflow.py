"""MLflow: one tracked run for each run, in a local database or on a tracking server."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.configuration.schema.fields import OutputFolder, Url, WaitSeconds
from dlrun.data.files.optional import require_optional
from dlrun.options.loggers import _sink
from dlrun.version import __version__

if TYPE_CHECKING:
    from dlrun.tasks.progress import Listener

_MOST_METRICS, _MOST_PARAMETERS = 1000, 100  # in one call, which are MLflow's own limits
_DATABASE, _UNFINISHED = "mlflow.db", "mlflow.db.part"
_LONGEST_VALUE = 6000  # characters of a parameter, likewise
_NOT_IN_NAMES = re.compile(r"[^\w\-. /:]")
_STATUS = {"completed": "FINISHED", "interrupted": "KILLED", "killed": "KILLED"}


def mlflow(run_dir: Path, *, experiment: str, uri: Url | None, folder: OutputFolder, wait_s: WaitSeconds) -> Listener:
    """Return a listener that tracks the run with MLflow, in RUN_DIR/trackers/mlflow.json's tracked run if it has one.

    Raises ConfigError if a package that it needs is not installed.
    """
    require_optional("mlflow", extra="mlflow", needed_by="logger=mlflow")
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or None
    if uri is None:  # the local database
        for package in ("sqlalchemy", "alembic"):
            require_optional(package, extra="mlflow", needed_by="logger=mlflow")
    from dlrun.options.loggers._remote import RemoteTracker

    settings = {"experiment": experiment, "uri": uri, "folder": str(Path(folder).expanduser().resolve())}
    return RemoteTracker(run_dir, "mlflow", settings, wait_s=wait_s)


class Sink(_sink.Sink):
    """Parameters, metrics, and as artifacts the configuration, the result and the sample pictures."""

    def start(self) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it would tell its makers of its use
        from mlflow import MlflowClient

        self._state = _sink.State(self.run, "mlflow")
        known = self._state.read()
        local, given = Path(self.settings["folder"]), self.settings["uri"]
        uri = given or _address(local)
        if given is None:
            _make_database(local, self.settings["experiment"])
        self._client = MlflowClient(tracking_uri=uri)
        # the folder may be somebody else's: it may name a run, but not where to send this one
        tracked = self._find(known.get("run_id")) if known.get("uri") == uri else None
        if tracked is None:
            tracked = self._client.create_run(self._experiment(), run_name=self.run.name, tags=self._tags())
            self._state.write({"run_id": tracked.info.run_id, "uri": uri})
        self._id = tracked.info.run_id
        self._client.update_run(self._id, status="RUNNING")
        self._log_parameters(tracked.data.params)
        self._client.log_text(self._id, self.run.config_text, "config.yaml")

    def log(self, rows: Sequence[Mapping[str, Any]]) -> None:
        metrics = [each for row in rows for each in _metrics(_sink.metrics_of(row), row["step"])]
        for first in range(0, len(metrics), _MOST_METRICS):
            self._client.log_batch(self._id, metrics=metrics[first : first + _MOST_METRICS])
        for path in [path for row in rows for path in self.run.pictures_of(row)]:
            self._client.log_artifact(self._id, str(path), "samples")

    def finish(self, result: Mapping[str, Any]) -> None:
        if "metrics" in result:
            step = (result.get("best") or {}).get("step", result["steps"])
            self._client.log_batch(self._id, metrics=_metrics(_sink.final_metrics(result), step))
            self._client.log_text(self._id, json.dumps(result, indent=2), "result.json")
        self._client.set_tag(self._id, "dlrun.status", result["status"])
        self._client.set_tag(self._id, "dlrun.error", result.get("error") or "")
        self._client.set_terminated(self._id, _STATUS.get(result["status"], "FAILED"))

    def _find(self, run_id: str | None) -> Any:
        """Return the tracked run of an id; None without one, and if it was deleted."""
        from mlflow.exceptions import MlflowException

        try:
            found = None if run_id is None else self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
        return found if found is not None and found.info.lifecycle_stage == "active" else None

    def _experiment(self) -> str:
        name = self.settings["experiment"]
        found = self._client.get_experiment_by_name(name)
        return str(found.experiment_id if found is not None else self._client.create_experiment(name))

    def _tags(self) -> dict[str, str]:
        sweep = {"dlrun.sweep": self.run.sweep} if self.run.sweep is not None else {}
        own = {"dlrun.version": __version__, "dlrun.folder": str(self.run.folder)}
        return {"mlflow.source.name": "dlrun", **own, **sweep}

    def _log_parameters(self, before: Mapping[str, str]) -> None:
        """Log the configuration; MLflow keeps a parameter's first value, so a changed one becomes a tag."""
        from mlflow.entities import Param

        found = {_name(key): _text(value)[:_LONGEST_VALUE] for key, value in self.run.parameters.items()}
        new = [Param(key, value) for key, value in found.items() if key not in before]
        for first in range(0, len(new), _MOST_PARAMETERS):
            self._client.log_batch(self._id, params=new[first : first + _MOST_PARAMETERS])
        changed = {key: value for key, value in found.items() if before.get(key, value) != value}
        for key, value in changed.items():
            self._client.set_tag(self._id, f"changed.{key}", value)


def _address(folder: Path, name: str = _DATABASE) -> str:
    return f"sqlite:///{folder / name}"


def _make_database(folder: Path, experiment: str) -> None:
    """Make the local database and the experiment, if they are missing; one process at a time, as points of a sweep.

    A database that was not finished, because its process was killed, is made again.
    """
    from mlflow import MlflowClient

    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / _DATABASE).exists():
            (folder / _UNFINISHED).unlink(missing_ok=True)
            MlflowClient(tracking_uri=_address(folder, _UNFINISHED)).search_experiments()  # which makes its tables
            os.replace(folder / _UNFINISHED, folder / _DATABASE)
        client = MlflowClient(tracking_uri=_address(folder))
        if client.get_experiment_by_name(experiment) is None:
            client.create_experiment(experiment, (folder / "artifacts").as_uri())


def _metrics(values: Mapping[str, float], step: int) -> list[Any]:
    from mlflow.entities import Metric

    now = _sink.now_ms()
    return [Metric(_name(name), float(value), now, int(step)) for name, value in values.items()]


def _name(name: str) -> str:
    """Return a name with the characters that MLflow takes."""
    return _NOT_IN_NAMES.sub("_", name)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
