"""How two line ends rhyme: their sounds, compared.

Knows the last words of lines; refuses to know stanzas, syllable counts and what a rhyme is worth to a critic.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from songwright.data import VOWELS, bare, decode, named, rhyme_class
from songwright.sound import Pronunciation, pronunciations, words


class Grade(StrEnum):
    """How two endings rhyme, best first after IDENTICAL (the family of rhyme types is Pattison's).

    IDENTICAL   the same word, or the same sound with the same consonant before it (there/their)
    PERFECT     same from the last stressed vowel on, different consonants before it
    FAMILY      same vowel, end consonants of one family (mad/bat), or a light last syllable (memory/free)
    ADDITIVE    one tail goes on where the other ends (free/speed, dream/dreams)
    SUBTRACTIVE one tail lacks an inner consonant of the other (fast/fat)
    CONSONANCE  same end consonants after another vowel (love/move)
    ASSONANCE   same vowel, other consonants (time/light)
    """

    IDENTICAL = "identical"
    PERFECT = "perfect"
    FAMILY = "family"
    ADDITIVE = "additive"
    SUBTRACTIVE = "subtractive"
    CONSONANCE = "consonance"
    ASSONANCE = "assonance"


BEST_FIRST = (
    Grade.PERFECT,
    Grade.IDENTICAL,
    Grade.FAMILY,
    Grade.ADDITIVE,
    Grade.SUBTRACTIVE,
    Grade.CONSONANCE,
    Grade.ASSONANCE,
)
RANK = {grade: rank for rank, grade in enumerate(BEST_FIRST)}

_VOWELS = frozenset(VOWELS)
_FAMILIES = {
    phone: family
    for family, members in enumerate(("P T K B D G", "F TH S SH V DH Z ZH CH JH HH", "M N NG", "L R", "W Y"))
    for phone in members.split()
}
_LIGHT = named(  # words that may close a mosaic: know it / poet, told you / hold you
    "it you me him her us them in on of to be is are was am for at so no too do by up out off "
    "ya em 'em my i he she we they through one this that there here"
)


@dataclass(frozen=True, slots=True)
class Ending:
    """One way a line may sound at its end: tail split at its vowels, what stands before it, how it came about."""

    key: str  # rhyme class
    beats: tuple[tuple[str, tuple[str, ...]], ...]  # (vowel, consonants after it), merged as the key is
    onset: tuple[str, ...]
    is_light: bool = False  # the tail is an unstressed last syllable, as in memory


def ending_of(tail: Sequence[str], onset: tuple[str, ...], *, is_light: bool = False) -> Ending:
    key = rhyme_class(tail)
    beats: list[tuple[str, tuple[str, ...]]] = []
    for phone in decode(key):
        if phone in _VOWELS:
            beats.append((phone, ()))
        elif beats:
            beats[-1] = (beats[-1][0], (*beats[-1][1], phone))
    return Ending(key, tuple(beats), onset, is_light)


def _word_endings(said: Pronunciation) -> Iterator[Ending]:
    """Yield the endings of a word: from its last stress; from its primary stress; its light last syllable."""
    yield ending_of(said.tail, said.onset)
    phones = said.phones
    vowels = [place for place, phone in enumerate(phones) if bare(phone) in _VOWELS]
    if len(vowels) < 2:
        return
    digits = [phones[place][-1] for place in vowels]
    if digits[-1] == "2" and "1" in digits:
        start = vowels[digits.index("1")]
        yield ending_of([bare(phone) for phone in phones[start:]], phones[max(0, start - 1) : start])
    if digits[-1] == "0" and len(vowels) > 2 and digits[-2] == "0":
        start = vowels[-1]
        before = start - 1 if bare(phones[start - 1]) not in _VOWELS else start
        yield ending_of([bare(phone) for phone in phones[start:]], phones[before:start], is_light=True)


def _mosaics(said: Sequence[str]) -> Iterator[Ending]:
    """Yield endings that reach over the last two words where the last is a light one."""
    if len(said) < 2 or said[-1] not in _LIGHT:
        return
    for head in pronunciations(said[-2])[:2]:
        for last in pronunciations(said[-1])[:2]:
            yield ending_of((*head.tail, *map(bare, last.phones)), head.onset)


@lru_cache(maxsize=65_536)
def endings(said: tuple[str, ...]) -> tuple[Ending, ...]:
    found = [ending for one in pronunciations(said[-1]) for ending in _word_endings(one)] if said else []
    return tuple(dict.fromkeys((*found, *_mosaics(said))))


@lru_cache(maxsize=65_536)
def last_words(line: str) -> tuple[str, ...]:
    return words(line)[-2:]


def end_word(line: str) -> str:
    """Return the last word of a line in lower case, empty where it has none."""
    return (last_words(line) or ("",))[-1]


def _codas(one: tuple[str, ...], other: tuple[str, ...]) -> Grade | None:
    """Compare the consonants after one and the same vowel."""
    if one == other:
        return Grade.PERFECT
    if len(one) == len(other):
        alike = all(a == b or _FAMILIES[a] == _FAMILIES[b] for a, b in zip(one, other, strict=True))
        return Grade.FAMILY if alike else None
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) > 1:
        return None
    if long[: len(short)] == short:
        return Grade.ADDITIVE
    lacks_one = any(long[:place] + long[place + 1 :] == short for place in range(len(long)))
    return Grade.SUBTRACTIVE if lacks_one else None


def compare(one: Ending, other: Ending) -> Grade | None:
    if one.is_light or other.is_light:
        return _compare_light(one, other)
    if one.key == other.key:
        return Grade.IDENTICAL if one.onset == other.onset else Grade.PERFECT
    if len(one.beats) != len(other.beats) or not one.beats:
        return None
    vowels = [(a[0], b[0]) for a, b in zip(one.beats, other.beats, strict=True)]
    codas = [_codas(a[1], b[1]) for a, b in zip(one.beats, other.beats, strict=True)]
    if any(a != b for a, b in vowels[1:]):
        return None
    if vowels[0][0] != vowels[0][1]:
        is_same = all(a[1] == b[1] for a, b in zip(one.beats, other.beats, strict=True))
        return Grade.CONSONANCE if is_same and one.beats[0][1] else None
    worst = max((RANK[grade] if grade else 99 for grade in codas), default=99)
    return Grade.ASSONANCE if worst == 99 else BEST_FIRST[worst]


def _compare_light(one: Ending, other: Ending) -> Grade | None:
    if len(one.beats) != 1 or len(other.beats) != 1 or one.beats[0][1] != other.beats[0][1]:
        return None
    vowels = {one.beats[0][0], other.beats[0][0]}
    is_same = len(vowels) == 1 or (vowels <= {"AH", "IH", "EH"} and bool(one.beats[0][1]))
    return Grade.FAMILY if is_same else Grade.CONSONANCE if one.beats[0][1] else None


@lru_cache(maxsize=262_144)
def _grade(one: tuple[str, ...], other: tuple[str, ...]) -> Grade | None:
    same_word = one[-1:] == other[-1:]
    best: Grade | None = Grade.IDENTICAL if same_word and one else None
    pairs = ((a, b) for a in endings(one) for b in endings(other))
    for a, b in pairs:
        found = compare(a, b)
        if found is None or (same_word and len(a.beats) == 1):
            continue
        if best is None or RANK[found] < RANK[best]:
            best = found
    return best


def grade(a: str, b: str) -> Grade | None:
    """Return how two words or two lines rhyme at their ends, None where they do not.

    The best over all pronunciations, mosaics over two words included; symmetric. A word with itself is
    IDENTICAL.
    """
    one, other = last_words(a), last_words(b)
    if one == other:
        return Grade.IDENTICAL if one else None
    return _grade(one, other) if one <= other else _grade(other, one)
