"""The tables of what people keep: songs with their versions, playlists, tracks, moods and feedback."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.tables import Instant, Json, new_id, now


def _fk(target: str, *, ondelete: str = "CASCADE") -> tuple[ForeignKey]:
    return (ForeignKey(target, ondelete=ondelete),)


class Lyrics(SQLModel, table=True):
    """A song a user has; its words are in the version that `version` numbers."""

    __tablename__: ClassVar[Any] = "lyrics"
    __table_args__ = (
        CheckConstraint("status IN ('draft', 'published')", name="status_known"),
        CheckConstraint("version >= 1", name="version_from_one"),
        CheckConstraint("length(trim(title)) > 0", name="title_not_blank"),
        Index("ix_lyrics_user_id_id", "user_id", "id"),
    )
    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    user_id: str = Field(sa_column_args=_fk("user_account.id"), max_length=36)
    run_id: str | None = Field(
        default=None, sa_column_args=_fk("run.id", ondelete="SET NULL"), index=True, max_length=36
    )
    title: str = Field(max_length=200)
    status: str = Field(default="draft", max_length=20)
    language: str = Field(default="en", max_length=35)
    genre: str | None = Field(default=None, max_length=100)
    brief: Any = Field(default=None, sa_type=Json, nullable=True)
    mood: Any = Field(default=None, sa_type=Json, nullable=True)
    plan: Any = Field(default=None, sa_type=Json, nullable=True)
    scores: Any = Field(default=None, sa_type=Json, nullable=True)
    writer_provider: str = Field(max_length=100)
    writer_model: str = Field(max_length=200)
    version: int = Field(default=1)
    created_at: datetime = Field(default_factory=now, sa_type=Instant)
    updated_at: datetime = Field(default_factory=now, sa_type=Instant)


class LyricsVersion(SQLModel, table=True):
    """The words of a song at one moment; versions are only ever added."""

    __tablename__: ClassVar[Any] = "lyrics_version"
    __table_args__ = (UniqueConstraint("lyrics_id", "number"),)
    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    lyrics_id: str = Field(sa_column_args=_fk("lyrics.id"), max_length=36)
    number: int
    author: str = Field(max_length=20)
    note: str = Field(default="", max_length=200)
    text: str = Field(sa_type=Text)
    created_at: datetime = Field(default_factory=now, sa_type=Instant)


class LyricsSection(SQLModel, table=True):
    """A section of one version; `lines` holds {id, text, author, syllables, syllable_set, stress, rhyme} each."""

    __tablename__: ClassVar[Any] = "lyrics_section"
    version_id: str = Field(sa_column_args=_fk("lyrics_version.id"), primary_key=True, max_length=36)
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    name: str = Field(max_length=100)
    kind: str = Field(max_length=20)
    lines: Any = Field(sa_type=Json)


class Catalogue(SQLModel, table=True):
    """A named set of tracks; without a user it is shared by all."""

    __tablename__: ClassVar[Any] = "catalogue"
    __table_args__ = (UniqueConstraint("user_id", "name"),)
    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    user_id: str | None = Field(default=None, sa_column_args=_fk("user_account.id"), max_length=36)
    name: str = Field(max_length=100)
    digest: str = Field(default="", max_length=64)
    created_at: datetime = Field(default_factory=now, sa_type=Instant)


class Track(SQLModel, table=True):
    """A recording of a catalogue. `external_id` is the public one, unique within its catalogue."""

    __tablename__: ClassVar[Any] = "track"
    __table_args__ = (
        UniqueConstraint("catalogue_id", "external_id"),
        CheckConstraint("valence >= 0 AND valence <= 1 AND energy >= 0 AND energy <= 1", name="mood_in_range"),
    )
    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    catalogue_id: str = Field(sa_column_args=_fk("catalogue.id"), max_length=36)
    external_id: str = Field(max_length=200)
    title: str = Field(max_length=500)
    artist: str = Field(max_length=500)
    year: int | None = Field(default=None)
    genre: str = Field(max_length=100)
    valence: float
    energy: float
    tempo_bpm: float | None = Field(default=None)
    key: int | None = Field(default=None)
    mode: int | None = Field(default=None)
    instrumental: bool = Field(default=False)
    tags: Any = Field(default=None, sa_type=Json, nullable=True)
    source: str = Field(default="editor", max_length=40)


class PlaylistRecommendation(SQLModel, table=True):
    """A playlist made for a user."""

    __tablename__: ClassVar[Any] = "playlist_recommendation"
    __table_args__ = (Index("ix_playlist_recommendation_user_id_id", "user_id", "id"),)
    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    user_id: str = Field(sa_column_args=_fk("user_account.id"), max_length=36)
    run_id: str | None = Field(
        default=None, sa_column_args=_fk("run.id", ondelete="SET NULL"), index=True, max_length=36
    )
    text: str = Field(sa_type=Text)
    arc: str = Field(max_length=20)
    explanation: str = Field(sa_type=Text)
    mood: Any = Field(sa_type=Json)
    relaxed: Any = Field(default=None, sa_type=Json, nullable=True)
    context_effects: Any = Field(default=None, sa_type=Json, nullable=True)
    writer_provider: str = Field(max_length=100)
    writer_model: str = Field(max_length=200)
    created_at: datetime = Field(default_factory=now, sa_type=Instant)


class PlaylistTrack(SQLModel, table=True):
    """One place of a playlist; it keeps what was shown, so that a changed catalogue does not change the past."""

    __tablename__: ClassVar[Any] = "playlist_track"
    __table_args__ = (CheckConstraint("position >= 0", name="position_not_negative"),)
    playlist_id: str = Field(sa_column_args=_fk("playlist_recommendation.id"), primary_key=True, max_length=36)
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    catalogue: str = Field(max_length=100)
    external_id: str = Field(max_length=200, index=True)
    title: str = Field(max_length=500)
    artist: str = Field(max_length=500)
    year: int | None = Field(default=None)
    genre: str = Field(max_length=100)
    valence: float
    energy: float
    tempo_bpm: float | None = Field(default=None)
    reason: str = Field(sa_type=Text)
    terms: Any = Field(default=None, sa_type=Json, nullable=True)


class Feedback(SQLModel, table=True):
    """What a user said of a song, a playlist, or one track of a playlist."""

    __tablename__: ClassVar[Any] = "feedback"
    __table_args__ = (
        CheckConstraint("rating IS NULL OR (rating >= 1 AND rating <= 5)", name="rating_one_to_five"),
        CheckConstraint("reaction IS NULL OR reaction IN ('like', 'dislike', 'skip')", name="reaction_known"),
        CheckConstraint("(lyrics_id IS NULL) <> (playlist_id IS NULL)", name="one_subject"),
        CheckConstraint("rating IS NOT NULL OR reaction IS NOT NULL OR comment IS NOT NULL", name="says_something"),
    )
    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    user_id: str = Field(sa_column_args=_fk("user_account.id"), index=True, max_length=36)
    lyrics_id: str | None = Field(default=None, sa_column_args=_fk("lyrics.id"), index=True, max_length=36)
    playlist_id: str | None = Field(
        default=None, sa_column_args=_fk("playlist_recommendation.id"), index=True, max_length=36
    )
    track_id: str | None = Field(default=None, max_length=200)  # the track's external id
    rating: int | None = Field(default=None)
    reaction: str | None = Field(default=None, max_length=20)
    comment: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(default_factory=now, sa_type=Instant)


class MoodEntry(SQLModel, table=True):
    """How a user felt, as read from what they wrote."""

    __tablename__: ClassVar[Any] = "mood_entry"
    __table_args__ = (
        CheckConstraint("valence >= 0 AND valence <= 1 AND energy >= 0 AND energy <= 1", name="mood_in_range"),
        Index("ix_mood_entry_user_id_id", "user_id", "id"),
    )
    id: str = Field(default_factory=new_id, primary_key=True, max_length=36)
    user_id: str = Field(sa_column_args=_fk("user_account.id"), max_length=36)
    run_id: str | None = Field(
        default=None, sa_column_args=_fk("run.id", ondelete="SET NULL"), index=True, max_length=36
    )
    text: str = Field(sa_type=Text)
    feeling: str = Field(max_length=60)
    wish: str | None = Field(default=None, max_length=60)
    valence: float
    energy: float
    confidence: float
    mood: Any = Field(sa_type=Json)
    created_at: datetime = Field(default_factory=now, sa_type=Instant)
