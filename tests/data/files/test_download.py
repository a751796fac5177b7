"""`dlrun.data.files.download` against a server of its own on this machine."""

from __future__ import annotations

import hashlib
import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dlrun.data.files import download
from dlrun.data.files.download import fetch, missing_files
from dlrun.errors import ConfigError, DataError, StorageError
from tests.data.files.mirror_site import CONTENT, OTHER, SHA256, Site


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


def get(folder: Path, *mirrors: str) -> Path:
    return fetch("file.gz", sha256=SHA256, folder=folder, mirrors=mirrors, max_bytes=100)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_complete_file_is_put_in_place(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "not" / "yet" / "there"
    path = get(folder, site.mirror("good"))
    assert path == folder / "file.gz"
    assert path.read_bytes() == CONTENT
    assert names(folder) == ["file.gz"]
    assert site.requests == [("/good/file.gz", None)]
    shown = capsys.readouterr()
    host = site.address.removeprefix("http://")
    assert shown.err.startswith(f"Downloading file.gz from {host}, 0.0 MB.\nDownloaded file.gz in 0.")
    assert shown.out == ""


def test_an_existing_file_is_not_requested(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.gz").write_bytes(b"the user's own")
    assert get(tmp_path, site.mirror("good")).read_bytes() == b"the user's own"
    assert site.requests == []


def test_a_partial_file_is_resumed(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.gz.part").write_bytes(CONTENT[:5])
    assert get(tmp_path, site.mirror("good")).read_bytes() == CONTENT
    assert site.requests == [("/good/file.gz", "bytes=5-")]
    assert names(tmp_path) == ["file.gz"]


def test_a_complete_part_needs_no_request(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.gz.part").write_bytes(CONTENT)
    assert get(tmp_path, site.mirror("good")).read_bytes() == CONTENT
    assert site.requests == []


def test_a_server_that_ignores_the_range_makes_it_start_over(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.gz.part").write_bytes(CONTENT[:5])
    assert get(tmp_path, site.mirror("rangeless")).read_bytes() == CONTENT


def test_a_part_longer_than_the_file_makes_it_start_over(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.gz.part").write_bytes(OTHER + b"more")
    assert get(tmp_path, site.mirror("good")).read_bytes() == CONTENT
    assert [asked for _, asked in site.requests] == ["bytes=20-", None]


def test_a_part_with_wrong_bytes_makes_the_same_mirror_start_over(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file.gz.part").write_bytes(b"wrong")
    assert get(tmp_path, site.mirror("good")).read_bytes() == CONTENT
    assert [asked for _, asked in site.requests] == ["bytes=5-", None]


def test_a_wrong_hash_sends_it_to_the_next_mirror(site: Site, tmp_path: Path) -> None:
    assert get(tmp_path, site.mirror("wrong"), site.mirror("good")).read_bytes() == CONTENT
    assert site.requests == [("/wrong/file.gz", None), ("/good/file.gz", None)]


def test_a_wrong_hash_everywhere_leaves_nothing_and_says_both_hashes(site: Site, tmp_path: Path) -> None:
    got = hashlib.sha256(OTHER).hexdigest()
    with pytest.raises(DataError, match=f"wrong content: expected SHA-256 {SHA256}, got {got}\nPut the file into"):
        get(tmp_path, site.mirror("wrong"))
    assert names(tmp_path) == ["file.gz.lock"]


def test_a_lost_connection_is_resumed_from_the_next_mirror(site: Site, tmp_path: Path) -> None:
    assert get(tmp_path, site.mirror("short"), site.mirror("good")).read_bytes() == CONTENT
    assert site.requests == [("/short/file.gz", None), ("/good/file.gz", "bytes=6-")]


def test_a_partial_body_is_kept_for_the_next_command(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="connection lost: expected 16 bytes, got 6\nThe 6 bytes received are kept"):
        get(tmp_path, site.mirror("short"))
    assert not (tmp_path / "file.gz").exists()
    assert (tmp_path / "file.gz.part").read_bytes() == CONTENT[:6]


def test_more_than_expected_is_refused_and_removed(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="too long: expected at most 100 bytes, got more"):
        get(tmp_path, site.mirror("endless"))
    assert names(tmp_path) == ["file.gz.lock"]


def test_when_every_mirror_fails_each_reason_is_named(site: Site, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        get(tmp_path, site.mirror("absent"), site.mirror("wrong"))
    assert str(caught.value).splitlines() == [
        f"{tmp_path}/file.gz: could not be downloaded.",
        f"  {site.address}/absent/file.gz: HTTP 404 Not Found",
        f"  {site.address}/wrong/file.gz: wrong content: expected SHA-256 {SHA256}, "
        f"got {hashlib.sha256(OTHER).hexdigest()}",
        f"Put the file into {tmp_path}, or set dataset.root=FOLDER to the folder with the file.",
    ]


def test_an_unreachable_server_is_named(site: Site, tmp_path: Path) -> None:
    closed = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    port = closed.server_address[1]
    closed.server_close()
    with pytest.raises(DataError, match=rf"  http://127\.0\.0\.1:{port}/file\.gz: .*refused"):
        get(tmp_path, f"http://127.0.0.1:{port}")


def test_a_redirect_to_http_is_followed(site: Site, tmp_path: Path) -> None:
    assert get(tmp_path, site.mirror("moved")).read_bytes() == CONTENT


@pytest.mark.parametrize("behaviour", ["tofile", "toftp"])
def test_a_redirect_to_anything_else_is_refused(site: Site, tmp_path: Path, behaviour: str) -> None:
    with pytest.raises(DataError, match=r"HTTP 302 .*(file|ftp)://"):
        get(tmp_path, site.mirror(behaviour))
    assert names(tmp_path) == ["file.gz.lock"]


@pytest.mark.parametrize("address", ["file:///etc/", "ftp://127.0.0.1/", "/a/folder", "http://", "http://[1/"])
def test_only_http_addresses_are_accepted(tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError) as caught:
        get(tmp_path / "new", "https://127.0.0.1/", address)
    (problem,) = caught.value.problems
    assert problem.where == "dataset.mirrors[1]"
    assert problem.message == f'Expected an address that starts with http:// or https://, got "{address}".'
    assert not (tmp_path / "new").exists()


def test_no_mirrors_is_a_mistake_in_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"at least one address to download file\.gz from, got none"):
        get(tmp_path)


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError, match=r"file/under: cannot be written \(Not a directory\)\. Free some space"):
        get(tmp_path / "file" / "under", "https://127.0.0.1/")


def test_stopped_midway_leaves_a_part_and_goes_on_from_it(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def stopping(*args: object, have: int) -> Iterator[object]:
        def advance(count: int) -> None:
            raise KeyboardInterrupt

        yield advance

    with monkeypatch.context() as patch:
        patch.setattr(download, "_PIECE_BYTES", 4)
        patch.setattr(download, "_progress", stopping)
        with pytest.raises(KeyboardInterrupt):
            get(tmp_path, site.mirror("good"))
    assert not (tmp_path / "file.gz").exists()
    assert (tmp_path / "file.gz.part").read_bytes() == CONTENT[:4]
    assert get(tmp_path, site.mirror("good")).read_bytes() == CONTENT
    assert site.requests[-1] == ("/good/file.gz", "bytes=4-")


def test_parallel_requests_download_once(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    threads = [threading.Thread(target=get, args=(tmp_path, site.mirror("slow"))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "file.gz").read_bytes() == CONTENT
    assert site.requests == [("/slow/file.gz", None)]
    assert "Waiting for another process that is downloading file.gz.\n" in capsys.readouterr().err


def test_a_terminal_is_shown_a_bar(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    get(tmp_path, site.mirror("good"))
    assert "16/16 bytes" in terminal.getvalue()


def test_a_file_that_is_missing_while_downloads_are_off_is_named(tmp_path: Path) -> None:
    assert str(missing_files("file.gz", folder=tmp_path)) == (
        f"{tmp_path}: there is no file.gz, and dataset.download=false. Put the missing files there, set "
        "dataset.root=FOLDER to the folder that contains them, or set dataset.download=true."
    )
