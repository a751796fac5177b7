"""The server's paths: predictions, health, metrics, descriptions and pages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from dlrun.runs.serving.batching import Batcher
from dlrun.runs.serving.description import description_of, openapi
from dlrun.runs.serving.forms import read_form
from dlrun.runs.serving.limits import Limits
from dlrun.runs.serving.metrics import Counters
from dlrun.runs.serving.middleware import FAILED, Gate, Within, answer_to, as_json
from dlrun.runs.serving.requests import Fault, PredictionRequest, Reader, Refused
from dlrun.runs.serving.served import Served

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_MOST_BODIES = 16  # of the largest size, that are held at once
_IN_LOOP_BYTES = 1 << 16  # a larger body is read in a thread, while others are answered
Pages = Mapping[str, tuple[str, str]]
"""By path: the HTML, and the policy of what it may load."""


class Api:
    """What the paths answer. Its requests have passed the `Gate`."""

    def __init__(self, model: Served, limits: Limits, *, pages: Pages, has_token: bool, tell: Callable[[str], None]):
        self.counters = Counters()
        self.batcher = Batcher(model, self.counters, most_waiting=limits.waiting, tell=tell, most_pixels=limits.pixels)
        self._limits, self._pages = limits, pages
        self._held_bytes = 0  # of bodies that are read or predicted
        self._reader = Reader(model.about["preprocessing"], takes_inputs=model.takes_inputs, most_rows=limits.rows)
        self._description = as_json(description_of(model, limits))
        self._openapi = as_json(openapi(model, limits, has_token=has_token))

    async def predict(self, request: Request) -> Response:
        """POST /predict."""
        from starlette.responses import Response

        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise Refused(415, Fault("Content-Encoding", "Expected a body that is not compressed."))
        content_type = request.headers.get("content-type", "")
        kind = content_type.partition(";")[0].strip().lower()
        if kind == "application/json":
            read: Callable[[bytes], PredictionRequest] = self._reader.of_json
        elif kind == "multipart/form-data":
            read = partial(self._read_form, content_type=content_type)
        else:
            what = "Expected JSON (Content-Type: application/json) or files (multipart/form-data)."
            raise Refused(415, Fault("", what))
        body = await self._body(request)
        try:
            asked = read(body) if len(body) <= _IN_LOOP_BYTES else await asyncio.to_thread(read, body)
            found = await self.batcher.predict(asked, timeout_s=self._limits.timeout_s)
        finally:
            self._held_bytes -= len(body)
        return Response(as_json({"predictions": found}), media_type="application/json")

    async def _body(self, request: Request) -> bytes:
        """The whole body; raises Refused for one that is too large, too slow or broken off."""
        from starlette.requests import ClientDisconnect

        most, size = self._limits.mib << 20, 0
        too_large = Refused(413, Fault("", f"Expected a body of at most {self._limits.mib} MiB."))
        given = request.headers.get("content-length", "0")
        if given.isdecimal() and int(given[:18]) > most:
            raise too_large
        parts, is_whole = [], False
        try:
            async with Within(self._limits.timeout_s):
                async for part in request.stream():
                    size += len(part)
                    self._held_bytes += len(part)
                    if size > most:
                        raise too_large
                    if self._held_bytes > _MOST_BODIES * most:
                        raise Refused(
                            503, Fault("", "Other requests hold the memory for bodies; try again in a second.")
                        )
                    if part:
                        parts.append(part)
            is_whole = True
        except TimeoutError as error:
            what = f"The body did not arrive within {self._limits.timeout_s:g} seconds."
            raise Refused(408, Fault("", what)) from error
        except ClientDisconnect as error:
            raise Refused(400, Fault("", "The connection ended within the body.")) from error
        finally:
            if not is_whole:
                self._held_bytes -= size
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _read_form(self, body: bytes, content_type: str) -> PredictionRequest:
        form = read_form(body, content_type, most_files=self._limits.rows)
        wants = form.fields.get("probabilities", "false").lower()
        if wants not in ("true", "false"):
            raise Refused(422, Fault("probabilities", "Expected true or false."))
        return self._reader.of_files(form.files, probabilities=wants == "true")

    async def health(self, request: Request) -> Response:
        """GET /health."""
        del request
        return self._json(as_json({"status": "ok", "uptime_s": round(self.counters.uptime_s, 3)}))

    async def metrics(self, request: Request) -> Response:
        """GET /metrics."""
        from starlette.responses import PlainTextResponse

        del request
        text = self.counters.text(waiting=self.batcher.num_waiting)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    async def model(self, request: Request) -> Response:
        """GET /model."""
        del request
        return self._json(self._description)

    async def openapi(self, request: Request) -> Response:
        """GET /openapi.json."""
        del request
        return self._json(self._openapi)

    async def page(self, request: Request) -> Response:
        """GET / and /docs."""
        from starlette.responses import HTMLResponse

        content, policy = self._pages[request.url.path]
        return HTMLResponse(content, headers={"Content-Security-Policy": policy})

    def _json(self, content: bytes) -> Response:
        from starlette.responses import Response

        return Response(content, media_type="application/json")


def make_app(
    model: Served,
    limits: Limits,
    *,
    pages: Pages,
    hosts: frozenset[str] | None = None,
    token: str | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Gate:
    """Return the application; the model's thread runs between its start and its end.

    tell: receives what fails within the server.
    """
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    api = Api(model, limits, pages=pages, has_token=token is not None, tell=tell)

    @contextlib.asynccontextmanager
    async def lifespan(app: object) -> AsyncIterator[None]:
        del app
        api.batcher.start()
        yield
        await asyncio.to_thread(api.batcher.close)  # not waited for if the server is made to end at once

    routes = [
        Route("/predict", api.predict, methods=["POST"]),
        Route("/health", api.health),
        Route("/metrics", api.metrics),
        Route("/model", api.model),
        Route("/openapi.json", api.openapi),
        *(Route(path, api.page) for path in pages),
    ]
    paths = frozenset(route.path for route in routes)
    handlers: Any = dict.fromkeys((Refused, HTTPException, Exception), _refusing(paths))
    inner = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
    inner.router.redirect_slashes = False
    return Gate(inner, api.counters, paths=paths, hosts=hosts, token=token, tell=tell)


def _refusing(paths: frozenset[str]) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return what makes an answer of an error."""
    from starlette.exceptions import HTTPException

    async def refuse(request: Request, error: Exception) -> Response:
        del request
        if isinstance(error, HTTPException):
            allowed, known = (error.headers or {}).get("Allow", ""), ", ".join(sorted(paths))
            what = f"Expected {allowed}." if allowed else f"There is no such path; the server has {known}."
            error = Refused(error.status_code, Fault("", what))
        return answer_to(error if isinstance(error, Refused) else FAILED)

    return refuse
