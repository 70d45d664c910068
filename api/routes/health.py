"""Whether the service lives, is ready for work, and how each of its parts is."""

import asyncio

from fastapi import APIRouter

from api.answers import Alive, Health, HealthInfo
from api.deps import CacheDep, StreamsDep, StudioDep
from api.health import PART_DEADLINE_S, accounts, away
from api.problems import described
from songwright import __version__
from songwright.errors import Unavailable

router = APIRouter(prefix="/health", tags=["Health"])


@router.get("", responses=described(503))
async def health(studio: StudioDep, cache: CacheDep, streams: StreamsDep) -> Health:
    """In one word: ok, or degraded where a part is away that can be done without. 503 without the database."""
    missing = away(await accounts(studio, cache, streams))
    if "database" in missing:
        raise Unavailable("The database is away; nothing can be kept, so no run is accepted.")
    return Health(status="degraded" if missing else "ok", version=__version__, away=missing)


@router.get("/live")
async def live() -> Alive:
    """The process answers."""
    return Alive()


@router.get("/ready", responses=described(503))
async def ready(studio: StudioDep, streams: StreamsDep) -> Alive:
    """Runs are accepted. 503 while the database is away or the server is closing."""
    if streams.closing.is_set():
        raise Unavailable("The server is closing.")
    try:
        async with asyncio.timeout(PART_DEADLINE_S):
            await studio.database.ping()
    except TimeoutError as error:
        raise Unavailable("The database does not answer; no run is accepted.") from error
    return Alive()


@router.get("/info")
async def info(studio: StudioDep, cache: CacheDep, streams: StreamsDep) -> HealthInfo:
    """Every part's own account of itself."""
    parts = await accounts(studio, cache, streams)
    missing = away(parts)
    return HealthInfo(status="degraded" if missing else "ok", version=__version__, away=missing, **parts)
