"""Whole lines and two-line units written by hand, with choices that all make sense: `I [keep|hide] your key`.

Knows their notation and how to bring one to an exact length; refuses to know where they are sung.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from agents.embedded.grammar import PointOfView, Stance, Tense, article, render
from songwright.rhyme import end_word
from songwright.sound import pronunciations, words

_CHOICE = re.compile(r"\[([^\]]*)\]")
_ARTICLE = re.compile(r"\b([Aa])n? (?=([A-Za-z]+))")
_MARKUP = re.compile(r"<([a-z']+)(?:\|\w+)?>")
_STANDS = re.compile(r"(?:I|you|we|there|my|the|somebody)\b")
_LEANS = re.compile(r"\b(?:it|them|him|her|his|he|she|they|one|ones|too|either|again|not)\b")
# A plain statement may take a small adverb before its verb.
_LOOSE = re.compile(r"^(I |you |we |and )<((?!['b]|can|don't|have).*)", re.DOTALL)

Slots = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """One line, or two that are one thought; a first line that ends in a comma never stands alone."""

    id: int
    text: str
    tags: frozenset[str]
    theme: str
    ends: tuple[tuple[str, ...], ...]  # by line: the words it may end on, empty where that depends on the tense


def a_unit(number: int, text: str, tags: frozenset[str], theme: str) -> Unit:
    """Return a unit read from its row."""
    text = " / ".join(_LOOSE.sub(r"\1[still |]<\2", line) for line in text.split(" / "))
    return Unit(number, text, tags, theme, tuple(_ends(line) for line in text.split(" / ")))


def standing(text: str) -> Iterator[str]:
    """Yield the lines of a two-line unit that make sense alone."""
    first, mark, second = text.partition(" / ")
    if mark and not first.endswith(","):
        yield first
    if _STANDS.match(second) and not _LEANS.search(second):
        yield second


def _ends(line: str) -> tuple[str, ...]:
    finals = _slots(line)[-1]
    return tuple(dict.fromkeys(end_word(final) for final in finals if final and ">" not in final.split()[-1]))


@lru_cache(maxsize=8192)
def _slots(line: str) -> Slots:
    """Split a line into what is fixed and what is chosen; the last slot is never empty."""
    pieces = _CHOICE.split(line.strip())
    slots = [tuple(piece.split("|")) if place % 2 else (piece,) for place, piece in enumerate(pieces)]
    return tuple(slot for slot in slots if slot != ("",))


@lru_cache(maxsize=8192)
def rendered(text: str, view: PointOfView, tense: Tense) -> tuple[Slots, ...]:
    """Return the lines of a unit in plain English, their choices still open."""
    marked = _MARKUP.sub(lambda verb: verb.group(0).replace("|", "~"), text)
    plain = render(marked.replace("~", "|"), Stance(view, tense, is_dependent=True))
    return tuple(_slots(line) for line in plain.split(" / "))


@lru_cache(maxsize=32_768)
def _length(text: str) -> int:
    return sum(said[0].syllables for word in words(text) if (said := pronunciations(word)))


@lru_cache(maxsize=8192)
def lengths(slots: Slots) -> tuple[frozenset[int], ...]:
    """Return for each slot the lengths that it and the slots after it can have together."""
    reach = [frozenset({0})]
    for slot in reversed(slots):
        sizes = {_length(option) for option in slot}
        reach.append(frozenset(size + rest for size in sizes for rest in reach[-1]))
    return tuple(reversed(reach))


def spoken(slots: Slots, target: int, chance: random.Random, *, most: int) -> Iterator[str]:
    """Yield up to `most` different ways to say a line in exactly `target` syllables."""
    reach = lengths(slots)
    if target not in reach[0]:
        return
    seen: set[str] = set()
    for _ in range(most * 2):
        text = _said(slots, reach, target, chance)
        if text not in seen:
            seen.add(text)
            yield text
        if len(seen) == most:
            return


def _said(slots: Slots, reach: Sequence[frozenset[int]], target: int, chance: random.Random) -> str:
    chosen: list[str] = []
    room = target
    for place, slot in enumerate(slots):
        fitting = [option for option in slot if room - _length(option) in reach[place + 1]]
        option = fitting[0] if len(fitting) == 1 else chance.choice(fitting)
        chosen.append(option)
        room -= _length(option)
    text = " ".join("".join(chosen).split()).replace(" ,", ",")
    return _ARTICLE.sub(lambda found: _with_case(found.group(1), article(found.group(2))) + " ", text)


def _with_case(letter: str, word: str) -> str:
    return word.capitalize() if letter == "A" else word


def told_in(tense: Tense) -> Tense:
    """Return the tense whole lines take: what is still to come is told as if it were here."""
    return "present" if tense == "future" else tense
