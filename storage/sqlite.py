"""SQLite: one writer thread that commits all that waits at once, a few reading threads, one file in WAL mode.

Refuses to know what is read and written.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

from songwright.settings import DatabaseSettings
from storage.groups import GROUP_LIMIT, Outcome, Unit, Waiting, settle

T = TypeVar("T")

SQLITE_READERS = 4
PROGRESS_STEPS = 10_000  # SQLite virtual machine steps between looks at a read's deadline


def _run_group(begin: Callable[[], AbstractContextManager[Connection]], units: Sequence[Unit[Any]]) -> list[Outcome]:
    """Run the units in one transaction; if one fails, run each in its own, so that a refusal hurts only itself."""
    try:
        with begin() as connection:
            values = [unit(connection) for unit in units]
        return [Outcome(value=value) for value in values]
    except Exception as error:  # noqa: BLE001  # the writer's boundary: whoever waits gets the failure
        if len(units) == 1:
            return [Outcome(error=error)]
        return [_run_group(begin, [unit])[0] for unit in units]


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


class Sqlite:
    """One writer thread, a few reading threads, all on one file in WAL mode."""

    dialect = "sqlite"

    def __init__(self, path: str, settings: DatabaseSettings) -> None:
        self._loop = asyncio.get_running_loop()
        self._deadline_s = settings.read_deadline_s
        self._writing = create_engine(
            f"sqlite:///{path}",
            poolclass=NullPool,
            hide_parameters=True,  # they hold prompts and lyrics, and errors are logged
            connect_args={"check_same_thread": False},
        )
        _prepare_sqlite(
            self._writing, busy_timeout_s=settings.busy_timeout_s, begin="BEGIN IMMEDIATE", query_only=False
        )
        self._reading = create_engine(
            f"sqlite:///{path}",
            poolclass=QueuePool,
            pool_size=SQLITE_READERS,
            max_overflow=0,
            hide_parameters=True,
            connect_args={"check_same_thread": False},
        )
        _prepare_sqlite(self._reading, busy_timeout_s=settings.busy_timeout_s, begin="BEGIN", query_only=True)
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
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
                self._loop.call_soon_threadsafe(settle, group, outcomes)  # one wake-up for the whole group
                if is_last:
                    return

    def submit(self, unit: Unit[T], lane: str) -> "asyncio.Future[T]":
        del lane  # one writer keeps every order
        done: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(Waiting(unit, done))
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
