"""Builds the parts of one process that every run shares, and closes them in the right order."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial

from agents.models import Models
from graphs.state import RunContext, Workshop
from songwright.settings import Settings, settings_from_environment
from storage import runs, schema
from storage.cache import Cache
from storage.catalogue import Catalogues
from storage.database import Database
from storage.embeddings import MODEL, MiniLM
from storage.vectors import TrackVectors

_alone: list[tuple[RunContext, AsyncExitStack]] = []  # the stack is kept so that nothing closes
_opening = asyncio.Lock()


async def lone_context() -> RunContext:
    """A context for a graph that runs without Studio, opened once and kept for the life of the process.

    It keeps its rows in a folder of its own under the home, which a running server does not hold.
    """
    async with _opening:
        if not _alone:
            settings = settings_from_environment()
            settings = settings.model_copy(update={"home": settings.home / "langgraph"})
            settings.home.mkdir(parents=True, exist_ok=True)
            if settings.is_embedded:
                await schema.upgrade(settings)
            stack = AsyncExitStack()
            database = await stack.enter_async_context(Database.open(settings))
            user_id = await database.write(partial(runs.ensure_user, name=runs.LOCAL_USER))
            _alone.append((RunContext(await equip(settings, database, stack), user_id), stack))
    return _alone[0][0]


async def equip(settings: Settings, database: Database, stack: AsyncExitStack) -> Workshop:
    """Models, catalogue and embedder over one database; each loads what is heavy when it is first needed."""
    models = Models(settings)
    stack.push_async_callback(models.aclose)
    embedder = MiniLM()
    stack.push_async_callback(embedder.aclose)
    url = settings.chroma.url
    vectors = TrackVectors(path=None if url else settings.home / "chroma", url=url, embedder=MODEL)
    stack.push_async_callback(vectors.aclose)
    cache = Cache(settings)
    stack.push_async_callback(cache.aclose)
    catalogues = Catalogues(database, vectors)
    await catalogues.plant_seed()
    return Workshop(
        models=models,
        catalogue=catalogues,
        embedder=embedder,
        vectors=vectors,
        database=database,
        cache=cache,
        agents=settings.agents,
        mood_ttl_s=settings.cache.mood_ttl_s,
    )
