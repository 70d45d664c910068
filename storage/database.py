"""One door to the database: `read` and `write` take a plain function over a connection, on either engine.

Writes that wait are committed in groups, those of one lane in the order they were submitted (`storage.sqlite`,
`storage.postgres`). Refuses to know what is written; the other files of this room say that.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from songwright.errors import Overworked, SongwrightError, Unavailable
from songwright.settings import Settings
from storage.groups import Unit
from storage.postgres import Postgres
from storage.sqlite import Sqlite

T = TypeVar("T")

log = structlog.get_logger()

__all__ = ["Connection", "Database", "DatabaseAway", "Unit", "reached"]


class DatabaseAway(Unavailable):
    """The database cannot be reached or did not answer in time."""


class _Engine(Protocol):
    dialect: str

    def submit(self, unit: Unit[T], lane: str) -> "asyncio.Future[T]": ...
    async def read(self, query: Unit[T]) -> T: ...
    def waiting(self) -> int: ...
    def pool_state(self) -> dict[str, int]: ...
    async def close(self) -> None: ...


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
            Sqlite(str(settings.home / "songwright.db"), settings.database)
            if settings.database.url is None
            else Postgres(settings.database.url.get_secret_value(), settings.database)
        )
        try:
            yield cls(engine, write_queue=settings.database.write_queue)
        finally:
            await engine.close()

    def submit(self, unit: Unit[T], *, lane: str = "") -> "asyncio.Future[T]":
        """Queue a write at once, keeping its lane's order; the future resolves after its commit."""
        return self._engine.submit(unit, lane)

    async def write(self, unit: Unit[T], *, lane: str = "", is_admission: bool = False) -> T:
        """Run `unit` in a transaction and return its value once committed.

        Raises DatabaseAway where the database cannot be reached, Overworked where an admission meets a full queue
        (what was admitted may always write), and whatever the unit raises.
        """
        if is_admission and self._engine.waiting() >= self._write_queue:
            raise Overworked("The database has more writes waiting than it may; try again in a few seconds.")
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
