"""dlrun.report.json_output: what `--json` prints."""

from __future__ import annotations

import math

import pytest

from dlrun.report.json_output import print_json


def test_every_program_can_read_what_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"test/r2": math.nan, "class": "ä"})
    assert capsys.readouterr().out == '{\n  "test/r2": null,\n  "class": "\\u00e4"\n}\n'
