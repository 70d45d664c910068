"""A server process from start to SIGTERM: it says where it is, drains at once, and its successor goes on."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.api.conftest import SHORT_SONG, STREAM, WAIT_S, events_of, followed
from tests.ollama_server import LittleOllama, Script

COMMAND = "from api.app import serve; from songwright.settings import Settings; serve(Settings())"
ROOT = Path(__file__).parents[2]


class Served:
    """A server process and what it logged, line by line."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.lines: list[str] = []
        self._rest = self._read()
        self.url = next(m[1] for line in self._rest if (m := re.search(r"running on (http://[\d.:]+)", line)))

    def _read(self) -> Iterator[str]:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.lines.append(line)
            yield line

    def end(self) -> int:
        """Ask it to end; gives the exit code once it has."""
        self.process.send_signal(signal.SIGTERM)
        for _ in self._rest:
            pass
        return self.process.wait(WAIT_S)


@contextmanager
def served(home: Path, ollama_url: str) -> Generator[Served]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SONGWRIGHT_", "OLLAMA_"))}
    settings = {
        "SONGWRIGHT_HOME": str(home),
        "SONGWRIGHT_APP__PORT": "0",
        "SONGWRIGHT_APP__DRAIN_S": "1",
        "SONGWRIGHT_OLLAMA_HOST": ollama_url,
        "SONGWRIGHT_MODELS__MODEL": "ollama:llama3.2",
        "SONGWRIGHT_AGENTS__WARM_EMBEDDER": "false",
        "SONGWRIGHT_LOGGING__FORMAT": "json",
    }
    command = [sys.executable, "-c", COMMAND]
    with subprocess.Popen(command, env={**kept, **settings}, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield Served(process)
        finally:
            process.kill()


async def test_a_stream_outlives_the_server_it_began_at(tmp_path: Path) -> None:
    body = {**SHORT_SONG, "prompt": "A secret nobody may log"}
    with LittleOllama(default=Script(hold_after=1)) as ollama:
        with served(tmp_path, ollama.url) as first:
            async with httpx.AsyncClient(base_url=first.url, timeout=WAIT_S) as client:
                streaming = asyncio.create_task(client.post("/generate", json=body, headers=STREAM))
                await ollama.until(lambda server: any(chat.sent for chat in server.chats), timeout_s=WAIT_S)
                code = await asyncio.to_thread(first.end)
                begun = list(events_of(await streaming))
        assert code == 0
        assert begun[-1][1] not in ("run_finished", "run_failed")
        logged = [json.loads(line) for line in first.lines]
        assert {"run_admitted", "request_finished"} <= {line["event"] for line in logged}
        assert all(line["level"] for line in logged)
        assert "nobody may log" not in "".join(first.lines)
        ollama.release(1000)
        with served(tmp_path, ollama.url) as second, httpx.Client(base_url=second.url, timeout=WAIT_S) as client:
            run_id = begun[0][2]["run_id"]
            rest = await asyncio.to_thread(followed, client, run_id, after=begun[-1][0])
            assert [seq for seq, _, _ in [*begun, *rest]] == list(range(1, len(begun) + len(rest) + 1))
            assert rest[-1][1] == "run_finished"
            assert rest[-1][2]["status"] == "succeeded"
