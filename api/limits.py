"""What stands around every request: an id, bounds on bodies and streams, protection from other origins, headers.

Pure ASGI, so that streams pass through untouched. Refuses to know any address of the service.
"""

import asyncio
import re
import time
from collections.abc import Collection, Generator
from contextlib import contextmanager
from ipaddress import ip_address
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem, problem_of_kind
from songwright.errors import Overworked, Refused
from storage.tables import new_id

log = structlog.get_logger()

_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}", re.ASCII)
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS", "TRACE"}
_DEFAULT_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-frame-options": "DENY",
}


def _place(origin: str) -> str | None:
    """Host and port of an origin; None where it is no URL."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


class Envelope:
    """Gives every request an id, which is its trace_id in the log and in problems, and every answer safe headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; an X-Request-ID that is not of letters, digits, `.`, `_` or `-` is replaced."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        began, status = time.monotonic(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(raw=message["headers"])
                headers["x-request-id"] = request_id
                for name, value in _DEFAULT_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id, trace_id=request_id):
            await self._app(scope, receive, send_with_headers)
            duration_ms = round((time.monotonic() - began) * 1000, 1)
            log.info(
                "request_finished",
                method=scope["method"],
                path=scope["path"],
                status=status,
                duration_ms=duration_ms,
            )


class SameOrigin:
    """Refuses what pages of other origins send, and host names that are made to point here (DNS rebinding).

    The open mode has no accounts, so that a page anywhere could otherwise act through its visitor's browser.
    """

    def __init__(self, app: ASGIApp, *, origins: Collection[str], host: str) -> None:
        self._app = app
        self._origins = {origin.lower().rstrip("/") for origin in origins}
        self._hosts = {host.lower()} | {urlsplit(origin).hostname for origin in self._origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403 with the reason."""
        reason = self._objection(scope) if scope["type"] == "http" else None
        if reason is None:
            await self._app(scope, receive, send)
        else:
            await problem(Refused(reason), scope)(scope, receive, send)

    def _objection(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower()
        if not self._is_own_host(host):
            return (
                f"The open mode does not answer under the name {host!r}; call it by 127.0.0.1 or localhost, or add"
                " its origin to SONGWRIGHT_CORS__ORIGINS."
            )
        if scope["method"] in _SAFE_METHODS:
            return None
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None:
            if origin.lower() in self._origins or _place(origin) == host:
                return None
            return f"A page of {origin!r} may not change anything here; add it to SONGWRIGHT_CORS__ORIGINS if it may."
        if site in ("cross-site", "same-site"):
            return "A page of another origin may not change anything here."
        return None

    def _is_own_host(self, host: str) -> bool:
        """True for addresses, localhost, names without a dot (no domain can be given them) and configured ones."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if "." not in name or name.endswith(".localhost") or name in self._hosts:
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True


class BodyBound:
    """Refuses bodies of more bytes than the setting, before reading them where their length is said."""

    def __init__(self, app: ASGIApp, *, most_bytes: int) -> None:
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "")
        sentence = f"The body may have {self._most_bytes} bytes at most."
        if length.isascii() and length.isdigit() and int(length[:20]) > self._most_bytes:
            answer = problem_of_kind("too-large", sentence, scope, headers={"connection": "close"})
            await answer(scope, receive, send)
            return
        read = 0

        async def receive_counted() -> Message:
            nonlocal read
            message = await receive()
            if message["type"] == "http.request":
                read += len(message.get("body", b""))
                if read > self._most_bytes:
                    raise HTTPException(413, sentence, headers={"connection": "close"})
            return message

        await self._app(scope, receive_counted, send)


class OpenStreams:
    """Counts the event streams of this process, of which so many may be open at once, and knows when it closes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.count = 0
        self.closing = asyncio.Event()  # set at shutdown: streams end, waiting answers become 202

    def check(self) -> None:
        """Raise Overworked where no further stream may be opened."""
        if self.closing.is_set():
            raise Overworked("The server is closing; ask again in a few seconds.")
        if self.count >= self._most:
            raise Overworked(f"{self._most} event streams are open already; try again in a few seconds.")

    @contextmanager
    def one(self) -> Generator[None]:
        """Count one stream for as long as the block lasts. Raises Overworked where that is one too many."""
        self.check()
        self.count += 1
        try:
            yield
        finally:
            self.count -= 1
