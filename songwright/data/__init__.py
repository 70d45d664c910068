"""Where the tables that ship with the package are found, and how the pronouncing table is read.

Knows files, bytes and the alphabet they are written in; refuses to know what a rhyme or a syllable is.
"""

import lzma
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files

VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
_CONSONANTS = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"
CONSONANTS = tuple(_CONSONANTS.split())
PHONES = (*(vowel + stress for vowel in VOWELS for stress in "012"), *CONSONANTS, *VOWELS)

FIRST = 0x28  # each phone is one character from here on; tab, space and newline keep their meaning
CODES = {phone: chr(FIRST + place) for place, phone in enumerate(PHONES)}
NAMES = {code: phone for phone, code in CODES.items()}

# The spelling model: one character a pair of letter and phones, chances as steps of a negative logarithm.
BEGIN, END, FIRST_PAIR = "\u0100", "\u0101", 0x102
PAIRS_KEY = "!"
LOG_STEP = 0.3  # nats

_IS_STRESSED = frozenset(vowel + stress for vowel in VOWELS for stress in "12")
_IS_VOWEL = frozenset((*VOWELS, *(vowel + stress for vowel in VOWELS for stress in "012")))
_SCHWAS = frozenset({"AH", "IH", "EH"})  # written at random for one unstressed vowel in the source
_GLIDES = frozenset(("AY", "AW", "OY", "IY", "UW"))
_BEFORE_R = {"IY": "IH", "AE": "EH", "OW": "AO", "UW": "UH"}  # pairs that no American ear tells apart before R


def named(names: str) -> frozenset[str]:
    """Return the set of names written in one string, apart by blanks."""
    return frozenset(names.split())


def table(name: str) -> bytes:
    """Return a data file of this package, unpacked where its name ends in `.xz`.

    Raises:
        FileNotFoundError: there is no such table; run `python -m songwright.data.build_pronunciations`.
    """
    packed = files(__name__).joinpath(name).read_bytes()
    return lzma.decompress(packed) if name.endswith(".xz") else packed


def encode(phones: Sequence[str]) -> str:
    """Write phones in the tables' alphabet, one character a phone."""
    return "".join([CODES[phone] for phone in phones])


def decode(codes: str) -> tuple[str, ...]:
    """Read phones back from the tables' alphabet."""
    return tuple([NAMES[code] for code in codes])


def bare(phone: str) -> str:
    """Return a phone without its stress digit."""
    return phone[:2] if phone in _IS_VOWEL else phone


def rhyming_vowel(phones: Sequence[str]) -> int:
    """Return the place of the last stressed vowel, else of the last vowel, else 0."""
    vowels = [place for place, phone in enumerate(phones) if phone in _IS_VOWEL]
    stressed = [place for place in vowels if phones[place] in _IS_STRESSED]
    return (stressed or vowels or [0])[-1]


def rhyme_class(tail: Sequence[str]) -> str:
    """Return the key two rhyming tails share: what the ear merges is written one way.

    Merged are unstressed AH, IH and EH; vowels before R; fire with higher, mile with trial.
    """
    merged: list[str] = []
    for place, phone in enumerate(tail):
        before = merged[-1] if merged else ""
        after = tail[place + 1] if place + 1 < len(tail) else ""
        if phone == "R" and before in _BEFORE_R:
            merged[-1] = _BEFORE_R[before]
        if phone == "ER" and before in _GLIDES:
            merged[-1] = _BEFORE_R.get(before, before)
            merged.append("R")
        elif phone == "AH" and after == "L" and before in _GLIDES:
            continue
        else:
            merged.append("AH" if place and phone in _SCHWAS else phone)
    return encode(tuple(merged))


class SortedLines:
    """Lines `key<tab>value`, sorted by key, searched in place: no object is made for a line not asked for."""

    def __init__(self, blob: bytes) -> None:
        self._blob = blob  # ends with a newline

    def find(self, key: str) -> str | None:
        """Return the value written for a key, None where there is none. Takes about 15 probes."""
        wanted = key.encode("utf-8", "surrogatepass")
        blob, low, high = self._blob, 0, len(self._blob)
        while low < high:
            start = blob.rfind(b"\n", low, (low + high) // 2) + 1 or low
            end = blob.index(b"\n", start)
            found, _, value = blob[start:end].partition(b"\t")
            if found == wanted:
                return value.decode()
            if found < wanted:
                low = end + 1
            else:
                high = start
        return None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield every key with its value, in order."""
        for line in self._blob.decode().rstrip("\n").split("\n"):
            key, _, value = line.partition("\t")
            yield key, value


@cache
def pronunciation_table() -> SortedLines:
    """Return word → commonness (one letter, a rare … z common) and its pronunciations, split by blanks."""
    return SortedLines(table("pronunciations.txt.xz"))


@cache
def rhyme_table() -> SortedLines:
    """Return rhyme class → its words, commonest first, split by blanks."""
    return SortedLines(table("rhymes.txt.xz"))


@cache
def spelling_table() -> SortedLines:
    """Return context of the spelling model → what may follow, and PAIRS_KEY → the pairs by code."""
    return SortedLines(table("spelling.txt.xz"))
