"""Health comes from the parts: each tells of itself, under a deadline, so that asking never hangs.

Knows whom to ask; refuses to judge by anything but their own words.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

from api.limits import OpenStreams
from graphs.studio import Studio
from songwright.errors import SongwrightError
from storage.cache import Cache

PART_DEADLINE_S = 3.0

Account = dict[str, Any]


async def accounts(studio: Studio, cache: Cache, streams: OpenStreams) -> dict[str, Account]:
    """What every part says of itself, `answers` among it."""
    workshop = studio.workshop
    database, kept, vectors, models = await asyncio.gather(
        _asked(studio.database.ping()),
        _asked(cache.ping()),
        _asked(workshop.vectors.ping()),
        _asked(workshop.models.state()),
    )
    return {
        "database": database,
        "cache": kept,
        "vectors": vectors,
        "models": models,
        "embedder": {"answers": True, "is_warm": workshop.embedder.is_warm},
        "streams": {"answers": True, "open": streams.count},
    }


async def _asked(account: Awaitable[Account]) -> Account:
    try:
        async with asyncio.timeout(PART_DEADLINE_S):
            told = await account
    except TimeoutError:
        return {"answers": False, "error": f"No answer within {PART_DEADLINE_S:.0f} s."}
    except SongwrightError as error:
        return {"answers": False, "error": error.detail}
    return {"answers": True, **told}


def away(parts: dict[str, Account]) -> list[str]:
    """The names of the parts that do not answer."""
    return [name for name, account in parts.items() if not account["answers"]]
