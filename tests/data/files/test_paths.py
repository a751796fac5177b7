"""`dlrun.data.files.paths`: files that exist, and files that do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dlrun.data.files.paths import locate
from dlrun.errors import DataError


def test_a_file_of_the_user_and_one_of_dlrun(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a\n")
    assert locate(str(tmp_path / "mine.csv")) == tmp_path / "mine.csv"
    assert locate("example:weather.csv").name == "weather.csv"


def test_a_missing_file_is_an_error_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("a\n")
    with pytest.raises(DataError, match=r'mime.csv: there is no such file. Did you mean "mine.csv"\?'):
        locate(str(tmp_path / "mime.csv"))
    with pytest.raises(DataError, match="expected a file, got a folder"):
        locate(str(tmp_path))
    with pytest.raises(DataError, match=r'example:wether.csv: there is no such example. Did you mean "weather.csv"\?'):
        locate("example:wether.csv")
    with pytest.raises(DataError, match="there is no such file"):
        locate("nowhere/at/all.csv")
