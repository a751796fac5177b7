"""`dlrun.configuration.recipes.sources.https` against a server of its own on this machine."""

from __future__ import annotations

import select
import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dlrun.configuration.recipes.sources import https
from dlrun.configuration.recipes.sources.https import check_address, fetch
from dlrun.errors import ConfigError, DataError, Problem
from tests.configuration.recipes.sources.site import RECIPE, Site


def refusal(address: str) -> str:
    with pytest.raises(ConfigError) as caught:
        fetch(address, "recipe=x")
    (problem,) = caught.value.problems
    assert problem.where == "recipe=x"
    return problem.message


def test_a_file_is_fetched_with_one_request(site: Site) -> None:
    assert fetch(f"{site.address}/r/x.yaml", "recipe=x") == RECIPE
    assert site.requests == ["/r/x.yaml"]


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("http://h/x", "http:// is not encrypted, so that anyone on the way can change the recipe. Use https://."),
        ("file:///etc/passwd", "A recipe on this machine is named by its path, without file://."),
        (
            "ftp://h/x",
            "Expected https:// or git+https://, git+ssh://, git+file://, got ftp://. "
            "For another source, fetch the file yourself and name its path.",
        ),
        ("https:///x.yaml", "The address has no host: https://HOST/PATH.yaml."),
        ("https://[::1/x", "This is not a valid address."),
        ("https://h:port/x", "This is not a valid address."),
        (
            "https://user:secret@h/x",
            "An address must not contain a user or password: they would end up in logs and in the cache.",
        ),
        (
            "https://token@h/x",
            "An address must not contain a user or password: they would end up in logs and in the cache.",
        ),
        ("https://h/é", "Expected an address in plain ASCII; write other characters percent-encoded."),
        ("https://h/a b", "Expected an address in plain ASCII; write other characters percent-encoded."),
    ],
)
def test_an_unsuitable_address_is_refused_before_any_request(address: str, message: str) -> None:
    assert refusal(address) == message
    with pytest.raises(ConfigError) as caught:
        check_address(address, "here")
    assert caught.value.problems == [Problem("here", message)]


def test_a_file_that_is_too_large_is_refused(site: Site) -> None:
    site.files["/most"] = b"#" * 65_536
    site.files["/more"] = b"#" * 65_537
    assert len(fetch(f"{site.address}/most", "recipe=x")) == 65_536
    assert refusal(f"{site.address}/more") == "The file is larger than 65,536 bytes, the limit for a recipe."


def test_a_file_that_is_not_there_is_a_wrong_name(site: Site) -> None:
    assert refusal(f"{site.address}/none") == "The server has no such file (404 Not Found)."


def failure(address: str) -> str:
    with pytest.raises(DataError) as caught:
        fetch(address, "recipe=x")
    return str(caught.value)


def test_a_server_that_fails_is_a_failure_of_the_network(site: Site) -> None:
    site.codes["/x"] = 503
    assert failure(f"{site.address}/x") == (
        f"{site.address}/x: could not be fetched: the server answered 503 Service Unavailable. "
        "Check the address and the network, or fetch the file yourself and name its path."
    )


def test_a_file_that_ends_too_early_is_not_taken_for_a_shorter_one(site: Site) -> None:
    site.lengths["/r/x.yaml"] = len(RECIPE) + 1
    assert f"the connection was lost after {len(RECIPE)} of {len(RECIPE) + 1} bytes." in failure(
        f"{site.address}/r/x.yaml"
    )
    site.lengths["/r/x.yaml"] = len(RECIPE)
    assert fetch(f"{site.address}/r/x.yaml", "recipe=x") == RECIPE


def test_no_server_is_a_failure_of_the_network() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        text = failure(f"https://127.0.0.1:{taken.getsockname()[1]}/x")
    assert "could not be fetched: [Errno" in text
    assert "Connection refused" in text


def test_a_certificate_that_nobody_trusts_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert "certificate verify failed" in failure(f"{site.address}/r/x.yaml")
    assert site.requests == []


def test_a_server_that_drips_is_left_in_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https, "MOST_S", 0.4)
    site.files["/slow"] = b""
    site.slow.add("/slow")
    started = time.monotonic()
    assert "could not be fetched: it took longer than 0 s." in failure(f"{site.address}/slow")
    assert time.monotonic() - started < 3


def test_redirects_are_followed_three_times(site: Site) -> None:
    site.redirects |= {"/1": "/2", "/2": "3", "/3": f"{site.address}/r/x.yaml", "/0": "/1"}
    assert fetch(f"{site.address}/1", "recipe=x") == RECIPE
    assert site.requests == ["/1", "/2", "/3", "/r/x.yaml"]
    assert refusal(f"{site.address}/0") == "The server redirects more than 3 times; name the last address."
    assert site.requests[4:] == ["/0", "/1", "/2", "/3"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("http://127.0.0.1/x", "http:// is not encrypted"),
        ("file:///etc/passwd", "A recipe on this machine is named by its path"),
        ("https://a:b@127.0.0.1/x", "An address must not contain a user or password"),
    ],
)
def test_a_redirect_to_an_unsuitable_address_is_refused(site: Site, target: str, message: str) -> None:
    site.redirects["/1"] = target
    shown = target.replace("a:b@", "***@")
    assert refusal(f"{site.address}/1").startswith(f"The server redirects to {shown}. {message}")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("localhost", "127.0.0.1"),
        ("169.254.169.254", "169.254.169.254"),  # where clouds serve a machine's credentials
        ("10.0.0.1", "10.0.0.1"),
        ("192.168.1.1", "192.168.1.1"),
        ("[::1]", "::1"),
        ("[fe80::1]", "fe80::1"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),  # noqa: S104 - an address to refuse, not to bind
        ("224.0.0.1", "224.0.0.1"),
        ("2130706433", "127.0.0.1"),
    ],
)
def test_a_redirect_into_this_machine_or_network_is_refused(
    site: Site, monkeypatch: pytest.MonkeyPatch, host: str, address: str
) -> None:
    def look_up(name: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(0, 0, 0, "", (address, port))]

    real = socket.getaddrinfo
    monkeypatch.setattr(
        https.socket,
        "getaddrinfo",
        lambda name, *a, **k: real(name, *a, **k) if name == "127.0.0.1" else look_up(name, 443),
    )
    site.redirects["/1"] = f"https://{host}/latest/meta-data"
    shown = host.strip("[]")
    assert refusal(f"{site.address}/1") == (
        f"The server redirects to {shown} ({address}), an address within this machine or network. "
        "If you trust it, name that address yourself."
    )
    assert site.requests == ["/1"]


def test_the_host_that_the_user_named_may_be_local(site: Site) -> None:
    local = site.address.replace("127.0.0.1", "localhost")
    assert fetch(f"{local}/r/x.yaml", "recipe=x") == RECIPE


def test_a_name_that_changes_its_address_after_the_look_up_is_noticed(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "_refuse_private", lambda address, where: None)  # it was public when looked up
    port = site.address.rpartition(":")[2]
    site.redirects["/1"] = f"https://localhost:{port}/r/x.yaml"
    assert refusal(f"{site.address}/1").startswith("The server redirects to localhost (127.0.0.1), an address within")
    assert site.requests == ["/1"]


def test_a_redirect_to_a_host_that_is_unknown_is_a_failure(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def look_up(name: str, *args: Any, **named: Any) -> Any:
        if name == "nowhere.invalid":
            raise socket.gaierror(-2, "Name or service not known")
        return real(name, *args, **named)

    monkeypatch.setattr(https.socket, "getaddrinfo", look_up)
    site.redirects["/1"] = "https://nowhere.invalid/x"
    what = "the host nowhere.invalid of a redirect is unknown ([Errno -2] Name or service not known)"
    assert f"could not be fetched: {what}." in failure(f"{site.address}/1")


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A proxy on this machine, which the environment names; yields what it was asked to connect to."""
    asked: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline().split()[1].decode())
            while self.rfile.readline().strip():
                pass
            host, _, port = asked[-1].rpartition(":")
            with socket.create_connection((host, int(port))) as other:
                self.connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                ends = {self.connection: other, other: self.connection}
                while True:
                    for end in select.select(list(ends), [], [])[0]:
                        if not (data := end.recv(65_536)):
                            return
                        ends[end].sendall(data)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        yield asked
        server.shutdown()
        thread.join()


def test_a_proxy_of_the_users_own_is_used_and_may_be_local(
    site: Site, proxy: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "")
    port = site.address.rpartition(":")[2]
    site.redirects |= {"/1": f"https://localhost:{port}/r/x.yaml"}
    assert fetch(f"{site.address}/r/x.yaml", "recipe=x") == RECIPE
    assert refusal(f"{site.address}/1").startswith("The server redirects to localhost (127.0.0.1), an address within")
    assert proxy == [f"127.0.0.1:{port}"] * 2
    monkeypatch.setattr(https, "_refuse_private", lambda address, where: None)
    assert fetch(f"{site.address}/1", "recipe=x") == RECIPE  # the proxy's own address does not count
    assert proxy[2:] == [f"127.0.0.1:{port}", f"localhost:{port}"]
