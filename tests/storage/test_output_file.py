"""dlrun.storage.output_file: a file that `-o` names can be written, and is not the input."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.errors import ConfigError
from dlrun.storage.output_file import check_output_file


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    source, link = tmp_path / "in.csv", tmp_path / "link.csv"
    source.touch()
    link.symlink_to(source)
    for path in (tmp_path, tmp_path / "no" / "out.csv"):
        with pytest.raises(ConfigError, match=r"-o .*\n *Expected a file in a folder that exists\."):
            check_output_file(path)
    for path in (source, link):
        with pytest.raises(ConfigError, match=r"This is the input; choose another file for the predictions\."):
            check_output_file(path, source=source, what="the predictions")
    check_output_file(tmp_path / "out.csv", source=source, what="the predictions")
    check_output_file(source)  # an existing file is replaced
