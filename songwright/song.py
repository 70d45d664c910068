"""The words every room speaks: brief, mood, plan, line, section, song, verdict, track, playlist.

Knows what these things are; refuses to know how they are made, judged, kept or shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

Author = Literal["person", "model", "embedded"]
PointOfView = Literal["i", "you", "we", "she", "he", "they"]
Arc = Literal["match", "lift", "calm", "energize", "iso", "direct"]


class SectionKind(StrEnum):
    """The job a section has in a song's form."""

    INTRO = "intro"
    VERSE = "verse"
    PRE_CHORUS = "pre-chorus"
    CHORUS = "chorus"
    HOOK = "hook"
    BRIDGE = "bridge"
    OUTRO = "outro"


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote: `embedded`/`songwright-bank`, or a provider and its model's name."""

    provider: str
    model: str


@dataclass(frozen=True, slots=True)
class Context:
    """What surrounds the listener, as far as it was said; absent fields change nothing."""

    weather: str | None = None
    temperature_c: float | None = None
    time_of_day: str | None = None
    season: str | None = None
    activity: str | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Brief:
    """What a person asked for. `prompt` is their own words and is only ever treated as text to write about."""

    prompt: str
    genre: str | None = None
    mood: str | None = None
    theme: str | None = None
    structure: tuple[SectionKind, ...] = ()  # empty: the planner chooses a form for the genre
    rhyme: str | None = None  # one letter a line of a stanza, e.g. "ABAB"; X rhymes with none
    syllables: int | None = None  # per line, 3 to 16
    language: str = "en"
    seed: int = 0  # equal seeds and briefs give equal songs from the embedded writer
    review_plan: bool = False
    # For /recommend
    count: int = 20  # tracks
    arc: Arc | None = None  # None: from the text's wish
    catalogue: str | None = None
    seed_tracks: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()  # track ids, titles or artists that must not appear
    context: Context | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A range on one axis of the mood plane, each value in 0..1; `point` is the best single guess within it."""

    low: float
    high: float
    point: float


@dataclass(frozen=True, slots=True)
class Mood:
    """How a text feels and what its writer wishes to feel, on the valence-energy plane (Russell 1980).

    `valence` and `energy` are the target for the music or lyric: the wish where one was said, otherwise the
    feeling. `start` is where the person is now (valence, energy), each in 0..1.
    """

    feeling: str
    wish: str | None
    valence: Span
    energy: Span
    start: tuple[float, float]
    emotions: Mapping[str, float]  # label → score in 0..1, highest first
    confidence: float  # 0..1
    how: str  # which parts read it, e.g. "lexicon", "lexicon+anchors", "lexicon+anchors+ollama:llama3"


@dataclass(frozen=True, slots=True)
class SectionPlan:
    """What one section must be before a word of it is written."""

    name: str  # "Verse 1", unique within the plan
    kind: SectionKind
    scheme: str  # one letter a line, "ABAB"; "X" rhymes with none
    syllables: tuple[int, ...]  # target per line, as long as `scheme`
    job: str  # what this section tells, one sentence
    images: tuple[str, ...] = ()  # concrete things allotted to this section alone
    repeats: str | None = None  # name of the earlier section whose words it sings again


@dataclass(frozen=True, slots=True)
class Plan:
    """A song's blueprint: title, hook, point of view and sections in singing order."""

    title: str
    hook: str  # the phrase a chorus comes back to, word for word
    theme: str  # key of the theme the images are drawn from, or the brief's own words
    point_of_view: PointOfView
    tense: Literal["past", "present", "future"]
    sections: tuple[SectionPlan, ...]
    images: tuple[str, ...] = ()
    note: str = ""  # what was declared about the brief, e.g. an unfamiliar genre


@dataclass(frozen=True, slots=True)
class Line:
    """One sung line. The id stays with it through edits and versions; locks and diffs hang on it."""

    id: str
    text: str
    author: Author


@dataclass(frozen=True, slots=True)
class Section:
    """Lines sung together under one name."""

    name: str
    kind: SectionKind
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Song:
    """A title and its sections in singing order."""

    title: str
    sections: tuple[Section, ...]

    @property
    def text(self) -> str:
        """The whole song as plain text, sections separated by blank lines."""
        return "\n\n".join("\n".join(line.text for line in section.lines) for section in self.sections)


@dataclass(frozen=True, slots=True)
class LineMeasure:
    """What can be measured of a line as sung in its section."""

    syllables: int  # best single count
    syllable_set: tuple[int, ...]  # every admissible count, ascending
    stress: str  # one character a syllable: "/" stressed, "x" unstressed
    rhyme: str | None  # letter by first appearance within the section; None where it rhymes with none
    grade: str | None  # grade of that rhyme, e.g. "perfect"
    partner: int | None  # index of the earlier line it rhymes with


@dataclass(frozen=True, slots=True)
class Score:
    """A value in 0..1 and how it was obtained."""

    value: float
    how: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One fault the critic found, anchored to a line: the measured fact and what would mend it."""

    section: int  # index into the song's sections
    line: int  # index into the section's lines
    fault: Literal["rhyme", "syllables", "repetition", "cliche", "theme", "structure"]
    fact: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The critic's judgement of one draft."""

    overall: float  # 0..1
    scores: Mapping[str, Score]  # criterion → score
    marks: tuple[Mark, ...]
    measures: tuple[tuple[LineMeasure, ...], ...]  # per section, per line
    round: int  # 0 for the first draft


@dataclass(frozen=True, slots=True)
class Track:
    """A recording of a catalogue, with its place on the mood plane."""

    id: str  # the catalogue's own id, unique within it
    catalogue: str
    title: str
    artist: str
    year: int | None
    genre: str
    valence: float  # 0..1
    energy: float  # 0..1
    tempo_bpm: float | None
    key: int | None = None  # pitch class 0..11, C = 0
    mode: int | None = None  # 1 major, 0 minor
    instrumental: bool = False
    tags: tuple[str, ...] = ()
    source: str = "editor"


@dataclass(frozen=True, slots=True)
class Pick:
    """A track chosen for a playlist and the true reason why."""

    track: Track
    reason: str
    terms: Mapping[str, float]  # the ranking terms behind the reason, larger is better


@dataclass(frozen=True, slots=True)
class Playlist:
    """Picks in listening order, with a sentence on the whole."""

    picks: tuple[Pick, ...]
    explanation: str
    arc: Arc
    relaxed: tuple[str, ...] = ()  # what was relaxed because too few tracks remained
    context_effects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeptSong:
    """A song the user kept, as retrieval hands it to the planner for inspiration."""

    id: str
    title: str
    excerpt: str
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """The coordinator's typed choice of a route, with its reason."""

    route: Literal["generate", "recommend"]
    reason: str


@dataclass(frozen=True, slots=True)
class Degradation:
    """What stood in for what, and why; shown to the caller as `degraded`."""

    step: str
    reason: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call to a model, as the trace keeps it."""

    provider: str
    model: str
    prompt: str  # name of the speech
    prompt_digest: str  # sha256 of its template, hex
    tokens_in: int | None
    tokens_out: int | None
    first_token_ms: float | None
    duration_ms: float
    messages: tuple[Mapping[str, str], ...] = field(default=())  # the rendered speech: role, content
    answer: str = ""
