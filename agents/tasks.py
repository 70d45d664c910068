"""The typed task that goes beside every prompt, and the shapes that structured answers take.

A model with weights reads the prompt; the embedded writer reads the task. Both answer in the same shape.
"""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from songwright.song import Brief, KeptSong, Mark, Mood, Plan, Playlist, Section, SectionPlan

Phrase = Annotated[str, Field(min_length=1, max_length=120)]


class PlanDraft(BaseModel):
    """What a writer decides about a song before the first line. Every field bounded: models run on otherwise."""

    model_config = ConfigDict(frozen=True)

    title: Annotated[str, Field(min_length=1, max_length=60)]
    hook: Annotated[str, Field(min_length=1, max_length=60)]
    theme: Annotated[str, Field(min_length=1, max_length=60)]
    images: Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=24)]
    jobs: Annotated[list[Phrase], Field(max_length=16)]  # one sentence per section, in order


class Alternatives(BaseModel):
    """Candidate replacements for one line, best first."""

    model_config = ConfigDict(frozen=True)

    lines: Annotated[list[Phrase], Field(min_length=1, max_length=12)]


class MoodOpinion(BaseModel):
    """A model's reading of a text; the embedded reading is its check and its fallback."""

    model_config = ConfigDict(frozen=True)

    feeling: Annotated[str, Field(min_length=1, max_length=40)]
    wish: Annotated[str, Field(max_length=40)]  # empty where none was said
    valence: Annotated[float, Field(ge=0, le=1)]
    energy: Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class ReadMood:
    """Read how a text feels."""

    text: str


@dataclass(frozen=True, slots=True)
class DraftPlan:
    """Choose title, hook, theme, images and each section's job. Answer: PlanDraft."""

    brief: Brief
    mood: Mood
    sections: tuple[SectionPlan, ...]  # the form, already decided: names, schemes, syllables
    kept: tuple[KeptSong, ...]


@dataclass(frozen=True, slots=True)
class WriteSection:
    """Write one section, a line of text per line of its plan. Answer: plain text, lines separated by newlines."""

    brief: Brief
    mood: Mood
    plan: Plan
    section: SectionPlan
    written: tuple[Section, ...]  # sections written so far (choruses come first)


@dataclass(frozen=True, slots=True)
class MendLine:
    """Offer replacements for one line of a section. Answer: Alternatives."""

    brief: Brief
    mood: Mood
    plan: Plan
    section: SectionPlan
    song: tuple[Section, ...]  # the draft as it stands
    section_index: int
    mark: Mark  # names the line and its fault
    round: int


@dataclass(frozen=True, slots=True)
class ExplainPlaylist:
    """Say in one or two sentences why this playlist answers this text. Answer: plain text."""

    brief: Brief
    mood: Mood
    playlist: Playlist


Task = ReadMood | DraftPlan | WriteSection | MendLine | ExplainPlaylist
