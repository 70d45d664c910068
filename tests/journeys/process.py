"""The product as a process of its own: started as a user starts it, read over HTTP, killed when a journey says so."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

WAIT_S = 60.0
Event = tuple[int, str, dict[str, Any]]


class Served:
    """A running `songwright serve`."""

    def __init__(self, process: "subprocess.Popen[bytes]", url: str) -> None:
        self.process = process
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=WAIT_S)

    def kill(self) -> None:
        """End it as a power cut does: SIGKILL, no word to anyone."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(WAIT_S)

    def stream(self, method: str, path: str, **request: Any) -> Iterator[Event]:
        """The events of an answer, as they come; ends where the connection does."""
        headers = {"accept": "text/event-stream", **request.pop("headers", {})}
        with self.client.stream(method, path, headers=headers, **request) as answer:
            assert answer.status_code == 200, answer.read()
            yield from events_of(answer.iter_lines())


def events_of(lines: Iterator[str]) -> Iterator[Event]:
    """Server-sent events (WHATWG) as (id, type, data); comments are passed over."""
    seq, kind, data = 0, "message", ""
    try:
        for line in lines:
            name, _, value = line.partition(": ")
            if name == "id":
                seq = int(value)
            elif name == "event":
                kind = value
            elif name == "data":
                data += value
            elif not line and data:
                yield seq, kind, json.loads(data)
                kind, data = "message", ""
    except httpx.RemoteProtocolError:
        return  # the server went


@contextmanager
def served(home: Path, **settings: str) -> Generator[Served]:
    """Start the server on a free port with this home, ready when given; killed at the end if it still runs."""
    environment = {
        **os.environ,
        "SONGWRIGHT_HOME": str(home),
        "SONGWRIGHT_AGENTS__WARM_EMBEDDER": "false",
        "SONGWRIGHT_LOGGING__FORMAT": "json",
        **settings,
    }
    home.mkdir(parents=True, exist_ok=True)
    note = home / "server.json"
    note.unlink(missing_ok=True)
    with (home / "server.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "songwright", "serve", "--port", "0"],
            env=environment,
            stdout=log,
            stderr=log,
            cwd=home,
        )
    try:
        server = Served(process, _url_when_ready(process, note, home / "server.log"))
        with server.client:
            yield server
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(WAIT_S)


def _url_when_ready(process: "subprocess.Popen[bytes]", note: Path, log: Path) -> str:
    """Where the server listens, once it says so. Bounded by WAIT_S of waiting on the process itself."""
    for _ in range(int(WAIT_S / 0.05)):
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            if note.exists() and (text := note.read_text(encoding="utf-8")):
                url = json.loads(text)["url"]
                if httpx.get(f"{url}/health/ready", timeout=WAIT_S).status_code == 200:
                    return str(url)
            continue
        raise AssertionError(f"the server ended at its start:\n{log.read_text(encoding='utf-8')[-3000:]}")
    raise AssertionError("the server did not become ready in time")
