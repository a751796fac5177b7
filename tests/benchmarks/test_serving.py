"""benchmarks.serving: the load generator, on a server that counts."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.serving import Measured, load, report


def test_clients_send_one_request_after_the_other() -> None:
    bodies: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readline()
            if not head:
                break
            assert head == b"POST /predict HTTP/1.1\r\n"
            while (line := await reader.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    size = int(line.split(b":")[1])
            bodies.append(await reader.readexactly(size))
            status = b"503 Busy" if len(bodies) == 3 else b"200 OK"
            await asyncio.sleep(0.002)
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\n")
            await writer.drain()
            writer.write(b"{}")  # an answer in two parts
        writer.close()

    async def run() -> Measured:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            return await load(server.sockets[0].getsockname()[1], {"rows": [1]}, clients=2, seconds=0.1)

    measured = asyncio.run(run())
    assert set(bodies) == {b'{"rows": [1]}'}
    assert (len(measured.seconds), measured.failed) == (len(bodies) - 1, 1)
    assert min(measured.seconds) >= 0.002
    assert 0.1 <= measured.took_s < 1


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert Measured([0.1] * 98 + [0.2, 0.3], 2.0, 0).percentile_ms(0.99) == 300
    slow, fast = Measured([0.010] * 10, 1.0, 0), Measured([0.002] * 35, 1.0, 2)
    faster = Measured([0.002] * 50, 1.0, 0)
    report("mlp", {("by hand", 64): [slow, slow, slow], ("dlrun serve", 64): [fast, faster, fast]})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[-2] == ["by", "hand", "64", "10", "10.00", "10.00", "0", "3.50", "times", "(3.50", "to", "5.00)"]
    assert lines[-1] == ["dlrun", "serve", "64", "35", "2.00", "2.00", "4"]
