"""The service as clients meet it: a real server on a port of its own, and httpx."""

import asyncio
import json
import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from typing_extensions import override

from api.app import create_app
from songwright.settings import AgentSettings, AppSettings, LimitSettings, ModelSettings, Settings
from tests.conftest import settings_at

WAIT_S = 60.0
SHORT_SONG = {"prompt": "The last bus home", "structure": "verse, chorus", "rhyme": "AABB", "seed": 7}
STREAM = {"accept": "text/event-stream"}

Json = dict[str, Any]
Event = tuple[int, str, Json]


def served_settings(home: Path, **more: Any) -> Settings:
    """The embedded writer, quick heartbeats, bounds that tests can reach."""
    usual = {
        "models": ModelSettings(model="embedded"),  # pyright: ignore[reportCallIssue]
        "agents": AgentSettings(warm_embedder=False, reap_s=0.2, max_rounds=1),  # pyright: ignore[reportCallIssue]
        "app": AppSettings(heartbeat_s=0.2, drain_s=5),  # pyright: ignore[reportCallIssue]
        "limits": LimitSettings(stream_clients=3),  # pyright: ignore[reportCallIssue]
    }
    return settings_at(home).model_copy(update={**usual, **more})


class _Served(uvicorn.Server):
    """A server in a thread that tells when it is there, and where."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_settled = threading.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.is_settled.set()


@contextmanager
def serving(settings: Settings) -> Generator[str]:
    """Serve on a free port in a thread; gives the base URL."""
    app = create_app(settings)
    server = _Served(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False))
    ended_well = threading.Event()

    def in_thread() -> None:
        try:
            asyncio.run(server.serve())
            ended_well.set()
        finally:
            server.is_settled.set()

    thread = threading.Thread(target=in_thread, name="served")
    thread.start()
    try:
        assert server.is_settled.wait(WAIT_S)
        assert server.started
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        if server.loop is not None and server.started:
            server.loop.call_soon_threadsafe(app.state.streams.closing.set)
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert ended_well.is_set()


@contextmanager
def calling(settings: Settings) -> Generator[httpx.Client]:
    """A client of a server of its own."""
    with serving(settings) as url, httpx.Client(base_url=url, timeout=WAIT_S) as client:
        yield client


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """A server for the whole session; tests keep to rows of their own."""
    with serving(served_settings(tmp_path_factory.mktemp("served"))) as url:
        yield url


@pytest.fixture
def client(base_url: str) -> Generator[httpx.Client]:
    """A client of the session's server."""
    with httpx.Client(base_url=base_url, timeout=WAIT_S) as opened:
        yield opened


@pytest.fixture(scope="session")
def song(base_url: str) -> Json:
    """A song that was written once, for tests that only look."""
    answer = httpx.post(f"{base_url}/generate", json=SHORT_SONG, timeout=WAIT_S)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="session")
def playlist(base_url: str) -> Json:
    """A playlist that was made once."""
    answer = httpx.post(f"{base_url}/recommend", json={"text": "I feel calm", "count": 5}, timeout=WAIT_S)
    assert answer.status_code == 200, answer.text
    return answer.json()


def events_of(answer: httpx.Response) -> Iterator[Event]:
    """The events of a stream as they come: number, type, data. Comments are passed over."""
    frame: dict[str, str] = {}
    for line in answer.iter_lines():
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            frame[name] = value
        elif frame:
            yield int(frame.get("id", 0)), frame["event"], json.loads(frame["data"])
            frame = {}


def followed(client: httpx.Client, run_id: str, *, after: int = 0) -> list[Event]:
    """A run's events to its end, from after that one."""
    with client.stream("GET", f"/runs/{run_id}/events", headers={**STREAM, "last-event-id": str(after)}) as answer:
        assert answer.status_code == 200
        return list(events_of(answer))


def assert_problem(answer: httpx.Response, status: int, slug: str) -> Json:
    """The answer is a problem of that kind, complete, with a sentence."""
    body: Json = answer.json()
    assert answer.status_code == status, body
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"/problems/{slug}"
    assert body["status"] == status
    assert body["title"]
    assert body["instance"]
    assert body["trace_id"] == answer.headers["x-request-id"]
    assert len(body["detail"]) > 10
    assert body["detail"].rstrip().endswith((".", "…"))
    return body
