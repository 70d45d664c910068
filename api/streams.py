"""Event streams (WHATWG server-sent events) that notice at once when their client goes away.

Knows frames, heartbeats and disconnects; refuses to know what the events mean.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, TypeVar, cast

import orjson
from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from api.limits import OpenStreams
from api.negotiation import EVENTS
from songwright.errors import SongwrightError, problem_json
from storage.runs import Event

T = TypeVar("T")
Farewell = Callable[[], Awaitable[object]]

_HEARTBEAT = b": heartbeat\n\n"
_STREAM_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


async def while_here(
    receive: Receive, work: Coroutine[Any, Any, T], *, closing: asyncio.Event
) -> tuple[T | None, bool]:
    """The value of `work`, or None where the client left or the server closes first; True where the client left.

    The work is cancelled where nobody waits for it any more.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_departure(receive))
    ending = asyncio.ensure_future(closing.wait())
    racing: list[asyncio.Future[Any]] = [working, leaving, ending]
    try:
        await asyncio.wait(racing, return_when=asyncio.FIRST_COMPLETED)
        return (working.result(), False) if working.done() else (None, leaving.done())
    finally:
        for task in racing:
            task.cancel()
        await asyncio.gather(*racing, return_exceptions=True)


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class EventStream(StreamingResponse):
    """A run's events as they are committed: `id` is the event's number, `event` its type, `data` the stored JSON."""

    media_type = EVENTS

    def __init__(
        self,
        events: AsyncIterator[Event],
        *,
        streams: OpenStreams,
        heartbeat_s: float,
        instance: str,
        headers: Mapping[str, str],
        on_gone: Farewell | None = None,
    ) -> None:
        super().__init__(_frames(events, instance), headers={**headers, **_STREAM_HEADERS})
        self._streams = streams
        self._heartbeat_s = heartbeat_s
        self._on_gone = on_gone
        self._sent_at = time.monotonic()
        self._has_started = self._has_ended = False

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._streams.one():
            _, has_left = await while_here(receive, self.stream_response(send), closing=self._streams.closing)
        if has_left and self._on_gone is not None:
            await self._on_gone()
        elif self._has_started and not self._has_ended:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    @override
    async def stream_response(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        self._has_started = True
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(self._beat(send))
            async with aclosing(cast("AsyncGenerator[bytes]", self.body_iterator)) as frames:
                async for frame in frames:
                    self._sent_at = time.monotonic()
                    await send({"type": "http.response.body", "body": frame, "more_body": True})
                    await asyncio.sleep(
                        0
                    )  # a long replay lets others have their turn, and notices a client that left
            beating.cancel()
        self._has_ended = True
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _beat(self, send: Send) -> None:
        """Send a comment whenever nothing else was sent for a while, so that no proxy gives the stream up."""
        while True:
            idle_s = time.monotonic() - self._sent_at
            if idle_s >= self._heartbeat_s:
                self._sent_at, idle_s = time.monotonic(), 0.0
                await send({"type": "http.response.body", "body": _HEARTBEAT, "more_body": True})
            await asyncio.sleep(self._heartbeat_s - idle_s)


async def _frames(events: AsyncIterator[Event], instance: str) -> AsyncGenerator[bytes]:
    async with aclosing(cast("AsyncGenerator[Event]", events)) as opened:
        try:
            async for seq, kind, stored in opened:
                yield format_sse_event(data_str=stored, event=kind, id=str(seq))
        except SongwrightError as error:  # the headers are gone: the problem itself is the last event, unnumbered
            told = orjson.dumps(problem_json(error, instance=instance)).decode()
            yield format_sse_event(data_str=told, event="problem")
