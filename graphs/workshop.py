"""Builds the parts of one process that every run shares, and closes them in the right order."""

from contextlib import AsyncExitStack

from agents.models import Models
from graphs.state import Workshop
from songwright.settings import Settings
from storage.catalogue import Catalogues
from storage.database import Database
from storage.embeddings import MODEL, MiniLM
from storage.vectors import TrackVectors


async def equip(settings: Settings, database: Database, stack: AsyncExitStack) -> Workshop:
    """Models, catalogue and embedder over one database; each loads what is heavy when it is first needed."""
    models = Models(settings)
    stack.push_async_callback(models.aclose)
    embedder = MiniLM()
    stack.push_async_callback(embedder.aclose)
    url = settings.chroma.url
    vectors = TrackVectors(path=None if url else settings.home / "chroma", url=url, embedder=MODEL)
    stack.push_async_callback(vectors.aclose)
    catalogues = Catalogues(database, vectors)
    await catalogues.plant_seed()
    return Workshop(
        models=models,
        catalogue=catalogues,
        embedder=embedder,
        vectors=vectors,
        database=database,
        agents=settings.agents,
    )
