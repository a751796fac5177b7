"""TensorBoard event files, in addition to metrics.jsonl."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.configuration.schema.fields import Count, WaitSeconds
from dlrun.data.files.optional import require_optional
from dlrun.options.loggers import _sink

if TYPE_CHECKING:
    from dlrun.tasks.progress import Listener


def tensorboard(run_dir: Path, *, flush_s: Count, wait_s: WaitSeconds) -> Listener:
    """Return a listener that writes every row of metrics.jsonl as scalars to RUN_DIR/tensorboard.

    Raises ConfigError if the package tensorboard is not installed.
    """
    require_optional("tensorboard", extra="tensorboard", needed_by="logger=tensorboard")
    from dlrun.options.loggers._remote import RemoteTracker

    return RemoteTracker(run_dir, "tensorboard", {"flush_s": flush_s}, wait_s=wait_s)


class Sink(_sink.Sink):
    """Writes scalars, sample pictures, the configuration and the result as text.

    A resumed run writes a second file; what the first one has beyond the checkpoint is marked as replaced.
    """

    def start(self) -> None:
        from tensorboard.compat.proto.event_pb2 import SessionLog
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        folder = str(self.run.folder / "tensorboard")
        self._writer: Any = EventFileWriter(folder, flush_secs=self.settings["flush_s"])
        if self.run.resumed_from is not None:
            self._add(self.run.resumed_from + 1, session_log=SessionLog(status=SessionLog.START))
        self._add_text("config.yaml", self.run.config_text, step=self.run.resumed_from or 0)
        self._writer.flush()

    def log(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            values = [{"tag": name, "simple_value": value} for name, value in _sink.metrics_of(row).items()]
            self._add_values(values, step=row["step"])
            for path in self.run.pictures_of(row):
                self._add_picture(path, step=row["step"])

    def finish(self, result: Mapping[str, Any]) -> None:
        if "metrics" in result:
            step = (result.get("best") or {}).get("step", result["steps"])
            values = [{"tag": name, "simple_value": value} for name, value in _sink.final_metrics(result).items()]
            self._add_values(values, step=step)
            self._add_text("result.json", json.dumps(result, indent=2), step=step)
        self._writer.close()

    def _add(self, step: int, **what: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        self._writer.add_event(Event(wall_time=time.time(), step=step, **what))

    def _add_values(self, values: Sequence[Mapping[str, Any]], *, step: int) -> None:
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._add(step, summary=Summary(value=[Summary.Value(**value) for value in values]))

    def _add_picture(self, path: Path, *, step: int) -> None:
        from PIL import Image
        from tensorboard.compat.proto.summary_pb2 import Summary

        with Image.open(path) as picture:
            width, height = picture.size
        image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=path.read_bytes())
        self._add_values([{"tag": "samples", "image": image}], step=step)

    def _add_text(self, name: str, text: str, *, step: int) -> None:
        from tensorboard.compat.proto.summary_pb2 import SummaryMetadata
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto

        block = "\n".join(f"    {line}" for line in text.splitlines())  # as Markdown, text with its line breaks
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
        tensor = TensorProto(dtype="DT_STRING", string_val=[block.encode()], tensor_shape=shape)
        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        self._add_values([{"tag": f"{name}/text_summary", "metadata": metadata, "tensor": tensor}], step=step)
