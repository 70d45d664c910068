"""Rhyme: what rhymes with a word, beside the grades and schemes of the files it gathers.

Knows words; refuses to know syllable counts, meter and what a rhyme is worth to a critic.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from songwright.data import VOWELS, decode, encode, rhyme_table
from songwright.ending import RANK, Ending, Grade, compare, end_word, ending_of, endings, grade, last_words
from songwright.scheme import Scheme, find_scheme
from songwright.sound import commonness, pronunciations

__all__ = ["Grade", "Rhyme", "Scheme", "end_word", "find_scheme", "grade", "is_worn", "rhyme_classes", "rhymes"]


@lru_cache(maxsize=65_536)
def rhyme_classes(word: str) -> frozenset[str]:
    """Return the keys of a word; two words with a common key and different onsets rhyme perfectly."""
    return frozenset(ending.key for ending in endings(last_words(word)) if not ending.is_light)


@dataclass(frozen=True, slots=True)
class Rhyme:
    """A word that rhymes with the one asked for."""

    word: str
    grade: Grade
    syllables: int
    worn: bool  # heard too often together, as love and above


_WORN_SETS = (
    "love above dove of glove", "fire desire higher", "heart apart start", "night light right tonight bright",
    "eyes skies lies cries", "me free be see", "you true blue too do through", "day way say stay away today",
    "pain rain again", "time mine", "go know show so", "hand stand understand land", "life strife wife knife",
    "feel real heal", "dreams seems", "moon june soon", "tears fears years", "alone home phone", "mind find kind",
    "dance chance romance", "kiss miss bliss", "breath death", "sad bad mad glad", "face place grace", "fly sky high",
    "arms charms", "baby maybe", "burn learn turn", "cold hold old", "world girl", "road load", "sea free me",
    "down around town", "crazy lazy baby", "forever together never", "change strange", "inside hide side", "gone on",
)  # fmt: skip
_WORN = {word: frozenset[str]() for names in _WORN_SETS for word in names.split()}
for _names in _WORN_SETS:
    for _word in _names.split():
        _WORN[_word] |= frozenset(_names.split()) - {_word}


def is_worn(a: str, b: str) -> bool:
    """True where two words have been rhymed so often that a listener expects the second."""
    return end_word(b) in _WORN.get(end_word(a), frozenset())


@lru_cache(maxsize=4)
def _classes_on(vowel: str) -> tuple[tuple[Ending, str], ...]:
    """Every rhyme class on a vowel, with its words."""
    start = encode((vowel,))
    found = ((key, names) for key, names in rhyme_table() if key.startswith(start))
    return tuple((ending_of(decode(key), ()), names) for key, names in found)


def _neighbours(ending: Ending) -> Iterator[tuple[str, Grade]]:
    """Yield the words of every class that rhymes with an ending, and how."""
    if not ending.beats or ending.is_light:
        return
    vowel = ending.beats[0][0]
    for other, names in _classes_on(vowel):
        found = Grade.PERFECT if other.key == ending.key else compare(ending, other)
        if found:
            yield names, found
    for instead in VOWELS:
        names = rhyme_table().find(encode((instead, *decode(ending.key)[1:])))
        if instead != vowel and ending.beats[0][1] and names:
            yield names, Grade.CONSONANCE


@lru_cache(maxsize=1024)
def _rhymes(word: str) -> tuple[Rhyme, ...]:
    near: dict[str, Grade] = {}
    for ending in endings((word,)):
        for names, found in _neighbours(ending):
            for name in names.split(" "):
                if name not in near or RANK[found] < RANK[near[name]]:
                    near[name] = found
    near.pop(word, None)
    ordered = sorted(near, key=lambda name: (RANK[near[name]], -commonness(name), name))[:1000]
    graded = [(name, grade(word, name)) for name in ordered]
    graded.sort(key=lambda pair: RANK[pair[1]] if pair[1] else 99)
    return tuple(
        Rhyme(name, found, pronunciations(name)[0].syllables, is_worn(word, name)) for name, found in graded if found
    )


def rhymes(word: str, *, limit: int = 100) -> list[Rhyme]:
    """Return words that rhyme with a word, the best grade first and the commonest first within a grade."""
    return list(_rhymes(end_word(word))[:limit])
