"""Parts of lines: pieces of the bank in plain English, whole lines made of them, and the stock of one section.

Knows what a piece carries; refuses to know how pieces are chosen.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from agents.embedded.grammar import Form, PointOfView
from agents.embedded.wordlists import listed
from songwright.sound import pronunciations, words

Role = Literal["main", "sub", "and", "ing", "frag"]
Subject = Literal["i", "you", "we", "other"]

SPEAKER = re.compile(r"\b(?:I|I'm|I'd|I'll|I've|me|my|mine|myself)\b")
ADDRESSEE = re.compile(r"\b(?:you|your|yours|you're|you'd|you'll|you've)\b")
_WE = re.compile(r"\b(?:we|us|our|ours|we're|we'd|we'll|we've)\b")
_PLAIN = listed("plain")
_STEM = 5  # letters by which two words count as the same picture: borrow, borrowed


@dataclass(frozen=True, slots=True)
class Part:
    """A piece in plain English, ready to be joined."""

    text: str
    syllables: int
    source: str  # where in the bank it came from: no source twice in a section
    content: frozenset[str]
    merit: float
    beats: str  # "/" stressed, "x" unstressed, as the dictionary has it
    code: str = ""  # of an end; for a beginning the ends it accepts
    subject: Subject = "other"
    kind: str = ""
    end: str = ""
    uses_speaker: bool = False
    is_negative: bool = False
    tells_time: bool = False
    is_adorned: bool = False  # carries an added "still" or "just"
    meets: str = ""  # the person who is its object: nobody walks ahead of himself
    unit: int = -1  # the unit a whole line belongs to
    half: int = 0  # 1 and 2 in a unit of two lines
    is_bound: bool = False  # its second line has to follow


@dataclass(frozen=True, slots=True)
class Candidate:
    """A whole line that could be sung."""

    text: str
    end: str
    sources: frozenset[str]
    content: frozenset[str]
    merit: float
    subject: Subject
    kind: str
    role: Role
    code: str
    has_opener: bool
    unit: int = -1
    half: int = 0
    is_bound: bool = False


@dataclass(slots=True)
class Stock:
    """The pieces of one section by what is asked of them."""

    heads: dict[Form | Literal["sub"], dict[str, dict[int, list[Part]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    )
    tails: dict[str, list[Part]] = field(default_factory=lambda: defaultdict(list))  # by rhyme class
    wholes: dict[str, list[Part]] = field(default_factory=lambda: defaultdict(list))  # by rhyme class
    middles: dict[str, dict[int, list[Part]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    openers: dict[str, dict[int, list[Part]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))


def content_words(text: str) -> frozenset[str]:
    """Return the words of a line that carry its picture, cut to their stems."""
    return frozenset(word[:_STEM] for word in words(text) if word not in _PLAIN and len(word) > 2)


def suits(text: str, view: PointOfView) -> bool:
    """True where the phrase can be said from this point of view without a change of who is meant."""
    has_other, has_we = bool(ADDRESSEE.search(text)), bool(_WE.search(text))
    if view in {"we", "you"}:
        return not has_other and not (has_we and view == "you") and not (has_we and bool(SPEAKER.search(text)))
    return not has_we if view in {"she", "he", "they"} else True


@lru_cache(maxsize=16_384)
def beats_of(word: str) -> str:
    """Return a word's stress as a line usually has it: small words light, the rest as in the dictionary."""
    said = pronunciations(word)
    if not said:
        return ""
    return "x" if said[0].syllables == 1 and word in _PLAIN else said[0].stress
