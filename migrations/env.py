"""Alembic's environment: one history for both engines, run by `storage.schema` alone."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from storage import resources, tables

METADATA = SQLModel.metadata  # filled by these modules
FILLED_BY = (resources, tables)


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _migrate_async(url: Any) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
        await connection.commit()
    await engine.dispose()


def run() -> None:
    """Migrate the database that `storage.schema` put into the configuration."""
    url = make_url(context.config.attributes["url"])
    if url.get_backend_name() == "postgresql":
        asyncio.run(_migrate_async(url))
        return
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        _migrate(connection)
        connection.commit()
    engine.dispose()


run()
