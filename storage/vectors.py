"""Track vectors in Chroma, embedded in a folder or at a server, and the tracks nearest to a vector.

Knows collections, batches, deadlines and Chroma's failures; refuses to know tracks beyond their ids.
"""

import asyncio
import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import httpx
import numpy as np
from numpy.typing import NDArray

from songwright.errors import Unavailable

T = TypeVar("T")

_BATCH = 5000  # records a call; Chroma takes 5,461 at most
_ADD_PER_S = 100  # records a loaded machine adds in a second at the least: the deadline of a batch


class TrackVectors:
    """One collection of vectors for all catalogues, in the space of one embedder.

    A folder has one writing process; a URL names a Chroma server (keep its port internal: CVE-2026-45829).
    Importing chromadb takes a second, so nothing of it is touched before the first call.
    """

    def __init__(
        self, *, path: Path | None = None, url: str | None = None, embedder: str, timeout_s: float = 5.0
    ) -> None:
        if (path is None) == (url is None):
            raise ValueError("Track vectors need a folder or a URL, and only one of them.")
        self._path = path
        self._url = url
        self._embedder = embedder
        self._timeout_s = timeout_s
        self._client: Any = None
        self._lock = threading.Lock()

    @property
    def collection_name(self) -> str:
        """`tracks-` and twelve digits of the embedder's digest: other weights never meet these vectors."""
        return f"tracks-{hashlib.sha256(self._embedder.encode()).hexdigest()[:12]}"

    async def sync(self, catalogue: str, ids: Sequence[str], vectors: NDArray[np.float32], digest: str) -> bool:
        """Make the stored vectors of a catalogue those given; False where this digest was already stored.

        The digest is noted last, so that an interrupted sync is taken up again by the next.

        Raises:
            Unavailable: Chroma is away or refuses.
            ValueError: there are not as many ids as vectors.
        """
        if len(ids) != len(vectors):
            raise ValueError(f"There are {len(ids)} ids for {len(vectors)} vectors.")
        deadline_s = self._timeout_s + len(ids) / _ADD_PER_S
        return await self._ask(lambda: self._sync(catalogue, list(ids), vectors, digest), deadline_s)

    async def nearest(self, vector: NDArray[np.float32], *, name: str | None, count: int) -> dict[str, float]:
        """Track id → cosine in -1..1 of the `count` nearest, in one catalogue or, with None, in all.

        Raises:
            Unavailable: Chroma is away or refuses.
        """
        if count < 1:
            return {}
        return await self._ask(lambda: self._nearest(vector, name, count), self._timeout_s)

    async def ping(self) -> dict[str, Any]:
        """What health tells: where Chroma is, whether it answers, how many vectors it holds."""
        started = time.perf_counter()
        state: dict[str, Any] = {"kind": "server" if self._url else "embedded", "collection": self.collection_name}
        try:
            vectors = await self._ask(lambda: self._collection().count(), self._timeout_s)
        except Unavailable as away:
            return {**state, "answers": False, "error": away.detail}
        return {
            **state,
            "answers": True,
            "vectors": int(vectors),
            "latency_ms": round(1000 * (time.perf_counter() - started), 1),
        }

    async def aclose(self) -> None:
        """Let go of the folder or the connection; a later call opens it again."""
        client, self._client = self._client, None
        if client is not None:
            await asyncio.to_thread(client.close)

    async def _ask(self, question: Callable[[], T], deadline_s: float) -> T:
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.to_thread(self._guarded, question)
        except TimeoutError as late:
            raise Unavailable(f"Chroma gave no answer within {deadline_s:.0f} s; try again later.") from late

    def _guarded(self, question: Callable[[], T]) -> T:
        with _ChromaFailures():
            return question()

    def _collection(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            client = self._client
        return client.get_or_create_collection(
            self.collection_name,
            embedding_function=None,  # the default one downloads a model
            configuration={"hnsw": {"space": "cosine", "ef_search": 200}},
        )

    def _connect(self) -> Any:
        import chromadb  # noqa: PLC0415  # costs a second
        from chromadb.config import Settings  # noqa: PLC0415

        settings = Settings(anonymized_telemetry=False)
        if self._path is not None:
            self._path.mkdir(parents=True, exist_ok=True)
            return chromadb.PersistentClient(self._path, settings=settings)
        parts = urlsplit(cast("str", self._url))
        is_secure = parts.scheme == "https"
        return chromadb.HttpClient(
            parts.hostname or "localhost",
            parts.port or (443 if is_secure else 8000),
            ssl=is_secure,
            settings=settings,
        )

    def _sync(self, catalogue: str, ids: list[str], vectors: NDArray[np.float32], digest: str) -> bool:
        collection = self._collection()
        noted: dict[str, Any] = dict(collection.metadata or {})
        if noted.get(_note(catalogue)) == digest:
            return False
        for at in range(0, len(ids), _BATCH):
            batch = ids[at : at + _BATCH]
            collection.upsert(
                ids=[f"{catalogue}/{track}" for track in batch],
                embeddings=np.ascontiguousarray(vectors[at : at + _BATCH], dtype=np.float32),
                metadatas=[{"catalogue": catalogue, "track": track, "digest": digest} for track in batch],
            )
        collection.delete(where={"$and": [{"catalogue": catalogue}, {"digest": {"$ne": digest}}]})
        collection.modify(metadata={**noted, _note(catalogue): digest})
        return True

    def _nearest(self, vector: NDArray[np.float32], name: str | None, count: int) -> dict[str, float]:
        answer = self._collection().query(
            query_embeddings=np.asarray(vector, dtype=np.float32).reshape(1, -1),
            n_results=count,
            where=None if name is None else {"catalogue": name},
            include=["distances", "metadatas"],
        )
        found: dict[str, float] = {}
        for row, distance in zip(answer["metadatas"][0], answer["distances"][0], strict=True):
            track = str(row["track"])
            found[track] = max(found.get(track, -1.0), min(1.0, 1.0 - float(distance)))
        return found


class _ChromaFailures:
    """Turns what chromadb 1.5 raises into Unavailable.

    Its client wraps a failed connection in ValueError, its bindings raise ChromaError, and an answer that is not
    Chroma's own (a proxy's 502) arrives as a bare `Exception`, which is told by its exact type.
    """

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None or failure is None:
            return
        from chromadb.errors import ChromaError  # noqa: PLC0415  # already imported by the call that failed

        expected = (ChromaError, httpx.HTTPError, ValueError, OSError)
        if kind is Exception or isinstance(failure, expected):
            raise Unavailable(f"Chroma does not answer as it should ({failure}); check where it runs.") from failure


def _note(catalogue: str) -> str:
    return f"digest:{catalogue}"
