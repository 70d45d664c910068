"""What an agent may reach for while it does one step: a voice, a place to report, the catalogue, kept songs.

Agents know songs; they get this and domain types, and never see graph state, databases or HTTP.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from agents.models import Voice
from songwright.progress import Progress
from songwright.song import KeptSong, Track


class Catalogue(Protocol):
    """Tracks by id and by nearness of meaning; `storage.catalogue` keeps them."""

    async def tracks(self, name: str | None) -> Sequence[Track]:
        """Every track of the named catalogue, or of all; raises NotFound for a name that is not there."""
        ...

    async def nearest(self, vector: NDArray[np.float32], *, name: str | None, count: int) -> dict[str, float]:
        """Track id → cosine similarity in -1..1 of the `count` nearest; empty where vectors are away."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why nearness was missing at the last search, if it was."""
        ...


class Embedder(Protocol):
    """Sentences to unit vectors of 384 numbers."""

    async def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape (len(texts), 384), rows of length 1. Loads the weights at first use, off the event loop."""
        ...

    @property
    def is_warm(self) -> bool:
        """True once the weights are loaded."""
        ...


class Memory(Protocol):
    """Answers worth keeping for a while; a miss is never an error."""

    async def get(self, key: str) -> bytes | None:
        """What was set under the key, while its time lasts."""
        ...

    async def set(self, key: str, value: bytes, *, ttl_s: float) -> None:
        """Remember a value for so many seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Kit:
    """One step's tools. `report` sends progress to whoever follows the run; it never blocks."""

    voice: Voice
    report: Callable[[Progress], None]
    catalogue: Catalogue
    embedder: Embedder
    kept_songs: Callable[[str], Awaitable[tuple[KeptSong, ...]]]  # the user's songs that resemble a text
    recently_served: Callable[[], Awaitable[frozenset[str]]]  # ids of tracks in the user's last playlists
    memory: Memory | None = None
    mood_ttl_s: float = 0.0  # how long a model's reading of a mood is remembered
