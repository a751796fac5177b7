"""`dlrun schema`: the JSON Schema of a recipe, on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

Dlrun = Callable[..., tuple[int, str, str]]


def test_schema_prints_json_for_a_file(dlrun: Dlrun) -> None:
    code, out, err = dlrun("schema")
    schema = json.loads(out)
    assert (code, err) == (0, "")
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert list(schema["properties"]) == [
        "recipe", "dataset", "model", "optimizer", "scheduler", "loss", "device", "trainer", "checkpoint", "logger",
        "seed", "resume", "metric", "sweep",
    ]  # fmt: skip
    assert schema["additionalProperties"] is False


def test_schema_has_the_options_of_a_plugin_and_of_a_folder(dlrun: Dlrun, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def mine(spec, *, width: int = 4):\n    'My model.'\n")
    (tmp_path / "more/model").mkdir(parents=True)
    (tmp_path / "more/model/small.yaml").write_text("# A small one\nname: mlp\nhidden: [4]\n")
    _, out, _ = dlrun("schema", "--plugin", "mine.py", "--config-dir", "more")
    schema = json.loads(out)
    assert {"model.mine", "model.small"} <= set(schema["$defs"])
    assert {"mine", "small"} <= set(schema["properties"]["model"]["properties"]["name"]["enum"])


def test_schema_reports_a_plugin_that_cannot_be_read(dlrun: Dlrun, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def broken(:\n")
    code, out, err = dlrun("schema", "--plugin", "broken.py")
    assert (code, out) == (2, "")
    assert "broken.py: not valid Python" in err
