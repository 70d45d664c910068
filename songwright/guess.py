"""Spelling to sound for words no dictionary holds.

Knows letters and phones; refuses to know dictionaries of whole words. A joint n-gram model of letters and
phones (Bisani and Ney 2008), searched with a beam; of the best readings the one that agrees most with the
others in stress, rhyme and length is taken.
"""

import heapq
import math
from collections import defaultdict
from functools import cache, lru_cache

from songwright.data import BEGIN, END, FIRST_PAIR, LOG_STEP, PAIRS_KEY, VOWELS, bare, rhyming_vowel, spelling_table

_BEAM = 32
_ORDER = 6  # as the model was built
_ODD_STRESS = 1.0  # nats, for a reading without exactly one primary stress
_NEVER = 16.0  # nats, for a pair no context knows

_ALPHABET = (
    "EY|B IY|S IY|D IY|IY|EH F|JH IY|EY CH|AY|JH EY|K EY|EH L|EH M|EH N|OW|P IY|K Y UW|AA R|EH S|T IY|Y UW|V IY|"
    "D AH B AH L Y UW|EH K S|W AY|Z IY"
)
_LETTER_NAMES = dict(zip("abcdefghijklmnopqrstuvwxyz", _ALPHABET.split("|"), strict=True))


@cache
def _pairs() -> tuple[dict[str, list[str]], dict[str, tuple[str, ...]]]:
    """Return letter → codes of its pairs, and code → phones."""
    of_letter: dict[str, list[str]] = defaultdict(list)
    phones_of: dict[str, tuple[str, ...]] = {}
    for place, pair in enumerate((spelling_table().find(PAIRS_KEY) or "").split(",")):
        letter, *phones = pair.split()
        code = chr(FIRST_PAIR + place)
        of_letter[letter].append(code)
        phones_of[code] = tuple(phones)
    return of_letter, phones_of


@lru_cache(maxsize=65_536)
def _following(context: str) -> tuple[float, dict[str, float]] | None:
    """Return the cost of backing off from a context and the costs of what may follow, in nats."""
    line = spelling_table().find(context)
    if line is None:
        return None
    costs = [(ord(mark) - 0x23) * LOG_STEP for mark in line[::2]]
    return costs[0], dict(zip(line[1::2], costs[1:], strict=True))


def _cost(context: str, pair: str) -> float:
    price = 0.0
    while True:
        found = _following(context)
        if found is not None:
            if pair in found[1]:
                return price + found[1][pair]
            price += found[0]
        if not context:
            return price + _NEVER
        context = context[1:]


def _readings(letters: str) -> list[tuple[float, tuple[str, ...]]]:
    """Return the cheapest readings as (cost in nats, phones), the best first."""
    of_letter, phones_of = _pairs()
    beam = [(0.0, BEGIN)]
    for letter in letters:
        wider = [
            (price + _cost(path[-_ORDER + 1 :], pair), path + pair)
            for price, path in beam
            for pair in of_letter[letter]
        ]
        beam = heapq.nsmallest(_BEAM, wider)
    ended = sorted((price + _cost(path[-_ORDER + 1 :], END), path) for price, path in beam)
    return [(price, tuple(phone for code in path[1:] for phone in phones_of[code])) for price, path in ended]


def _features(phones: tuple[str, ...]) -> tuple[object, ...]:
    """Return what a songwriter would notice: the stresses, the rhyming tail, the length, the whole."""
    digits = "".join(phone[-1] for phone in phones if phone[-1].isdigit())
    tail = tuple(bare(phone) for phone in phones[rhyming_vowel(phones) :])
    return ("stress", digits), ("tail", tail), ("length", len(digits)), phones


def _agreed(readings: list[tuple[float, tuple[str, ...]]]) -> tuple[str, ...]:
    """Return the reading that shares most with all, weighted by chance."""
    fair = [(price + _ODD_STRESS * (_primaries(phones) != 1), phones) for price, phones in readings]
    best = min(price for price, _ in fair)
    votes: dict[object, float] = defaultdict(float)
    for price, phones in fair:
        for feature in _features(phones):
            votes[feature] += math.exp(best - price)
    return max((phones for _, phones in fair), key=lambda phones: sum(votes[f] for f in _features(phones)))


def _primaries(phones: tuple[str, ...]) -> int:
    return sum(phone[-1] == "1" for phone in phones)


def _stressed(phones: tuple[str, ...]) -> tuple[str, ...]:
    """Return phones with at least one vowel and exactly one primary stress."""
    vowels = [place for place, phone in enumerate(phones) if phone[-1].isdigit()]
    if not vowels:
        return (*phones[:1], "AH1", *phones[1:])
    primary = next((place for place in reversed(vowels) if phones[place][-1] == "1"), vowels[0])
    settled = [phone.replace("1", "2") if phone[-1] == "1" else phone for phone in phones]
    settled[primary] = bare(phones[primary]) + "1"
    return tuple(settled)


def _by_name(letters: str) -> tuple[str, ...]:
    """Return an abbreviation said letter by letter, the last one stressed: TV, DJ."""
    phones = " ".join(_LETTER_NAMES[letter] for letter in letters).split()
    vowels = [place for place, phone in enumerate(phones) if phone in VOWELS]
    return tuple(
        phone + ("1" if at == vowels[-1] else "2") if at in vowels else phone for at, phone in enumerate(phones)
    )


@lru_cache(maxsize=16_384)
def guess(word: str) -> tuple[str, ...]:
    """Return ARPABET phones for a spelling, at least one vowel among them.

    Letters outside a-z are one syllable each where their script is syllabic or ideographic, else one in two.
    """
    letters = "".join(letter for letter in word.lower() if "a" <= letter <= "z")[:60]
    if not letters:
        foreign = sum(1 if letter > "\u2e80" else 0.5 for letter in word if letter.isalpha())
        return ("AH1", *("T", "AH0") * (min(60, math.ceil(foreign)) - 1))
    if len(letters) < 5 and not set(letters) & set("aeiouy") and len(set(letters)) == len(letters):
        return _by_name(letters)
    return _stressed(_agreed(_readings(letters)))
