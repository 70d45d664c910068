"""Fixtures of the storage's tests."""

import pytest

from storage.checkpoints import SqlCheckpointer
from storage.database import Database


@pytest.fixture
async def saver(database: Database) -> SqlCheckpointer:
    """Our checkpointer, on each engine in turn."""
    return SqlCheckpointer(database)
