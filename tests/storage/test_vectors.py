"""Track vectors in a real Chroma folder, and the embedder with its real weights."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from songwright.catalogue import seed_vectors
from songwright.errors import Unavailable
from storage.embeddings import MODEL, MiniLM
from storage.vectors import TrackVectors


def _unit(seed: int, count: int) -> NDArray[np.float32]:
    vectors = np.random.default_rng(seed).normal(size=(count, 384)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
async def vectors(tmp_path: Path) -> AsyncGenerator[TrackVectors]:
    store = TrackVectors(path=tmp_path / "chroma", embedder=MODEL)
    yield store
    await store.aclose()


async def test_the_nearest_tracks_are_those_of_an_exact_search(vectors: TrackVectors) -> None:
    ids, seeds, digest = seed_vectors()
    assert await vectors.sync("seed", ids, seeds, digest)
    query = seeds[17]
    exact = [ids[index] for index in map(int, np.argsort(-(seeds @ query))[:20])]
    found = await vectors.nearest(query, name="seed", count=20)
    assert next(iter(found)) == ids[17]
    assert found[ids[17]] == pytest.approx(1, abs=1e-3)
    assert len(set(exact) & found.keys()) >= 19
    assert all(-1 <= cosine <= 1 for cosine in found.values())


async def test_a_second_sync_of_the_same_edition_does_nothing(vectors: TrackVectors) -> None:
    ids, rows = ["a", "b", "c"], _unit(1, 3)
    assert await vectors.sync("mine", ids, rows, "one")
    assert not await vectors.sync("mine", ids, rows, "one")


async def test_a_new_edition_replaces_the_old_rows(vectors: TrackVectors) -> None:
    await vectors.sync("mine", ["a", "b"], _unit(1, 2), "one")
    newer = _unit(2, 2)
    assert await vectors.sync("mine", ["b", "c"], newer, "two")
    found = await vectors.nearest(newer[0], name="mine", count=10)
    assert set(found) == {"b", "c"}
    assert found["b"] == pytest.approx(1, abs=1e-3)


async def test_catalogues_are_searched_apart_or_together(vectors: TrackVectors) -> None:
    rows = _unit(3, 4)
    await vectors.sync("one", ["a", "b"], rows[:2], "d")
    await vectors.sync("two", ["c", "d"], rows[2:], "d")
    assert set(await vectors.nearest(rows[0], name="two", count=9)) == {"c", "d"}
    assert set(await vectors.nearest(rows[0], name=None, count=9)) == {"a", "b", "c", "d"}
    assert await vectors.nearest(rows[0], name="three", count=9) == {}
    assert await vectors.nearest(rows[0], name=None, count=0) == {}


async def test_what_was_stored_outlives_the_process(tmp_path: Path) -> None:
    rows = _unit(4, 2)
    first = TrackVectors(path=tmp_path / "chroma", embedder=MODEL)
    await first.sync("mine", ["a", "b"], rows, "one")
    await first.aclose()
    second = TrackVectors(path=tmp_path / "chroma", embedder=MODEL)
    assert not await second.sync("mine", ["a", "b"], rows, "one")
    assert set(await second.nearest(rows[0], name="mine", count=2)) == {"a", "b"}
    await second.aclose()


async def test_vectors_of_other_weights_never_meet(tmp_path: Path) -> None:
    mine, other = (TrackVectors(path=tmp_path / "chroma", embedder=name) for name in (MODEL, "another"))
    rows = _unit(5, 1)
    await mine.sync("mine", ["a"], rows, "one")
    assert mine.collection_name != other.collection_name
    assert await other.nearest(rows[0], name=None, count=3) == {}
    await mine.aclose()
    await other.aclose()


async def test_many_rows_go_in_batches(vectors: TrackVectors) -> None:
    rows = _unit(6, 6000)
    assert await vectors.sync("large", [str(index) for index in range(6000)], rows, "one")
    assert (await vectors.ping())["vectors"] == 6000


async def test_a_folder_that_is_a_file_is_told_as_unavailable(tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("not a folder")
    store = TrackVectors(path=blocked, embedder=MODEL)
    with pytest.raises(Unavailable, match="Chroma does not answer"):
        await store.nearest(_unit(1, 1)[0], name=None, count=1)
    state = await store.ping()
    assert state["answers"] is False
    assert "Chroma" in state["error"]


async def test_a_server_that_is_away_is_told_as_unavailable() -> None:
    store = TrackVectors(url="http://127.0.0.1:9", embedder=MODEL)
    with pytest.raises(Unavailable, match="Chroma"):
        await store.nearest(_unit(1, 1)[0], name=None, count=1)


class _Proxy(BaseHTTPRequestHandler):
    """A gateway that has lost its Chroma."""

    def do_GET(self) -> None:
        self.send_response(502)
        self.end_headers()
        self.wfile.write(b"bad gateway")

    do_POST = do_GET  # noqa: N815  # named by the standard library

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return None


async def test_an_answer_that_is_not_chromas_is_told_as_unavailable() -> None:
    server = HTTPServer(("127.0.0.1", 0), _Proxy)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        store = TrackVectors(url=f"http://127.0.0.1:{server.server_port}", embedder=MODEL)
        with pytest.raises(Unavailable, match="bad gateway"):
            await store.nearest(_unit(1, 1)[0], name=None, count=1)
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


async def test_vectors_of_the_wrong_size_are_told_as_unavailable(vectors: TrackVectors) -> None:
    await vectors.sync("mine", ["a"], _unit(1, 1), "one")
    with pytest.raises(Unavailable):
        await vectors.nearest(np.ones(5, dtype=np.float32), name=None, count=1)


def test_a_store_is_in_a_folder_or_at_a_url(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only one"):
        TrackVectors(embedder=MODEL)
    with pytest.raises(ValueError, match="only one"):
        TrackVectors(path=tmp_path, url="http://localhost:8000", embedder=MODEL)


async def test_ids_and_vectors_must_be_as_many(vectors: TrackVectors) -> None:
    with pytest.raises(ValueError, match="2 ids for 1"):
        await vectors.sync("mine", ["a", "b"], _unit(1, 1), "one")


async def test_the_embedder_gives_unit_vectors_in_which_kin_are_near() -> None:
    embedder = MiniLM()
    assert not embedder.is_warm
    calm, still, angry = await embedder.encode(["calm and peaceful", "quiet and serene", "furious rage"])
    assert embedder.is_warm
    assert np.linalg.norm(calm) == pytest.approx(1, abs=1e-5)
    assert calm.dtype == np.float32
    assert calm @ still > calm @ angry
    once, again = await asyncio.gather(embedder.encode(["one text"]), embedder.encode(["one text"]))
    assert np.array_equal(once, again)
    again[:] = 0  # a caller's change must not reach what is remembered
    assert np.linalg.norm((await embedder.encode(["one text"]))[0]) == pytest.approx(1, abs=1e-5)
    assert (await embedder.encode([])).shape == (0, 384)
    await embedder.aclose()
    assert not embedder.is_warm
