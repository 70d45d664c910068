"""What a run tells while it runs: the typed events of its stream, in the words clients see.

Knows the events' names and fields; refuses to know how they are numbered, kept or sent.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from songwright.song import Line, Playlist, Verdict


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of lyric as it is written; pieces of a section join without anything between."""

    type: ClassVar[str] = "token"
    section: str
    text: str


@dataclass(frozen=True, slots=True)
class SectionWritten:
    """A section is complete: its whole text, so that a client need not have kept the tokens."""

    type: ClassVar[str] = "section_written"
    section: str
    kind: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VerdictReached:
    """The critic judged a draft."""

    type: ClassVar[str] = "verdict"
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class LineMended:
    """The refiner replaced one line that the critic had marked."""

    type: ClassVar[str] = "line_mended"
    section: str
    line: int  # index within the section
    before: str
    after: Line
    reason: str


@dataclass(frozen=True, slots=True)
class PlaylistMade:
    """The curator finished an order of tracks."""

    type: ClassVar[str] = "playlist"
    playlist: Playlist


Progress = Token | SectionWritten | VerdictReached | LineMended | PlaylistMade

# The events of a run's own life, written by Studio beside the ones above.
LIFE_EVENTS = (
    "run_started",
    "step_started",
    "step_restarted",
    "step_finished",
    "interrupted",
    "run_finished",
    "run_failed",
)
EVENT_TYPES = (*LIFE_EVENTS, "token", "section_written", "verdict", "line_mended", "playlist")
Payload = dict[str, Any]  # JSON object of one event
