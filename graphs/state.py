"""The coordinator graph's state, and what a run carries beside it.

State is made of domain types alone and is checkpointed; context is not. Refuses to know who fills it.
"""

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypedDict

from agents.models import Models
from graphs.recorder import RunRecorder
from songwright.settings import AgentSettings
from songwright.song import (
    Brief,
    Decision,
    Degradation,
    KeptSong,
    Mood,
    Plan,
    Playlist,
    Section,
    Song,
    Verdict,
    Writer,
)
from storage.cache import Cache
from storage.catalogue import Catalogues
from storage.database import Database
from storage.embeddings import MiniLM
from storage.vectors import TrackVectors


def merged(old: Mapping[str, Section], new: Mapping[str, Section]) -> dict[str, Section]:
    """Sections by name; a later writing of one replaces the earlier."""
    return {**old, **new}


class SongState(TypedDict):
    """What the agents have made so far. A key is there once the step that makes it has written it."""

    kind: str  # "generate" or "recommend": the door the request came through
    brief: Brief
    decision: Decision
    model: str  # who was chosen to answer this run: "embedded" or provider:model
    mood: Mood
    context_effects: tuple[str, ...]
    kept: tuple[KeptSong, ...]
    plan: Plan
    sections: Annotated[dict[str, Section], merged]
    song: Song  # the draft under judgement
    verdict: Verdict
    best: Song
    best_verdict: Verdict
    round: int
    playlist: Playlist
    writers: Annotated[list[Writer], operator.add]  # who wrote words, in the order they did
    degraded: Annotated[list[Degradation], operator.add]


class SectionTask(SongState):
    """The state as one writing task receives it, with the names of the sections it is to write."""

    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Workshop:
    """The parts of one process that every run shares."""

    models: Models
    catalogue: Catalogues
    embedder: MiniLM
    vectors: TrackVectors
    database: Database
    cache: Cache
    agents: AgentSettings
    mood_ttl_s: float


@dataclass(frozen=True, slots=True)
class RunContext:
    """LangGraph's runtime context of one run."""

    workshop: Workshop
    user_id: str
    model: str | None = None  # as the request named it
    recorder: RunRecorder | None = None  # None where LangGraph's own tools run the graph
