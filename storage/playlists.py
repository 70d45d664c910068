"""Playlists as they were served, and what users said of them. Units for `Database.read` and `Database.write`."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col
from sqlmodel import select as select_rows

from songwright.errors import NotFound
from storage.resources import Feedback, PlaylistRecommendation, PlaylistTrack

PLAYLIST: Table = SQLModel.metadata.tables["playlist_recommendation"]
PLACE: Table = SQLModel.metadata.tables["playlist_track"]
FEEDBACK: Table = SQLModel.metadata.tables["feedback"]


def keep(connection: Connection, playlist: PlaylistRecommendation, tracks: Sequence[Mapping[str, Any]]) -> None:
    """Keep a playlist with its tracks in listening order."""
    connection.execute(insert(PLAYLIST).values(**playlist.model_dump()))
    if tracks:
        connection.execute(
            insert(PLACE),
            [
                PlaylistTrack(
                    playlist_id=playlist.id,
                    position=position,
                    external_id=track["id"],
                    **{name: track[name] for name in _SHOWN},
                ).model_dump()
                for position, track in enumerate(tracks)
            ],
        )


_SHOWN = (
    "catalogue",
    "title",
    "artist",
    "year",
    "genre",
    "valence",
    "energy",
    "tempo_bpm",
    "reason",
    "terms",
)


def one(connection: Connection, user_id: str, playlist_id: str) -> tuple[PlaylistRecommendation, list[PlaylistTrack]]:
    """A user's playlist with its tracks. Raises NotFound."""
    with Session(connection, expire_on_commit=False) as session:
        playlist = session.get(PlaylistRecommendation, playlist_id)
        if playlist is None or playlist.user_id != user_id:
            raise NotFound(f"There is no playlist {playlist_id!r}.")
        places = session.scalars(
            select_rows(PlaylistTrack)
            .where(col(PlaylistTrack.playlist_id) == playlist_id)
            .order_by(col(PlaylistTrack.position))
        ).all()
    return playlist, list(places)


def listed(
    connection: Connection, user_id: str, *, limit: int, before: str | None = None
) -> list[PlaylistRecommendation]:
    """A user's playlists, newest first, from before the one whose id is `before`."""
    query = select_rows(PlaylistRecommendation).where(col(PlaylistRecommendation.user_id) == user_id)
    if before is not None:
        query = query.where(col(PlaylistRecommendation.id) < before)
    with Session(connection, expire_on_commit=False) as session:
        return list(session.scalars(query.order_by(col(PlaylistRecommendation.id).desc()).limit(limit)))


def erase(connection: Connection, user_id: str, playlist_id: str) -> None:
    """Delete a user's playlist with its feedback. Raises NotFound."""
    erased = connection.execute(
        delete(PLAYLIST).where(PLAYLIST.c.id == playlist_id, PLAYLIST.c.user_id == user_id)
    ).rowcount
    if not erased:
        raise NotFound(f"There is no playlist {playlist_id!r}.")


def recently_served(connection: Connection, user_id: str, *, playlists: int = 3) -> frozenset[str]:
    """Ids of the tracks in the user's last few playlists."""
    last = (
        select(PLAYLIST.c.id)
        .where(PLAYLIST.c.user_id == user_id)
        .order_by(PLAYLIST.c.id.desc())
        .limit(playlists)
        .scalar_subquery()
    )
    rows = connection.execute(select(PLACE.c.external_id).where(PLACE.c.playlist_id.in_(last))).scalars()
    return frozenset(rows)


def give_feedback(connection: Connection, feedback: Feedback) -> Feedback:
    """Keep what a user said; raises NotFound where the playlist is not theirs or has no such track."""
    if feedback.playlist_id is not None:
        _, places = one(connection, feedback.user_id, feedback.playlist_id)
        if feedback.track_id is not None and feedback.track_id not in {p.external_id for p in places}:
            raise NotFound(f"Playlist {feedback.playlist_id!r} has no track {feedback.track_id!r}.")
    connection.execute(insert(FEEDBACK).values(**feedback.model_dump()))
    return feedback


def feedback_on(connection: Connection, user_id: str, playlist_id: str) -> list[Feedback]:
    """What the user said of a playlist, oldest first."""
    one(connection, user_id, playlist_id)
    with Session(connection, expire_on_commit=False) as session:
        return list(
            session.scalars(
                select_rows(Feedback).where(col(Feedback.playlist_id) == playlist_id).order_by(col(Feedback.id))
            )
        )
