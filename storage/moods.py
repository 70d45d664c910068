"""How a user felt, over time. Units for `Database.read` and `Database.write`."""

from sqlalchemy import Connection, Table, insert
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col, select

from storage.resources import MoodEntry

MOOD_ENTRY: Table = SQLModel.metadata.tables["mood_entry"]


def keep(connection: Connection, entry: MoodEntry) -> None:
    """Keep one reading."""
    connection.execute(insert(MOOD_ENTRY).values(**entry.model_dump()))


def listed(connection: Connection, user_id: str, *, limit: int, before: str | None = None) -> list[MoodEntry]:
    """A user's readings, newest first, from before the one whose id is `before`."""
    query = select(MoodEntry).where(col(MoodEntry.user_id) == user_id)
    if before is not None:
        query = query.where(col(MoodEntry.id) < before)
    with Session(connection, expire_on_commit=False) as session:
        return list(session.scalars(query.order_by(col(MoodEntry.id).desc()).limit(limit)))
