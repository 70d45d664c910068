"""Answers that are remembered for a while: in Redis where there is one, in this process's memory otherwise.

Losing Redis is survived: memory takes over, and Redis is asked again after a while. Knows bytes under keys; refuses
to know what they mean.
"""

import time
from collections import OrderedDict
from typing import Any

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from songwright.settings import Settings

RETRY_S = 10.0  # Redis that failed is left alone for this long
PREFIX = "songwright:"

log = structlog.get_logger()


class Cache:
    """Bytes by key, each with its time to live. A miss is never an error."""

    def __init__(self, settings: Settings) -> None:
        self._entries: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        self._most = settings.cache.memory_entries
        self._lost_until = 0.0
        self._redis: Redis | None = None
        if settings.redis.url is not None:
            self._redis = Redis.from_url(
                settings.redis.url.get_secret_value(),
                socket_timeout=settings.redis.timeout_s,
                socket_connect_timeout=settings.redis.timeout_s,
            )

    async def get(self, key: str) -> bytes | None:
        """What was set under the key, while its time lasts."""
        redis = self._reachable()
        if redis is not None:
            try:
                kept: Any = await redis.get(PREFIX + key)
            except (RedisError, OSError, TimeoutError) as error:
                self._lose(error)
            else:
                return kept  # bytes: nothing is decoded
        return self._from_memory(key)

    async def set(self, key: str, value: bytes, *, ttl_s: float) -> None:
        """Remember a value for so many seconds; with none it is not remembered at all."""
        if ttl_s <= 0:
            return
        redis = self._reachable()
        if redis is not None:
            try:
                await redis.set(PREFIX + key, value, px=max(1, int(ttl_s * 1000)))
            except (RedisError, OSError, TimeoutError) as error:
                self._lose(error)
            else:
                return
        self._entries[key] = (time.monotonic() + ttl_s, value)
        self._entries.move_to_end(key)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    async def ping(self) -> dict[str, Any]:
        """What health tells: where values are kept now, and whether Redis answers where one is configured."""
        if self._redis is None:
            return {"kind": "memory", "answers": True, "entries": len(self._entries)}
        began = time.monotonic()
        try:
            await self._redis.ping()
        except (RedisError, OSError, TimeoutError) as error:
            self._lose(error)
            return {"kind": "redis", "answers": False, "error": type(error).__name__, "stands_in": "memory"}
        self._lost_until = 0.0
        return {"kind": "redis", "answers": True, "latency_ms": round((time.monotonic() - began) * 1000, 1)}

    async def aclose(self) -> None:
        """Close the connections to Redis."""
        if self._redis is not None:
            await self._redis.aclose()

    def _reachable(self) -> Redis | None:
        return self._redis if time.monotonic() >= self._lost_until else None

    def _lose(self, error: Exception) -> None:
        if self._lost_until <= time.monotonic():
            log.warning("redis_lost", reason=type(error).__name__)
        self._lost_until = time.monotonic() + RETRY_S

    def _from_memory(self, key: str) -> bytes | None:
        until, value = self._entries.get(key, (0.0, b""))
        if until <= time.monotonic():
            self._entries.pop(key, None)
            return None
        self._entries.move_to_end(key)
        return value
