"""Weights & Biases: one tracked run for each run, kept in the run's folder until it is synced, or sent as it goes."""

from __future__ import annotations

import json
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.configuration.schema.fields import Upload, WaitSeconds
from dlrun.data.files.optional import require_optional
from dlrun.options.loggers import _sink

if TYPE_CHECKING:
    from dlrun.tasks.progress import Listener

_ID = re.compile(r"[0-9a-f]{8}")


def wandb(run_dir: Path, *, project: str, entity: str | None, mode: Upload, wait_s: WaitSeconds) -> Listener:
    """Return a listener that tracks the run with Weights & Biases, in the tracked run of RUN_DIR/trackers/wandb.json.

    Raises ConfigError if the package wandb is not installed.
    """
    require_optional("wandb", extra="wandb", needed_by="logger=wandb")
    from dlrun.options.loggers._remote import RemoteTracker

    return RemoteTracker(run_dir, "wandb", {"project": project, "entity": entity, "mode": mode}, wait_s=wait_s)


class Sink(_sink.Sink):
    """The configuration, metrics, sample pictures, a summary, and config.yaml and result.json as files.

    Steps of Weights & Biases only grow: what a resumed run trains again is not logged again.
    """

    def start(self) -> None:
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # it would tell its makers of its errors
        import wandb

        self._state = _sink.State(self.run, "wandb")
        known = self._state.read()
        is_online = self.settings["mode"] == "online"
        is_ours = _ID.fullmatch(str(known.get("id"))) is not None and isinstance(known.get("last_step"), int)
        self._known = known if is_ours else {"id": secrets.token_hex(4), "last_step": -1}
        self._last_step = self._known["last_step"]
        self._run: Any = wandb.init(
            id=self._known["id"],
            name=self.run.name,
            project=self.settings["project"],
            entity=self.settings["entity"],
            group=self.run.sweep,
            mode=self.settings["mode"],
            dir=str(self.run.folder),
            config=self.run.decisive,
            allow_val_change=True,
            resume="allow" if is_online else None,  # offline, `wandb sync` joins the parts
            reinit="create_new",
            settings=wandb.Settings(console="off", silent=True, disable_git=True, save_code=False),
        )
        self._state.write(self._known)
        self._save("config.yaml", self.run.config_text)

    def log(self, rows: Sequence[Mapping[str, Any]]) -> None:
        import wandb

        for row in rows:
            if row["step"] >= self._last_step:
                pictures = [wandb.Image(str(path)) for path in self.run.pictures_of(row)]
                values = {**_sink.metrics_of(row), **({"samples": pictures} if pictures else {})}
                self._run.log(values, step=int(row["step"]))
                self._last_step = int(row["step"])
        self._state.write({**self._known, "last_step": self._last_step})

    def finish(self, result: Mapping[str, Any]) -> None:
        self._run.summary.update({"status": result["status"], **_sink.final_metrics(result)})
        if "metrics" in result:
            self._save("result.json", json.dumps(result, indent=2))
        self._run.finish(exit_code=0 if result["status"] == "completed" else 1)

    def _save(self, name: str, text: str) -> None:
        """Keep a file with the tracked run, under a name that Weights & Biases has no file of its own for."""
        path = Path(self._run.dir) / f"dlrun-{name}"
        path.write_text(text, encoding="utf-8")
        self._run.save(str(path), base_path=self._run.dir, policy="now")
