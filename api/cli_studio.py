"""A Studio for one command, in this process. Its imports cost seconds, so only a command that needs it loads this."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from api.delivery import ordered
from api.door import Event, Kind, checked
from graphs import coordinator
from graphs.studio import Studio
from graphs.workshop import equip
from songwright.settings import Settings
from storage import runs


@asynccontextmanager
async def open_studio_door(settings: Settings) -> AsyncGenerator["StudioDoor"]:
    """Open the home for as long as the command lasts. Raises Conflict where another process holds it."""
    recipes = {coordinator.NAME: coordinator.recipe(settings.agents)}
    async with Studio.open(settings, equip=equip, recipes=recipes) as studio:
        yield StudioDoor(studio)


class StudioDoor:
    """A Studio of this process; see `api.door.Door`."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._user_id = studio.local_user_id

    async def start(self, kind: Kind, body: dict[str, Any]) -> str:
        """See `Door`."""
        order = await ordered(kind, checked(kind, body), studio=self._studio, user_id=self._user_id, key=None)
        run = await self._studio.start(replace(order, origin="cli"))
        return run.id

    async def follow(self, run_id: str, *, after: int) -> AsyncIterator[Event]:
        """See `Door`."""
        async for seq, kind, data in self._studio.follow(run_id, after=after):
            yield seq, kind, json.loads(data)

    async def resume(self, run_id: str, answer: dict[str, Any]) -> None:
        """See `Door`."""
        await self._studio.resume(run_id, self._user_id, answer)

    async def cancel(self, run_id: str) -> None:
        """See `Door`."""
        await self._studio.cancel(run_id, self._user_id)

    async def runs(self, *, limit: int) -> list[dict[str, Any]]:
        """See `Door`."""
        listed = await self._studio.database.read(partial(runs.listed, user_id=self._user_id, limit=limit))
        return [
            run.model_dump(mode="json", include={"id", "kind", "status", "preview", "created_at"}) for run in listed
        ]
