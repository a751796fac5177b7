"""Where a report goes, and what it replaces."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dlrun.errors import ConfigError, StorageError
from dlrun.report.pages.files import kind_of, write_reports
from dlrun.report.pages.page import page
from dlrun.report.plots.png import to_png
from dlrun.report.plots.scene import Scene


def test_the_suffix_decides_and_a_folder_may_have_any(tmp_path: Path) -> None:
    (tmp_path / "plots.html").mkdir()
    names = ("a.html", "a.HTM", "a.png", "a", "plots.html")
    assert [kind_of(tmp_path / name) for name in names] == ["page", "page", "picture", "folder", "folder"]


def test_other_suffixes_and_files_in_place_of_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'page \(FILE\.html\), a picture \(FILE\.png\) or a folder .* got "\.pdf"'):
        kind_of(tmp_path / "a.pdf")
    (tmp_path / "a").touch()
    with pytest.raises(ConfigError, match=r"It is a file; expected a folder for pictures, FILE\.html or FILE\.png"):
        kind_of(tmp_path / "a")


def test_only_reports_are_replaced(tmp_path: Path) -> None:
    own = {tmp_path / "new/a.html": page("A", "").encode(), tmp_path / "new/a.png": to_png([[Scene("a", "", 9, 9)]])}
    write_reports(own)
    write_reports(own)
    (tmp_path / "mine.html").write_text("<p>mine</p>")
    (tmp_path / "link.html").symlink_to(tmp_path / "new/a.html")
    for name in ("mine.html", "link.html", "new"):
        with pytest.raises(ConfigError, match=f"{name}\n      The file exists, and no report wrote it"):
            write_reports({tmp_path / "other.html": b"", tmp_path / name: b""})
    assert (tmp_path / "mine.html").read_text() == "<p>mine</p>"
    assert not (tmp_path / "other.html").exists()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.html", "a.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageError, match="could not be written"):
        write_reports({tmp_path / "new/a.html": b""})


def test_a_file_in_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(StorageError, match="could not be written"):
        write_reports({tmp_path / "a/b.html": b""})
