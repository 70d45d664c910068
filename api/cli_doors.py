"""The two ways a command reaches a Studio: its own, in this process, or that of a running server over HTTP.

Both start, follow, answer, cancel and list runs alike. Refuses to know how anything is shown.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import httpx

from api.door import Door, Event, Kind
from api.server_note import ServerNote, read_note
from songwright.errors import Conflict, NotFound, Overworked, SongwrightError, Unavailable, Unfit
from songwright.settings import Settings

RETRIES = 6  # of a stream that breaks off
SERVER_TIMEOUT_S = 30.0  # for an answer's start, and between two signs of life of a stream


@asynccontextmanager
async def open_door(settings: Settings) -> AsyncGenerator[Door]:
    """A door to the home's own server where one runs, otherwise a Studio opened for this command.

    Raises Conflict where another process holds the home and is no server.
    """
    note = read_note(settings) if settings.is_embedded else None
    if note is not None and await _answers(note):
        async with _server(note) as client:
            yield ServerDoor(client)
        return
    # A Studio brings LangGraph and the models' libraries, seconds of imports that a server spares.
    async with import_module("api.cli_studio").open_studio_door(settings) as door:
        yield door


def _server(note: ServerNote) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=note.url, timeout=SERVER_TIMEOUT_S, trust_env=False)


async def _answers(note: ServerNote) -> bool:
    try:
        async with _server(note) as client:
            return (await client.get("/health/live", timeout=3)).is_success
    except httpx.HTTPError:
        return False


class ServerDoor:
    """A running server, over HTTP."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def start(self, kind: Kind, body: dict[str, Any]) -> str:
        """See `Door`."""
        answer = await self._ask("POST", f"/{kind}", json=body, headers={"Prefer": "respond-async"})
        return str(answer["run_id"])

    async def follow(self, run_id: str, *, after: int) -> AsyncIterator[Event]:
        """See `Door`. A stream that breaks off is taken up again after the last event."""
        tries, last, closing = 0, after, ""
        while not closing:
            try:
                async for event in self._stream(run_id, last):
                    last, tries = event[0], 0
                    closing = event[1] if event[1] in ("run_finished", "run_failed", "interrupted") else ""
                    yield event
            except httpx.TransportError as error:
                tries += 1
                if tries > RETRIES:
                    raise Unavailable(
                        "The server went away; `songwright runs` shows what became of the run."
                    ) from error
                await asyncio.sleep(min(0.25 * 2**tries, 5.0))
            else:
                if not closing:
                    tries += 1
                    if tries > RETRIES:
                        raise Unavailable("The server ends the stream before the run has ended; look at its log.")

    async def _stream(self, run_id: str, after: int) -> AsyncIterator[Event]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": str(after)} if after else {})
        async with self._client.stream("GET", f"/runs/{run_id}/events", headers=headers) as response:
            if not response.is_success:
                await response.aread()
                raise _error_of(response)
            frame: dict[str, str] = {}
            async for line in response.aiter_lines():
                field, _, value = line.partition(":")
                if line and field:
                    frame[field] = value.removeprefix(" ")
                    continue
                if not line and "data" in frame and int(frame.get("id", "0")) > after:
                    yield int(frame["id"]), frame["event"], json.loads(frame["data"])
                frame = {} if not line else frame

    async def resume(self, run_id: str, answer: dict[str, Any]) -> None:
        """See `Door`."""
        await self._ask("POST", f"/runs/{run_id}/resume", json={"value": answer}, headers={"Prefer": "respond-async"})

    async def cancel(self, run_id: str) -> None:
        """See `Door`."""
        await self._ask("POST", f"/runs/{run_id}/cancel")

    async def runs(self, *, limit: int) -> list[dict[str, Any]]:
        """See `Door`."""
        return (await self._ask("GET", "/runs", params={"limit": limit}))["items"]

    async def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        try:
            response = await self._client.request(method, path, **more)
        except httpx.TransportError as error:
            raise Unavailable(f"The server at {self._client.base_url} does not answer; start it again.") from error
        if not response.is_success:
            raise _error_of(response)
        return response.json()


def _error_of(response: httpx.Response) -> SongwrightError:
    """The family's error that the server's problem stands for."""
    family: dict[int, type[SongwrightError]] = {404: NotFound, 409: Conflict, 422: Unfit, 503: Overworked}
    try:
        problem: dict[str, Any] = response.json()
    except ValueError:
        problem = {}
    detail = str(problem.get("detail") or f"The server answered {response.status_code}.")
    return family.get(response.status_code, SongwrightError)(detail)
