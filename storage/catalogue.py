"""Catalogues of tracks: rows in the database, vectors in Chroma, the seed put in at start.

Tracks are read once per catalogue version and kept in memory; vectors are searched where they lie. Where Chroma
is away, nearness is simply missing, and `trouble` says so.
"""

import asyncio
from collections.abc import Sequence

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlmodel import SQLModel

from songwright.catalogue import SEED, seed_tracks, seed_vectors
from songwright.errors import NotFound, Unavailable
from songwright.song import Track as DomainTrack
from storage.database import Database
from storage.resources import Catalogue, Track
from storage.vectors import TrackVectors

CATALOGUE: Table = SQLModel.metadata.tables["catalogue"]
TRACK: Table = SQLModel.metadata.tables["track"]

log = structlog.get_logger()


def plant(connection: Connection, digest: str, tracks: Sequence[DomainTrack]) -> bool:
    """Put the seed catalogue into the database where it is missing or of another digest; True where it changed."""
    known = connection.execute(
        select(CATALOGUE.c.id, CATALOGUE.c.digest).where(CATALOGUE.c.user_id.is_(None), CATALOGUE.c.name == SEED)
    ).one_or_none()
    if known is not None and known.digest == digest:
        return False
    if known is None:
        row = Catalogue(name=SEED, digest=digest)
        connection.execute(insert(CATALOGUE).values(**row.model_dump()))
        catalogue_id = row.id
    else:
        catalogue_id = known.id
        connection.execute(delete(TRACK).where(TRACK.c.catalogue_id == catalogue_id))
        connection.execute(update(CATALOGUE).where(CATALOGUE.c.id == catalogue_id).values(digest=digest))
    connection.execute(
        insert(TRACK),
        [
            Track(
                catalogue_id=catalogue_id,
                external_id=track.id,
                title=track.title,
                artist=track.artist,
                year=track.year,
                genre=track.genre,
                valence=track.valence,
                energy=track.energy,
                tempo_bpm=track.tempo_bpm,
                key=track.key,
                mode=track.mode,
                instrumental=track.instrumental,
                tags=list(track.tags),
                source=track.source,
            ).model_dump()
            for track in tracks
        ],
    )
    return True


def all_tracks(connection: Connection, name: str | None) -> tuple[DomainTrack, ...]:
    """The tracks of one catalogue, or of all; raises NotFound for a name that is not there."""
    query = select(TRACK, CATALOGUE.c.name.label("catalogue_name")).join(
        CATALOGUE, CATALOGUE.c.id == TRACK.c.catalogue_id
    )
    if name is not None:
        known = list(connection.execute(select(CATALOGUE.c.name).distinct()).scalars())
        if name not in known:
            raise NotFound(f"There is no catalogue {name!r}; there are {', '.join(map(repr, known))}.")
        query = query.where(CATALOGUE.c.name == name)
    return tuple(
        DomainTrack(
            id=row.external_id,
            catalogue=row.catalogue_name,
            title=row.title,
            artist=row.artist,
            year=row.year,
            genre=row.genre,
            valence=row.valence,
            energy=row.energy,
            tempo_bpm=row.tempo_bpm,
            key=row.key,
            mode=row.mode,
            instrumental=row.instrumental,
            tags=tuple(row.tags or ()),
            source=row.source,
        )
        for row in connection.execute(query.order_by(TRACK.c.catalogue_id, TRACK.c.external_id))
    )


class Catalogues:
    """The catalogues of this process's database and vector store, as agents reach for them."""

    def __init__(self, database: Database, vectors: TrackVectors) -> None:
        self._database = database
        self._vectors = vectors
        self._tracks: dict[str | None, tuple[DomainTrack, ...]] = {}
        self._syncing = asyncio.Lock()
        self._is_synced = False
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why nearness was missing at the last search, if it was."""
        return self._trouble

    async def plant_seed(self) -> None:
        """Make sure that the shipped catalogue is in the database."""
        _, _, digest = await asyncio.to_thread(seed_vectors)
        await self._database.write(lambda connection: plant(connection, digest, seed_tracks()))

    async def tracks(self, name: str | None) -> Sequence[DomainTrack]:
        """Every track of the named catalogue, or of all; raises NotFound for a name that is not there."""
        if name not in self._tracks:
            self._tracks[name] = await self._database.read(lambda connection: all_tracks(connection, name))
        return self._tracks[name]

    async def nearest(self, vector: NDArray[np.float32], *, name: str | None, count: int) -> dict[str, float]:
        """Track id → cosine of the nearest; empty where vectors are away, and `trouble` then says why."""
        try:
            await self._sync()
            found = await self._vectors.nearest(vector, name=name, count=count)
        except Unavailable as error:
            log.warning("vectors_unavailable", reason=error.detail)
            self._trouble = error.detail
            return {}
        self._trouble = None
        return found

    async def _sync(self) -> None:
        async with self._syncing:
            if self._is_synced:
                return
            ids, vectors, digest = await asyncio.to_thread(seed_vectors)
            await self._vectors.sync(SEED, list(ids), vectors, digest)
            self._is_synced = True
