"""The schema's life: Alembic upgrades it, and a server that meets another schema than its own refuses to start.

An embedded database is upgraded when it is opened; PostgreSQL is upgraded once, by `songwright migrate`.
"""

import asyncio
from importlib.util import find_spec
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url

from songwright.errors import Unavailable
from songwright.settings import Settings
from storage.database import Database

# Found, not imported: the revisions stand above this room.
_FOUND = find_spec("migrations")
MIGRATIONS = str(Path(_FOUND.origin).parent) if _FOUND and _FOUND.origin else "migrations"


def _config(settings: Settings) -> Config:
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    config.attributes["url"] = (
        f"sqlite:///{settings.home / 'songwright.db'}"
        if settings.database.url is None
        else make_url(settings.database.url.get_secret_value()).set(drivername="postgresql+asyncpg")
    )
    return config


def head() -> str:
    """The revision this code needs."""
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    revision = ScriptDirectory.from_config(config).get_current_head()
    if revision is None:
        raise RuntimeError("The migrations folder holds no revision; the installation is damaged, install it again.")
    return revision


async def upgrade(settings: Settings, revision: str = "head") -> None:
    """Bring the database up to `revision`."""
    await asyncio.to_thread(command.upgrade, _config(settings), revision)


async def downgrade(settings: Settings, revision: str = "base") -> None:
    """Take the database down to `revision`; rows of dropped tables are lost."""
    await asyncio.to_thread(command.downgrade, _config(settings), revision)


async def check(database: Database) -> str:
    """The database's revision. Raises Unavailable with what to run where it is not the one this code needs."""
    found = await database.read(_current)
    needed = head()
    if found != needed:
        raise Unavailable(
            f"The database has schema {found!r} and this version needs {needed!r}; run `songwright migrate`"
            " with the newer version of the two."
        )
    return needed


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
