"""What stands around every request: bounds, ids, origins, headers."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message, Receive, Scope, Send

from api.app import create_app, serve
from api.limits import BodyBound
from songwright.errors import Refused
from songwright.settings import AppSettings, CorsSettings
from tests.api.conftest import SHORT_SONG, STREAM, assert_problem, calling, served_settings

TEN_MB = 10_000_000


def test_a_prompt_of_ten_megabytes_is_refused_unread(client: httpx.Client) -> None:
    answer = client.post("/generate", json={"prompt": "x" * TEN_MB})
    assert_problem(answer, 413, "too-large")


def test_a_chunked_body_is_refused_where_it_grows_too_large(client: httpx.Client) -> None:
    def endless() -> Generator[bytes]:
        yield b'{"prompt": "'
        for _ in range(TEN_MB // 50_000):
            yield b"x" * 50_000

    answer = client.post("/generate", content=endless(), headers={"content-type": "application/json"})
    assert_problem(answer, 413, "too-large")


async def test_no_more_of_a_body_is_read_than_may_be() -> None:
    asked = 0
    sent: list[Message] = []

    async def receive() -> Message:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b"x" * 10, "more_body": True}

    async def send(message: Message) -> None:
        sent.append(message)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("the app was asked")

    scope: Any = {"type": "http", "path": "/", "headers": [(b"content-length", b"101")]}
    await BodyBound(app, most_bytes=100)(scope, receive, send)
    assert (asked, sent[0]["status"]) == (0, 413)


def test_a_request_id_is_taken_over_where_it_is_one(client: httpx.Client) -> None:
    assert client.get("/runs", headers={"x-request-id": "abc-1.2_3"}).headers["x-request-id"] == "abc-1.2_3"
    for odd in ("a b", "x" * 129, "<script>", ""):
        made = client.get("/nothing", headers={"x-request-id": odd})
        assert made.headers["x-request-id"] != odd
        assert made.json()["trace_id"] == made.headers["x-request-id"]


@pytest.mark.parametrize("path", ["/runs", "/nothing", "/", "/problems/unfit", "/docs", "/docs/static/docs.js"])
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_every_answer_carries_safe_headers(client: httpx.Client, path: str, accept: str) -> None:
    headers = client.get(path, headers={"accept": accept}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"]
    policy = headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    assert "unsafe-eval" not in policy


def test_long_json_is_compressed_and_streams_are_not(client: httpx.Client, song: dict[str, Any]) -> None:
    assert client.get(song["links"]["run"]).headers["content-encoding"] == "gzip"
    assert "content-encoding" not in client.get("/health/live").headers
    with client.stream("GET", song["links"]["events"], headers=STREAM) as answer:
        assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://127.0.0.1:1"},
    ],
)
def test_pages_of_other_origins_change_nothing(client: httpx.Client, headers: dict[str, str]) -> None:
    assert_problem(client.post("/generate", json=SHORT_SONG, headers=headers), 403, "refused")
    assert_problem(client.delete("/lyrics/x", headers=headers), 403, "refused")
    assert client.get("/health/live", headers=headers).status_code == 200


def test_own_pages_and_programs_may(client: httpx.Client) -> None:
    own = {"origin": str(client.base_url).rstrip("/"), "sec-fetch-site": "same-origin"}
    for headers in (own, {"sec-fetch-site": "none"}, {}):
        assert client.post("/runs/x/cancel", headers=headers).status_code == 404


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 403),
        ("127.0.0.1.evil.example:8000", 403),
        ("localhost:8000", 200),
        ("[::1]:8000", 200),
        ("127.0.0.1", 200),
        ("songs.localhost", 200),
        ("testserver", 200),
    ],
)
def test_a_name_made_to_point_here_is_refused(client: httpx.Client, host: str, status: int) -> None:
    answer = client.get("/health/live", headers={"host": host})
    assert answer.status_code == status
    if status == 403:
        assert_problem(answer, 403, "refused")


def test_an_allowed_origin_may_call_and_read(tmp_path: Path) -> None:
    friend = "https://songs.example"
    with calling(served_settings(tmp_path, cors=CorsSettings(origins=(friend,)))) as client:
        asked = {"origin": friend, "access-control-request-method": "PATCH"}
        allowed = client.options("/generate", headers={**asked, "access-control-request-headers": "idempotency-key"})
        assert allowed.headers["access-control-allow-origin"] == friend
        answer = client.post("/runs/x/cancel", headers={"origin": friend, "sec-fetch-site": "cross-site"})
        assert answer.status_code == 404
        assert answer.headers["access-control-allow-origin"] == friend
        assert "X-Songwright-Run" in answer.headers["access-control-expose-headers"]
        stranger = client.get("/health/live", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in stranger.headers
        assert client.get("/health/live", headers={"host": "songs.example"}).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "songs.example"])
def test_the_open_mode_binds_loopback_only(tmp_path: Path, host: str) -> None:
    open_to_all = served_settings(tmp_path, app=AppSettings(host=host))  # pyright: ignore[reportCallIssue]
    with pytest.raises(Refused, match="loopback"):
        serve(open_to_all)


async def test_an_error_of_the_services_own_tells_nothing_of_itself(tmp_path: Path) -> None:
    app = create_app(served_settings(tmp_path))

    @app.get("/broken")
    async def broken() -> None:
        raise KeyError("a secret")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get("/broken")
    assert_problem(answer, 500, "internal")
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_client_that_sends_slowly_is_no_burden_on_others(client: httpx.Client) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncGenerator[bytes]:
        yield b'{"prompt": '
        begun.set()
        await go_on.wait()
        yield b'"", "count": 1}'

    async with httpx.AsyncClient(base_url=str(client.base_url), timeout=30) as other:
        sending = asyncio.create_task(
            other.post("/generate", content=slow(), headers={"content-type": "application/json"})
        )
        await asyncio.wait_for(begun.wait(), 10)
        assert (await other.get("/health/live")).status_code == 200
        go_on.set()
        assert_problem(await sending, 422, "unfit")
