"""Songs that users keep: their versions and sections, listed by keyset, found by their words.

Units for `Database.read` and `Database.write`; every one is reached through its user.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, update
from sqlalchemy.orm import Session
from sqlmodel import SQLModel, col, select

from songwright.errors import Conflict, NotFound
from songwright.song import KeptSong
from storage.resources import Lyrics, LyricsSection, LyricsVersion
from storage.tables import now

LYRICS: Table = SQLModel.metadata.tables["lyrics"]
VERSION: Table = SQLModel.metadata.tables["lyrics_version"]
SECTION: Table = SQLModel.metadata.tables["lyrics_section"]
SEARCHED_SONGS = 200  # the newest, until documents are indexed
FOUND_SONGS = 3
EXCERPT_CHARS = 200
_WORD = re.compile(r"[a-z']{4,}")


@dataclass(frozen=True, slots=True)
class KeptLyrics:
    """A song with the words of one of its versions."""

    lyrics: Lyrics
    version: LyricsVersion
    sections: Sequence[LyricsSection]


def keep(connection: Connection, lyrics: Lyrics, *, sections: list[dict[str, Any]], text: str, author: str) -> None:
    """Keep a new song with its first version; kept once however often it is asked for."""
    with Session(connection) as session:
        if session.get(Lyrics, lyrics.id) is not None:
            return
    connection.execute(insert(LYRICS).values(**lyrics.model_dump()))
    _add_version(connection, lyrics.id, number=1, sections=sections, text=text, author=author, note="first draft")


def _add_version(
    connection: Connection,
    lyrics_id: str,
    *,
    number: int,
    sections: list[dict[str, Any]],
    text: str,
    author: str,
    note: str,
) -> None:
    version = LyricsVersion(lyrics_id=lyrics_id, number=number, author=author, note=note, text=text)
    connection.execute(insert(VERSION).values(**version.model_dump()))
    if sections:
        connection.execute(
            insert(SECTION),
            [
                {"version_id": version.id, "position": i, "name": s["name"], "kind": s["kind"], "lines": s["lines"]}
                for i, s in enumerate(sections)
            ],
        )


def one(connection: Connection, user_id: str, lyrics_id: str, *, number: int | None = None) -> KeptLyrics:
    """A user's song with its present version, or the one of that number. Raises NotFound."""
    with Session(connection, expire_on_commit=False) as session:
        lyrics = session.get(Lyrics, lyrics_id)
        if lyrics is None or lyrics.user_id != user_id:
            raise NotFound(f"There are no lyrics {lyrics_id!r}.")
        wanted = lyrics.version if number is None else number
        version = session.scalars(
            select(LyricsVersion).where(
                col(LyricsVersion.lyrics_id) == lyrics_id, col(LyricsVersion.number) == wanted
            )
        ).one_or_none()
        if version is None:
            raise NotFound(f"Lyrics {lyrics_id!r} have no version {wanted!r}.")
        sections = session.scalars(
            select(LyricsSection)
            .where(col(LyricsSection.version_id) == version.id)
            .order_by(col(LyricsSection.position))
        ).all()
    return KeptLyrics(lyrics, version, sections)


def listed(connection: Connection, user_id: str, *, limit: int, before: str | None = None) -> list[Lyrics]:
    """A user's songs, newest first, from before the one whose id is `before`."""
    query = select(Lyrics).where(col(Lyrics.user_id) == user_id)
    if before is not None:
        query = query.where(col(Lyrics.id) < before)
    with Session(connection, expire_on_commit=False) as session:
        return list(session.scalars(query.order_by(col(Lyrics.id).desc()).limit(limit)))


def versions(connection: Connection, user_id: str, lyrics_id: str) -> list[LyricsVersion]:
    """Every version of a song, first to last."""
    one(connection, user_id, lyrics_id)
    with Session(connection, expire_on_commit=False) as session:
        return list(
            session.scalars(
                select(LyricsVersion)
                .where(col(LyricsVersion.lyrics_id) == lyrics_id)
                .order_by(col(LyricsVersion.number))
            )
        )


def edit(
    connection: Connection,
    user_id: str,
    lyrics_id: str,
    *,
    values: dict[str, Any],
    sections: list[dict[str, Any]] | None = None,
    text: str = "",
    note: str = "",
    expected_version: int | None = None,
) -> KeptLyrics:
    """Change a song's own values and, with `sections`, its words as a new version by a person.

    Raises NotFound, and Conflict where `expected_version` is no longer the present one.
    """
    kept = one(connection, user_id, lyrics_id)
    if expected_version is not None and kept.lyrics.version != expected_version:
        raise Conflict(
            f"Lyrics {lyrics_id!r} are at version {kept.lyrics.version}, not {expected_version}; read them again."
        )
    changes = {**values, "updated_at": now()}
    if sections is not None:
        changes["version"] = kept.lyrics.version + 1
    changed = connection.execute(
        update(LYRICS).where(LYRICS.c.id == lyrics_id, LYRICS.c.version == kept.lyrics.version).values(**changes)
    ).rowcount
    if not changed:
        raise Conflict(f"Lyrics {lyrics_id!r} were changed at the same moment; read them again.")
    if sections is not None:
        _add_version(
            connection,
            lyrics_id,
            number=kept.lyrics.version + 1,
            sections=sections,
            text=text,
            author="person",
            note=note,
        )
    return one(connection, user_id, lyrics_id)


def erase(connection: Connection, user_id: str, lyrics_id: str) -> None:
    """Delete a user's song with all its versions and feedback. Raises NotFound."""
    erased = connection.execute(delete(LYRICS).where(LYRICS.c.id == lyrics_id, LYRICS.c.user_id == user_id)).rowcount
    if not erased:
        raise NotFound(f"There are no lyrics {lyrics_id!r}.")


def resembling(connection: Connection, user_id: str, text: str) -> tuple[KeptSong, ...]:
    """The user's newest songs that share the most words of four letters or more with the text."""
    asked = Counter(_WORD.findall(text.lower()))
    if not asked:
        return ()
    rows = connection.execute(
        LYRICS.join(VERSION, (VERSION.c.lyrics_id == LYRICS.c.id) & (VERSION.c.number == LYRICS.c.version))
        .select()
        .with_only_columns(LYRICS.c.id, LYRICS.c.title, VERSION.c.text)
        .where(LYRICS.c.user_id == user_id)
        .order_by(LYRICS.c.id.desc())
        .limit(SEARCHED_SONGS)
    )
    found: list[KeptSong] = []
    for row in rows:
        words = set(_WORD.findall(f"{row.title} {row.text}".lower()))
        share = sum(1 for word in asked if word in words) / len(asked)
        if share > 0:
            found.append(KeptSong(row.id, row.title, row.text[:EXCERPT_CHARS], round(share, 3)))
    return tuple(sorted(found, key=lambda song: -song.score)[:FOUND_SONGS])
