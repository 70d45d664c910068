"""What clients get back: the shapes that the OpenAPI document promises. More fields may stand beside them.

Knows shapes; refuses to know where they come from.
"""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, computed_field

from graphs.outcome import links_json

T = TypeVar("T")
Json = dict[str, Any]
RunStatus = Literal["queued", "running", "interrupted", "succeeded", "failed", "cancelled"]


class Answer(BaseModel):
    """Base of all answers; rows of the database become answers by their attributes."""

    model_config = ConfigDict(from_attributes=True)


class PageOf(Answer, Generic[T]):
    """One page of a list, newest first; `next` is the cursor of the page after it, null on the last."""

    items: list[T]
    next: str | None = None


class Fault(Answer):
    """What is wrong with one value of the request."""

    pointer: str = Field(description="JSON pointer (RFC 6901) to the value.")
    detail: str


class Problem(Answer):
    """Problem details (RFC 9457); `type` is the address of a page that explains it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    trace_id: str | None = None
    errors: list[Fault] | None = None


class WriterView(Answer):
    """Who wrote it."""

    provider: str
    model: str


class SpanView(Answer):
    """A range in 0..1 and the best single guess within it."""

    low: float
    high: float
    point: float


class MoodView(Answer):
    """How a text feels and what its writer wishes to feel."""

    feeling: str
    wish: str | None = None
    valence: SpanView
    energy: SpanView
    emotions: dict[str, float]
    confidence: float


class LineView(Answer):
    """One line with its measures; `stress` has `/` for a beat and `x` for none, one character a syllable."""

    id: str | None = None
    text: str
    author: str | None = None
    syllables: int | None = None
    syllable_set: list[int] | None = Field(None, description="Every count that it can be sung with.")
    stress: str | None = None
    rhyme: str | None = Field(None, description="Letter by first appearance within the section.")
    grade: str | None = Field(None, description="How well it rhymes.")


class SectionView(Answer):
    """Lines sung together under one name."""

    name: str
    kind: str
    lines: list[LineView]


class WordsView(Answer):
    """The words of a song."""

    id: str
    title: str
    sections: list[SectionView]
    text: str


class SongAnswer(Answer):
    """A finished song."""

    run_id: str
    status: Literal["succeeded"]
    seed: int = Field(description="Send it again for the same song.")
    lyrics: WordsView
    mood: MoodView | None
    plan: Json
    scores: Json = Field(description="In 0..1 by criterion, `overall` among them; `how` says how each was obtained.")
    writer: WriterView
    degraded: bool
    links: dict[str, str]


class TrackView(Answer):
    """A track and the reason why it is there."""

    id: str
    title: str
    artist: str
    catalogue: str
    year: int | None
    genre: str
    valence: float
    energy: float
    tempo_bpm: float | None
    reason: str
    terms: dict[str, float] | None = Field(description="The ranking terms behind the reason, larger is better.")


class TracksView(Answer):
    """Tracks in listening order."""

    id: str
    tracks: list[TrackView]
    explanation: str


class PlaylistAnswer(Answer):
    """A finished playlist."""

    run_id: str
    status: Literal["succeeded"]
    seed: int
    playlist: TracksView
    mood: MoodView | None
    context_effects: list[str]
    writer: WriterView
    degraded: bool
    links: dict[str, str]


class Interrupt(Answer):
    """What an interrupted run asks; answer at POST /runs/{id}/resume."""

    id: str
    value: Any
    schema_: Json | None = Field(None, alias="schema")


class Accepted(Answer):
    """A run that has not ended yet."""

    run_id: str
    status: RunStatus
    interrupts: list[Interrupt] | None = None
    links: dict[str, str]


class RunSummary(Answer):
    """A run as lists show it."""

    id: str
    kind: str
    graph: str
    status: RunStatus
    origin: str
    preview: str
    thread_id: str
    writer_provider: str | None
    writer_model: str | None
    last_seq: int = Field(description="Events so far.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @computed_field
    @property
    def links(self) -> dict[str, str]:
        """Where the run can be looked at."""
        return links_json(self.id)


class RunView(RunSummary):
    """A run with what went in and what came out."""

    input: Any
    result: Json | None
    problem: Json | None
    interrupts: list[Json] | None
    degraded: list[Json] | None


class EventView(Answer):
    """One event of a run's stream."""

    seq: int
    type: str
    data: Json


class EventPage(Answer):
    """Events in order; ask again with `after` set to the last one's number."""

    items: list[EventView]
    status: RunStatus
    next: int | None = Field(None, description="Number to ask after, null where the run has ended and all is here.")


class StepView(Answer):
    """One attempt of one step."""

    id: str
    run_id: str
    agent: str
    node: str
    label: str | None
    attempt: int
    status: str
    checkpoint_id: str | None
    provider: str | None
    model: str | None
    prompt: str | None
    prompt_digest: str | None
    calls: int
    tokens_in: int | None
    tokens_out: int | None
    first_token_ms: float | None
    duration_ms: float | None
    cost: float | None
    error_type: str | None
    error: str | None
    preview: str | None
    started_at: datetime
    finished_at: datetime | None


class StepPayloads(Answer):
    """One attempt of one step with what it was given, what it made and what it said to models."""

    step: StepView
    input: Any
    output: Any
    calls: Any


class Items(Answer, Generic[T]):
    """A list that is short enough to come whole."""

    items: list[T]


class CheckpointView(Answer):
    """The state of a run's thread at the end of one superstep."""

    checkpoint_id: str
    parent_id: str | None
    step: int | None
    source: str | None
    next: list[str] = Field(description="Nodes that would run next.")
    created_at: str | None
    values: dict[str, str] = Field(description="Names of the values present, with the first words of each.")


class Health(Answer):
    """Whether the service works, in one word, and which parts are away."""

    status: Literal["ok", "degraded"]
    version: str
    away: list[str]


class HealthInfo(Health):
    """Every part's own account of itself."""

    database: Json
    cache: Json
    vectors: Json
    models: Json
    embedder: Json
    streams: Json


class Alive(Answer):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Root(Answer):
    """Where to start."""

    name: str
    version: str
    links: dict[str, str]


class ProblemKindView(Answer):
    """What a type of problem means and what to do about it."""

    type: str
    title: str
    status: int
    meaning: str
    remedy: str
