"""One door to the database: `read` and `write` take a plain function over a connection, on either engine.

SQLite has one writer thread whose queue commits all that waits in one transaction; PostgreSQL has a few writer
lanes over an async pool that do the same. Writes of one lane happen in the order they were submitted.
Refuses to know what is written; the other files of this room say that.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from zlib import crc32

import structlog
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, QueuePool

from songwright.errors import Overworked, SongwrightError, Unavailable
from songwright.settings import DatabaseSettings, Settings

T = TypeVar("T")
Unit = Callable[[Connection], T]

GROUP_LIMIT = 256  # units committed in one transaction at most
POSTGRES_LANES = 4
REST_S = 1.0  # a connection that was used since is taken to be alive
SQLITE_READERS = 4
PROGRESS_STEPS = 10_000  # SQLite virtual machine steps between looks at a read's deadline

log = structlog.get_logger()

__all__ = ["Connection", "Database", "DatabaseAway", "Unit", "reached"]


class DatabaseAway(Unavailable):
    """The database cannot be reached or did not answer in time."""


@dataclass(slots=True)
class _Waiting:
    unit: Unit[Any]
    done: "asyncio.Future[Any]"


def _settle(group: Sequence[_Waiting], outcomes: Sequence["_Outcome"]) -> None:
    for item, outcome in zip(group, outcomes, strict=True):
        if item.done.done():
            continue  # whoever waited was cancelled; the write stands all the same
        if outcome.error is not None:
            item.done.set_exception(outcome.error)
        else:
            item.done.set_result(outcome.value)


@dataclass(frozen=True, slots=True)
class _Outcome:
    value: Any = None
    error: Exception | None = None


def _run_group(begin: Callable[[], AbstractContextManager[Connection]], units: Sequence[Unit[Any]]) -> list[_Outcome]:
    """Run the units in one transaction; if one fails, run each in its own, so that a refusal hurts only itself."""
    try:
        with begin() as connection:
            values = [unit(connection) for unit in units]
        return [_Outcome(value=value) for value in values]
    except Exception as error:  # noqa: BLE001  # the writer's boundary: whoever waits gets the failure
        if len(units) == 1:
            return [_Outcome(error=error)]
        return [_run_group(begin, [unit])[0] for unit in units]


class _Engine(Protocol):
    dialect: str

    def submit(self, unit: Unit[T], lane: str) -> "asyncio.Future[T]": ...
    async def read(self, query: Unit[T]) -> T: ...
    def waiting(self) -> int: ...
    def pool_state(self) -> dict[str, int]: ...
    async def close(self) -> None: ...


def _prepare_sqlite(engine: Engine, *, busy_timeout_s: float, begin: str, query_only: bool) -> None:
    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy's begin event speaks instead of pysqlite
        for pragma in (
            f"busy_timeout = {int(busy_timeout_s * 1000)}",
            # Only the writer, before any reader is there: two that change the mode at once meet a lock at once.
            *(() if query_only else ("journal_mode = WAL",)),
            "synchronous = NORMAL",
            "foreign_keys = ON",
            f"query_only = {'ON' if query_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)


class _Sqlite:
    """One writer thread, a few reading threads, all on one file in WAL mode."""

    dialect = "sqlite"

    def __init__(self, path: str, settings: DatabaseSettings) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline_s = settings.read_deadline_s
        self._writing = create_engine(
            f"sqlite:///{path}", poolclass=NullPool, connect_args={"check_same_thread": False}
        )
        _prepare_sqlite(
            self._writing, busy_timeout_s=settings.busy_timeout_s, begin="BEGIN IMMEDIATE", query_only=False
        )
        self._reading = create_engine(
            f"sqlite:///{path}",
            poolclass=QueuePool,
            pool_size=SQLITE_READERS,
            max_overflow=0,
            connect_args={"check_same_thread": False},
        )
        _prepare_sqlite(self._reading, busy_timeout_s=settings.busy_timeout_s, begin="BEGIN", query_only=True)
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(SQLITE_READERS, thread_name_prefix="sqlite-reader")
        connection = self._writing.connect()  # here, so that a database that cannot be opened fails the opening
        self._thread = threading.Thread(
            target=self._write_forever, args=(connection,), name="sqlite-writer", daemon=True
        )
        self._thread.start()

    def _write_forever(self, connection: Connection) -> None:
        with connection:
            while (first := self._queue.get()) is not None:
                group = [first]
                is_last = False
                while len(group) < GROUP_LIMIT and not is_last:
                    try:
                        item = self._queue.get_nowait()
                    except queue.Empty:
                        break
                    if item is None:
                        is_last = True
                    else:
                        group.append(item)
                outcomes = _run_group(lambda: _transaction(connection), [item.unit for item in group])
                self._loop.call_soon_threadsafe(_settle, group, outcomes)  # one wake-up for the whole group
                if is_last:
                    return

    def submit(self, unit: Unit[T], lane: str) -> "asyncio.Future[T]":
        del lane  # one writer keeps every order
        done: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Waiting(unit, done))
        return done

    async def read(self, query: Unit[T]) -> T:
        def in_thread() -> T:
            with self._reading.connect() as connection:
                until = time.monotonic() + self._deadline_s
                raw: Any = connection.connection.driver_connection
                raw.set_progress_handler(lambda: time.monotonic() > until, PROGRESS_STEPS)
                with connection.begin():
                    return query(connection)

        return await asyncio.get_running_loop().run_in_executor(self._readers, in_thread)

    def waiting(self) -> int:
        return self._queue.qsize()

    def pool_state(self) -> dict[str, int]:
        return {"writers": 1, "readers": SQLITE_READERS, "waiting_writes": self.waiting()}

    async def close(self) -> None:
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        self._readers.shutdown()
        self._reading.dispose()
        self._writing.dispose()


@contextmanager
def _transaction(connection: Connection) -> Generator[Connection]:
    with connection.begin():
        yield connection


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


class _Postgres:
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
        )
        self._queues: list[asyncio.Queue[_Waiting | None]] = [asyncio.Queue() for _ in range(POSTGRES_LANES)]
        self._lanes = [
            asyncio.create_task(self._write_forever(q, _Lane(self.engine, settings.pool_recycle_s)))
            for q in self._queues
        ]

    async def _write_forever(self, waiting: "asyncio.Queue[_Waiting | None]", lane: "_Lane") -> None:
        while (first := await waiting.get()) is not None:
            group = [first]
            is_last = False
            while len(group) < GROUP_LIMIT and not waiting.empty() and not is_last:
                item = waiting.get_nowait()
                if item is None:
                    is_last = True
                else:
                    group.append(item)
            _settle(group, await self._commit([item.unit for item in group], lane))
            if is_last:
                break
        await lane.close()

    async def _commit(self, units: Sequence[Unit[Any]], lane: "_Lane") -> list[_Outcome]:
        try:
            async with lane.transaction() as connection:
                values = await connection.run_sync(lambda c: [unit(c) for unit in units])
            return [_Outcome(value=value) for value in values]
        except Exception as error:  # noqa: BLE001  # the writer's boundary: whoever waits gets the failure
            if len(units) == 1:
                return [_Outcome(error=error)]
            return [(await self._commit([unit], lane))[0] for unit in units]

    def submit(self, unit: Unit[T], lane: str) -> "asyncio.Future[T]":
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queues[crc32(lane.encode()) % POSTGRES_LANES].put_nowait(_Waiting(unit, done))
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
        await asyncio.gather(*self._lanes)
        await self.engine.dispose()


class Database:
    """Reads and writes by plain functions over a SQLAlchemy connection.

    A unit given to `write` may run twice before it commits (once in a group that failed, once alone): it must
    touch nothing but the database. What it returns is delivered only after the commit.
    """

    def __init__(self, engine: _Engine, *, write_queue: int) -> None:
        self._engine = engine
        self._write_queue = write_queue

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncGenerator["Database"]:
        """Open the engine that the settings name; the schema is `storage.schema`'s matter."""
        engine = (
            _Sqlite(str(settings.home / "songwright.db"), settings.database)
            if settings.database.url is None
            else _Postgres(settings.database.url.get_secret_value(), settings.database)
        )
        try:
            yield cls(engine, write_queue=settings.database.write_queue)
        finally:
            await engine.close()

    def submit(self, unit: Unit[T], *, lane: str = "") -> "asyncio.Future[T]":
        """Queue a write at once, keeping its lane's order; the future resolves after its commit.

        Raises Overworked where the queue is full.
        """
        if self._engine.waiting() >= self._write_queue:
            raise Overworked("The database has more writes waiting than it may; try again in a few seconds.")
        return self._engine.submit(unit, lane)

    async def write(self, unit: Unit[T], *, lane: str = "") -> T:
        """Run `unit` in a transaction and return its value once committed.

        Raises DatabaseAway where the database cannot be reached, and whatever the unit raises.
        """
        return await reached(self.submit(unit, lane=lane))

    async def read(self, query: Unit[T]) -> T:
        """Run `query` on a read connection under the read deadline. Raises DatabaseAway past it."""
        try:
            return await self._engine.read(query)
        except (DBAPIError, PoolTimeout, OSError, TimeoutError) as error:
            raise _as_unavailable(error) from error

    async def ping(self) -> dict[str, Any]:
        """The database's dialect, version and number of tables; raises DatabaseAway where it is away."""
        return await self.read(self._describe) | {"pool": self._engine.pool_state()}

    def _describe(self, connection: Connection) -> dict[str, Any]:
        if self.dialect == "sqlite":
            version = str(connection.exec_driver_sql("SELECT sqlite_version()").scalar_one())
            count = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        else:
            version = str(connection.exec_driver_sql("SHOW server_version").scalar_one())
            count = "SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()"
        return {
            "dialect": self.dialect,
            "version": version,
            "tables": int(connection.exec_driver_sql(count).scalar_one()),
        }


async def reached(write: "asyncio.Future[T]") -> T:
    """The value of a submitted write; a database that is away becomes DatabaseAway."""
    try:
        return await write
    except SongwrightError:
        raise
    except (IntegrityError, DataError, ProgrammingError):
        raise  # the database is there and refused what was written
    except (DBAPIError, PoolTimeout, OSError, TimeoutError) as error:
        raise _as_unavailable(error) from error


def _as_unavailable(error: Exception) -> DatabaseAway:
    log.warning("database_failed", error="".join(str(error).splitlines()[:1]), type=type(error).__name__)
    return DatabaseAway("The database did not answer in time or cannot be reached; try again in a moment.")
