"""What people keep, as clients get it back: songs and their versions, playlists, feedback, moods.

Knows shapes; refuses to know where they come from.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.answers import Answer, Json, SectionView, TrackView, WriterView


class LyricsSummary(Answer):
    """A kept song as lists show it."""

    id: str
    run_id: str | None
    title: str
    status: Literal["draft", "published"]
    language: str
    genre: str | None
    version: int
    writer_provider: str
    writer_model: str
    created_at: datetime
    updated_at: datetime


class LyricsView(LyricsSummary):
    """A kept song with the words of one of its versions."""

    author: str
    note: str
    text: str
    sections: list[SectionView]
    mood: Json | None
    plan: Json | None
    scores: Json | None = Field(description="Of the first version, as it was judged when it was written.")
    writer: WriterView


class VersionView(Answer):
    """One version of a song's words."""

    number: int
    author: str
    note: str
    text: str
    created_at: datetime


class PlaylistSummary(Answer):
    """A playlist as lists show it."""

    id: str
    run_id: str | None
    text: str
    arc: str
    explanation: str
    writer_provider: str
    writer_model: str
    created_at: datetime


class PlaylistView(PlaylistSummary):
    """A playlist with its tracks."""

    mood: Json
    relaxed: list[str] | None
    context_effects: list[str] | None
    tracks: list[TrackView]
    writer: WriterView


class FeedbackView(Answer):
    """What you said of a playlist."""

    id: str
    playlist_id: str | None
    track_id: str | None
    rating: int | None
    reaction: str | None
    comment: str | None
    created_at: datetime


class MoodEntryView(Answer):
    """How you felt at one moment."""

    id: str
    run_id: str | None
    text: str
    feeling: str
    wish: str | None
    valence: float
    energy: float
    confidence: float
    mood: Json
    created_at: datetime
