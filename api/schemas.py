"""What clients send: every field with its bounds and an example. What they get back is in `api/answers.py`.

Whatever passes here can be kept and worked with: no NUL, no lone surrogate, no number that a database refuses.
"""

import math
import unicodedata
from collections.abc import Iterator
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from songwright.errors import Unfit
from songwright.form import MOST_SECTIONS, STRUCTURES, parse_structure
from songwright.song import Arc, Brief, SectionKind
from songwright.song import Context as DomainContext

DEEPEST = 32  # levels of nesting in a body
LARGEST_INT = 2**63 - 1
MOST_LINES = 40  # of one section in an edit
MOST_WORDS_CHARS = 8_000  # of all lines of an edit: measuring words that no dictionary knows takes its time


def _walk(value: Any) -> Iterator[tuple[str, int, Any]]:
    """Every value and key within a JSON value, with its pointer and depth."""
    waiting: list[tuple[str, int, Any]] = [("", 0, value)]
    while waiting:
        pointer, depth, part = waiting.pop()
        yield pointer, depth, part
        if depth > DEEPEST:
            continue
        if isinstance(part, dict):
            for key, inner in cast("dict[Any, Any]", part).items():
                inside = f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
                yield inside, depth, key
                waiting.append((inside, depth + 1, inner))
        elif isinstance(part, list):
            waiting += [(f"{pointer}/{i}", depth + 1, inner) for i, inner in enumerate(cast("list[Any]", part))]


def _fault_of(depth: int, part: Any) -> str | None:
    fault = None
    match part:
        case _ if depth > DEEPEST:
            fault = f"This nests deeper than {DEEPEST} levels."
        case str() if "\0" in part:
            fault = "A text may not hold a NUL character."
        case str() if not part.isascii() and any("\ud800" <= char <= "\udfff" for char in part):
            fault = "A text may not hold half of a surrogate pair; send whole characters."
        case int() if abs(part) > LARGEST_INT:
            fault = "A whole number may have 64 bits at most."
        case float() if not math.isfinite(part):
            fault = "A number must be finite."
        case _:
            pass
    return fault


class Body(BaseModel):
    """A request body: no other fields than its own, and nothing in it that could not be kept."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _clean(cls, value: Any) -> Any:
        for pointer, depth, part in _walk(value):
            if fault := _fault_of(depth, part):
                sendable = pointer.encode("utf-8", "backslashreplace").decode()
                raise PydanticCustomError("unclean", fault, {"pointer": sendable})  # pyright: ignore[reportArgumentType]
        return value


def _not_blank(text: str) -> str:
    if all(unicodedata.category(char)[0] in "ZC" for char in text):
        raise PydanticCustomError("blank", "This must say something; it is blank")
    return text


def _one_line(text: str) -> str:
    if any(unicodedata.category(char) in ("Cc", "Zl", "Zp") for char in text):
        raise PydanticCustomError("lines", "This is one line of text, without line breaks or control characters")
    return _not_blank(text)


Words = Annotated[str, AfterValidator(_not_blank)]
Label = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_one_line)
]
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_one_line)
]


def _structure(value: Any) -> Any:
    """Raises Unfit, which points at the field, where a word is no section."""
    if isinstance(value, list):
        parts = cast("list[Any]", value)
        if len(parts) > MOST_SECTIONS or not all(isinstance(part, str) and len(part) <= 40 for part in parts):
            raise Unfit(f"A structure lists 1 to {MOST_SECTIONS} names of sections.", pointer="/structure")
        return parse_structure(", ".join(parts))
    if isinstance(value, str):
        if len(value) > 400:
            raise Unfit("A structure has 400 characters at most.", pointer="/structure")
        return parse_structure(value)
    return value


Structure = Annotated[
    tuple[SectionKind, ...] | None,
    BeforeValidator(_structure),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "maxLength": 400},
                {"type": "array", "minItems": 1, "maxItems": MOST_SECTIONS, "items": {"type": "string"}},
                {"type": "null"},
            ],
        }
    ),
]
Model = Annotated[str, StringConstraints(min_length=1, max_length=200)]
OnDisconnect = Annotated[
    Literal["continue", "cancel"],
    Field(description="What becomes of the run when the client goes away before it has its answer."),
]
MODEL_HELP = "auto, embedded, ollama:NAME or provider:model; the setting decides where it is absent."


class GenerateRequest(Body):
    """What a song should be about, and as much of its form as you want to decide."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"prompt": "Leaving the village where everyone knows my name", "genre": "folk", "mood": "wistful"},
                {"prompt": "My daughter learns to ride a bike", "rhyme": "ABAB", "syllables": 8, "seed": 7},
            ]
        }
    )

    prompt: Words = Field(
        min_length=1,
        description="What it is about, in your own words; SONGWRIGHT_LIMITS__PROMPT_CHARS bounds it (8000).",
    )
    genre: Label | None = Field(None, description="Any genre; an unfamiliar one gets verse, chorus and bridge.")
    mood: Label | None = Field(None, description="How it should feel, in words.")
    theme: Label | None = Field(None, description="What its images are drawn from.")
    structure: Structure = Field(
        None,
        description=f"A template ({', '.join(STRUCTURES)}) or sections ({', '.join(k.value for k in SectionKind)}).",
        examples=["verse-chorus-bridge", ["verse", "chorus", "verse", "chorus", "bridge", "chorus"]],
    )
    rhyme: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{1,16}$")] | None = Field(
        None, description="One letter a line of a stanza; X rhymes with none.", examples=["ABAB", "XAXA"]
    )
    syllables: int | None = Field(None, ge=3, le=16, description="Syllables a line.")
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}$", max_length=35)] = (
        Field("en", description="BCP 47 tag. The embedded writer writes English and says so for any other.")
    )
    model: Model | None = Field(None, description=MODEL_HELP)
    seed: int | None = Field(
        None,
        ge=0,
        le=LARGEST_INT,
        description="Equal seeds and requests give equal songs; chosen where it is absent.",
    )
    review_plan: bool = Field(False, description="Stop after planning until a person has accepted the plan.")
    on_disconnect: OnDisconnect = "continue"

    def brief(self, *, seed: int) -> Brief:
        """The request as the agents know it."""
        return Brief(
            prompt=self.prompt,
            genre=self.genre,
            mood=self.mood,
            theme=self.theme,
            structure=self.structure or (),
            rhyme=self.rhyme.upper() if self.rhyme else None,
            syllables=self.syllables,
            language=self.language,
            seed=seed,
            review_plan=self.review_plan,
        )


class ListeningContext(BaseModel):
    """What surrounds the listener; absent fields change nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    weather: Label | None = Field(None, examples=["rain"])
    temperature_c: float | None = Field(None, ge=-90, le=60, description="Degrees Celsius.")
    time_of_day: Label | None = Field(None, examples=["late night"])
    season: Label | None = Field(None, examples=["autumn"])
    activity: Label | None = Field(None, examples=["driving"])
    location: Label | None = Field(None, examples=["at home"])


class RecommendRequest(Body):
    """How you feel, in your own words, and what the playlist should do about it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "Tired but happy after a long day, I want to wind down", "count": 10},
                {"text": "I feel low and want to feel better", "arc": "lift", "context": {"weather": "rain"}},
            ]
        }
    )

    text: Words = Field(min_length=1, description="How you feel or what the music is for; bounded like a prompt.")
    count: int = Field(20, ge=1, le=100, description="Tracks.")
    arc: Arc | None = Field(None, description="Where the playlist leads; read from the text where it is absent.")
    catalogue: Label | None = Field(None, description="The catalogue to choose from; all where it is absent.")
    seed_tracks: list[Name] = Field([], max_length=100, description="Ids or titles of tracks to resemble.")
    exclude: list[Name] = Field([], max_length=100, description="Ids, titles or artists that must not appear.")
    model: Model | None = Field(None, description=MODEL_HELP)
    seed: int | None = Field(None, ge=0, le=LARGEST_INT, description="Settles what is left to chance.")
    context: ListeningContext | None = None
    on_disconnect: OnDisconnect = "continue"

    def brief(self, *, seed: int) -> Brief:
        """The request as the agents know it."""
        return Brief(
            prompt=self.text,
            seed=seed,
            count=self.count,
            arc=self.arc,
            catalogue=self.catalogue,
            seed_tracks=tuple(self.seed_tracks),
            exclude=tuple(self.exclude),
            context=DomainContext(**self.context.model_dump()) if self.context else None,
        )


class ResumeRequest(Body):
    """A person's answer to an interrupted run."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"value": {"accept": True, "title": "Slow Train"}}]})

    value: Any = Field(
        description="What the interrupt's schema asks for, or {interrupt id: value} where there are more."
    )


LineText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_one_line)
]


class LineEdit(BaseModel):
    """A line to put in. With the id of a line that is there it takes its place and keeps its history."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, StringConstraints(min_length=1, max_length=36)] | None = None
    text: LineText


class LineChange(LineEdit):
    """New words for a line that is there, wherever it is sung."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=36)]  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]


class SectionEdit(BaseModel):
    """A section as it shall be."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Label
    kind: SectionKind
    lines: list[LineEdit] = Field(min_length=1, max_length=MOST_LINES)


class LyricsEdit(Body):
    """What to change of a song; the words become a new version by a person."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"title": "The Long Way Home", "status": "published"},
                {
                    "lines": [
                        {"id": "0198c1de-7c7c-7b5a-8d6f-1b1f0f2f3a4b", "text": "I took the long way home tonight"}
                    ]
                },
            ]
        }
    )

    title: Name | None = None
    status: Literal["draft", "published"] | None = None
    lines: list[LineChange] | None = Field(None, min_length=1, max_length=100, description="Lines by id.")
    sections: list[SectionEdit] | None = Field(
        None, min_length=1, max_length=MOST_SECTIONS, description="All sections as they shall be."
    )
    note: Annotated[str, StringConstraints(max_length=200)] = Field("", description="Why, for the list of versions.")
    version: int | None = Field(None, ge=1, le=2**31 - 1, description="The version this edit was made on.")

    @model_validator(mode="after")
    def _says_something(self) -> "LyricsEdit":
        if self.title is None and self.status is None and self.lines is None and self.sections is None:
            raise PydanticCustomError("empty", "Change at least one of title, status, lines and sections")
        if self.lines is not None and self.sections is not None:
            raise PydanticCustomError("both", "Give either lines or sections, not both")
        edits = [*(self.lines or ()), *(line for section in self.sections or () for line in section.lines)]
        if sum(len(line.text) for line in edits) > MOST_WORDS_CHARS:
            raise PydanticCustomError("long", "The words of an edit may have 8,000 characters in all")
        return self


class FeedbackRequest(Body):
    """What you say of a playlist, or of one of its tracks; at least one of rating, reaction and comment."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rating": 5, "comment": "Just right"}]})

    rating: int | None = Field(None, ge=1, le=5)
    reaction: Literal["like", "dislike", "skip"] | None = None
    track_id: Name | None = Field(None, description="The track meant; the whole playlist where it is absent.")
    comment: Annotated[str, StringConstraints(max_length=2000), AfterValidator(_not_blank)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "FeedbackRequest":
        if self.rating is None and self.reaction is None and self.comment is None:
            raise PydanticCustomError("empty", "Say at least one of rating, reaction and comment")
        return self
