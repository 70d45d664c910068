"""A small server that speaks Ollama's wire format, with faults on demand, for tests and for trying by hand.

Knows the format (observed on Ollama 0.24) and how servers fail; refuses to know Songwright. It writes plain singable
lines for a prompt that plans them (`tests/ollama_words.py`) and minimal objects for a JSON schema.

    python -m tests.ollama_server --port 11434 --token-s 0.05
"""

import argparse
import asyncio
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self, cast

from tests.ollama_words import answer_for

Json = dict[str, Any]
_TOKEN = re.compile(r"\s?\S+|\s")


@dataclass(frozen=True, slots=True)
class Script:
    """How one chat request is answered. Counts are in tokens sent before the fault."""

    answer: str | None = None  # None: lines or an object, whichever the request asks for
    status: int = 200
    error: str = "out of order"
    first_token_s: float = 0.0
    token_s: float = 0.0
    hold_after: int | None = None  # waits for `release` or for the client to leave
    cut_after: int | None = None  # the connection is closed within the answer
    junk_after: int | None = None  # a line that is no JSON
    error_after: int | None = None  # a line that tells an error, as when the runner dies
    die_after: int | None = None  # the whole server goes
    done_reason: str | None = None  # None: "stop", or "length" where num_predict was reached


@dataclass(slots=True)
class Chat:
    """One chat request as it was received, and how far its answer came."""

    body: Json
    sent: int = 0  # tokens
    is_done: bool = False
    is_left: bool = False  # the client went before the answer was done

    @property
    def messages(self) -> list[Json]:
        return self.body["messages"]

    @property
    def options(self) -> Json:
        return self.body.get("options") or {}


class _Closed(Exception):
    """The connection is to end here, without another byte."""


@dataclass(slots=True)
class _Wire:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def head(self, status: int, content_type: str, length: int | None) -> None:
        size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
        self.writer.write(f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\n{size}\r\n\r\n".encode())

    async def whole(self, status: int, body: Json) -> None:
        content = json.dumps(body).encode()
        self.head(status, "application/json; charset=utf-8", len(content))
        self.writer.write(content)
        await self.writer.drain()

    async def line(self, content: bytes) -> None:
        self.writer.write(b"%x\r\n%s\n\r\n" % (len(content) + 1, content))
        await self.writer.drain()

    async def end(self) -> None:
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def is_left_within(self, seconds: float) -> bool:
        """Wait, and tell whether the client went meanwhile: it sends nothing while it is answered."""
        try:
            async with asyncio.timeout(seconds):
                return await self.reader.read(1) == b""
        except TimeoutError:
            return False

    async def request(self) -> tuple[str, str, Json] | None:
        """Method, path and body of the next request; None where the client is done."""
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except asyncio.IncompleteReadError:
            return None
        method, path, _ = head.split(" ", 2)
        length = re.search(r"content-length: *(\d+)", head, re.IGNORECASE)
        body = await self.reader.readexactly(int(length[1])) if length else b""
        return method, path, json.loads(body) if body else {}


@dataclass(slots=True)
class LittleOllama:
    """The server, in a thread of its own. `chats` holds every chat request; `until` waits for what one sees of it."""

    models: tuple[str, ...] = ("llama3.2:latest",)
    default: Script = Script()
    port: int = 0  # 0 takes a free one
    chats: list[Chat] = field(default_factory=list[Chat])
    tag_requests: int = 0
    in_flight: int = 0
    peak: int = 0  # most chats in flight at once
    _scripts: deque[Script] = field(default_factory=deque[Script])
    _news: threading.Condition = field(default_factory=threading.Condition)
    _held: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    _writers: set[asyncio.StreamWriter] = field(default_factory=set[asyncio.StreamWriter])
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(timeout=5)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(timeout=5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join(timeout=5)
        self._loop.close()

    def script(self, *scripts: Script) -> None:
        """Answer the next chat requests so, one script each; afterwards the default holds again."""
        self._scripts.extend(scripts)

    def release(self, count: int = 1) -> None:
        """Let this many held answers go on."""
        for _ in range(count):
            self._loop.call_soon_threadsafe(self._held.release)

    def die(self) -> None:
        """Go without a word: no new connection, and every open one is cut."""
        asyncio.run_coroutine_threadsafe(self._die(), self._loop).result(timeout=5)

    async def until(self, is_so: Callable[[Self], bool], *, timeout_s: float = 5.0) -> None:
        """Wait until something is true of this server; TimeoutError if it does not come true in time."""

        def wait() -> bool:
            with self._news:
                return self._news.wait_for(lambda: is_so(self), timeout_s)

        if not await asyncio.to_thread(wait):
            raise TimeoutError(f"not so within {timeout_s} s; chats: {self.chats}")

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        await self._die()
        others = asyncio.all_tasks() - {cast("asyncio.Task[Any]", asyncio.current_task())}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _die(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = _Wire(reader, writer)
        self._writers.add(writer)
        try:
            while (request := await wire.request()) is not None:
                await self._answer(wire, *request)
        except (_Closed, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, wire: _Wire, method: str, path: str, body: Json) -> None:
        match method, path:
            case "GET", "/api/version":
                await wire.whole(200, {"version": "0.24.0"})
            case "GET", "/api/tags":
                self.tag_requests += 1
                await wire.whole(200, {"models": [_tag(name) for name in self.models]})
            case "POST", "/api/chat":
                await self._chat(wire, body)
            case _:
                await wire.whole(404, {"error": f"no {method} {path} here"})

    async def _chat(self, wire: _Wire, body: Json) -> None:
        script = self._scripts.popleft() if self._scripts else self.default
        chat = Chat(body)
        self._tell(chat=chat, change=1)
        try:
            model = str(body.get("model"))
            if not {model, f"{model}:latest"} & set(self.models):
                await wire.whole(404, {"error": f"model '{model}' not found"})
            elif script.status != 200:
                await wire.whole(script.status, {"error": script.error})
            elif not chat.messages:
                await wire.whole(200, _part(model, "", done=True) | {"done_reason": "load"})
            else:
                await self._stream(wire, chat, script, model)
        finally:
            self._tell(change=-1)

    async def _stream(self, wire: _Wire, chat: Chat, script: Script, model: str) -> None:
        started = time.perf_counter_ns()
        answer = script.answer if script.answer is not None else answer_for(chat.messages, chat.body.get("format"))
        most = int(chat.options.get("num_predict") or -1)
        tokens = _TOKEN.findall(answer)
        said = tokens[:most] if most > 0 else tokens
        wire.head(200, "application/x-ndjson", None)
        for index, token in enumerate(said):
            await self._fault(wire, script, index)
            await self._pause(wire, chat, script.first_token_s if index == 0 else script.token_s)
            await wire.line(json.dumps(_part(model, token, done=False)).encode())
            chat.sent += 1
            self._tell()
        await self._fault(wire, script, len(said))
        reason = script.done_reason or ("length" if len(said) < len(tokens) else "stop")
        final = _part(model, "", done=True) | {"done_reason": reason} | _counts(chat, started)
        await wire.line(json.dumps(final).encode())
        await wire.end()
        chat.is_done = True
        self._tell()

    async def _pause(self, wire: _Wire, chat: Chat, seconds: float) -> None:
        if await wire.is_left_within(seconds):
            chat.is_left = True
            self._tell()
            raise _Closed

    async def _fault(self, wire: _Wire, script: Script, index: int) -> None:
        """What the script wants to happen once this many tokens are sent."""
        if script.hold_after == index:
            await self._hold(wire)
        if script.junk_after == index:
            await wire.line(b'{"model": "llama3.2", "mess')
        if script.error_after == index:
            await wire.line(json.dumps({"error": script.error}).encode())
            raise _Closed
        if script.cut_after == index:
            raise _Closed
        if script.die_after == index:
            await self._die()
            raise _Closed

    async def _hold(self, wire: _Wire) -> None:
        release = asyncio.ensure_future(self._held.acquire())
        left = asyncio.ensure_future(wire.reader.read(1))
        try:
            await asyncio.wait({release, left}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            left.cancel()
            release.cancel()
            await asyncio.wait({release, left})  # a reader serves one at a time

    def _tell(self, *, chat: Chat | None = None, change: int = 0) -> None:
        with self._news:
            if chat is not None:
                self.chats.append(chat)
            self.in_flight += change
            self.peak = max(self.peak, self.in_flight)
            self._news.notify_all()


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def _part(model: str, content: str, *, done: bool) -> Json:
    return {
        "model": model,
        "created_at": _now(),
        "message": {"role": "assistant", "content": content},
        "done": done,
    }


def _counts(chat: Chat, started_ns: int) -> Json:
    total_ns = time.perf_counter_ns() - started_ns
    return {
        "total_duration": total_ns,
        "load_duration": total_ns // 10,
        "prompt_eval_count": sum(len(_TOKEN.findall(message["content"])) for message in chat.messages),
        "prompt_eval_duration": total_ns // 10,
        "eval_count": chat.sent,
        "eval_duration": total_ns * 8 // 10,
    }


def _tag(name: str) -> Json:
    family = name.partition(":")[0]
    details = {
        "parent_model": "",
        "format": "gguf",
        "family": family,
        "families": [family],
        "parameter_size": "3.2B",
        "quantization_level": "Q4_K_M",
    }
    return {
        "name": name,
        "model": name,
        "modified_at": _now(),
        "size": 2_019_393_189,
        "digest": "a" * 64,
        "details": details,
    }


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description="A small stand-in for Ollama.")
    parser.add_argument("--port", type=int, default=11434)
    parser.add_argument("--model", action="append", default=None, help="a model it holds; may be repeated")
    parser.add_argument("--first-token-s", type=float, default=0.2)
    parser.add_argument("--token-s", type=float, default=0.03)
    asked = parser.parse_args()
    script = Script(first_token_s=asked.first_token_s, token_s=asked.token_s)
    models = tuple(asked.model or ("llama3.2:latest",))
    with LittleOllama(models=models, default=script, port=asked.port) as server:
        print(f"listening on {server.url}, holding {', '.join(models)}", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


if __name__ == "__main__":
    main()
