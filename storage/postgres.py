"""PostgreSQL: an async pool for reads, and a few writer lanes that commit all that waits at once.

A lane keeps the order of its writes. Refuses to know what is read and written.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from zlib import crc32

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from songwright.settings import DatabaseSettings
from storage.groups import GROUP_LIMIT, Outcome, Unit, Waiting, settle

T = TypeVar("T")

POSTGRES_LANES = 4
CLOSING_S = 10.0  # that a writer gets to end what it began
REST_S = 1.0  # a connection that was used since is taken to be alive


class _Lane:
    """One writer's connection, held between its transactions; looked at before use where it has rested."""

    def __init__(self, engine: AsyncEngine, recycle_s: float) -> None:
        self._engine = engine
        self._recycle_s = recycle_s
        self._connection: AsyncConnection | None = None
        self._opened_at = self._used_at = 0.0

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction; a connection that broke is let go, and the next transaction opens another."""
        at = time.monotonic()
        if self._connection is not None and (
            at - self._used_at > REST_S or at - self._opened_at > self._recycle_s or self._connection.closed
        ):
            await self.close()  # the pool pings what it hands out next
        if self._connection is None:
            self._connection = await self._engine.connect()
            self._opened_at = at
        try:
            async with self._connection.begin():
                yield self._connection
        except DBAPIError as error:
            if error.connection_invalidated:
                await self.close()
            raise
        self._used_at = time.monotonic()

    async def close(self) -> None:
        """Give the connection back to the pool."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


class Postgres:
    """An async pool for reads and a few writer lanes; a lane keeps the order of its writes."""

    dialect = "postgresql"

    def __init__(self, url: str, settings: DatabaseSettings) -> None:
        self._deadline_s = settings.read_deadline_s
        self.engine: AsyncEngine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            pool_size=settings.pool_size,
            max_overflow=settings.max_overflow,
            pool_recycle=settings.pool_recycle_s,
            pool_pre_ping=True,
            pool_timeout=settings.read_deadline_s,
            hide_parameters=True,  # they hold prompts and lyrics, and errors are logged
            connect_args={
                "timeout": settings.read_deadline_s,
                "command_timeout": settings.write_deadline_s,
                "server_settings": {"lock_timeout": f"{int(settings.write_deadline_s * 1000)}"},
            },
        )
        self._queues: list[asyncio.Queue[Waiting | None]] = [asyncio.Queue() for _ in range(POSTGRES_LANES)]
        self._lanes = [
            asyncio.create_task(self._write_forever(q, _Lane(self.engine, settings.pool_recycle_s)))
            for q in self._queues
        ]

    async def _write_forever(self, waiting: "asyncio.Queue[Waiting | None]", lane: "_Lane") -> None:
        while (first := await waiting.get()) is not None:
            group = [first]
            is_last = False
            while len(group) < GROUP_LIMIT and not waiting.empty() and not is_last:
                item = waiting.get_nowait()
                if item is None:
                    is_last = True
                else:
                    group.append(item)
            settle(group, await self._commit([item.unit for item in group], lane))
            if is_last:
                break
        await lane.close()

    async def _commit(self, units: Sequence[Unit[Any]], lane: "_Lane") -> list[Outcome]:
        try:
            async with lane.transaction() as connection:
                values = await connection.run_sync(lambda c: [unit(c) for unit in units])
            return [Outcome(value=value) for value in values]
        except Exception as error:  # noqa: BLE001  # the writer's boundary: whoever waits gets the failure
            if len(units) == 1 or (isinstance(error, DBAPIError) and error.connection_invalidated):
                # A connection that broke may have broken after the commit: to run the units again could double them.
                return [Outcome(error=error)] * len(units)
            return [(await self._commit([unit], lane))[0] for unit in units]

    def submit(self, unit: Unit[T], lane: str) -> "asyncio.Future[T]":
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queues[crc32(lane.encode()) % POSTGRES_LANES].put_nowait(Waiting(unit, done))
        return done

    async def read(self, query: Unit[T]) -> T:
        async with asyncio.timeout(self._deadline_s), self.engine.connect() as connection:
            return await connection.run_sync(query)

    def waiting(self) -> int:
        return sum(q.qsize() for q in self._queues)

    def pool_state(self) -> dict[str, int]:
        pool: Any = self.engine.pool
        return {
            "size": pool.size(),
            "in_use": pool.checkedout(),
            "overflow": max(0, pool.overflow()),
            "waiting_writes": self.waiting(),
        }

    async def close(self) -> None:
        for waiting in self._queues:
            waiting.put_nowait(None)
        _, hanging = await asyncio.wait(self._lanes, timeout=CLOSING_S)
        for lane in hanging:
            lane.cancel()
        await self.engine.dispose()
