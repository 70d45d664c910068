"""Words to sounds: tokens, pronunciations with stress, and the syllable counts a singer may give a word.

Knows one word at a time; refuses to know lines, rhymes and meter. Pronunciations are those of the CMU
Pronouncing Dictionary (General American, ARPABET), and a guess from spelling for any other word.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from songwright.data import VOWELS, bare, decode, named, pronunciation_table, rhyming_vowel
from songwright.elision import sung
from songwright.guess import guess

# ---- tokens

_FOLDED = str.maketrans(
    {"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "′": "'", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o"}
    | {"ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "&": " and ", "%": " percent "}
)
_TOKEN = re.compile(r"\d[\d,]*(?:[.:]\d+)*(?:st|nd|rd|th|'?s)?(?![^\W_])|\d+|'?[^\W\d_]+(?:'[^\W\d_]+)*'?")
_KEPT_OPENING = named("'bout 'cause 'course 'cuse 'em 'gain 'kay 'm 'n 'n' 'neath 'round 'til 'tis 'twas")
_KEPT_CLOSING = named("an' ol' th' lil' o' wi' t' 'n' han' an'")

_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen oh ten twenty thirty forty fifty sixty seventy eighty ninety"
)
_ONES, _TENS = _NUMBERS.split()[:20], _NUMBERS.split()[20:]
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}


def _cardinal(number: int) -> list[str]:
    for size, name in _SCALES:
        if number >= size:
            rest = number % size
            return [*_cardinal(number // size), name, *(_cardinal(rest) if rest else [])]
    if number < 20:
        return [_ONES[number]]
    return [_TENS[number // 10], *([_ONES[number % 10]] if number % 10 else [])]


def _year(number: int) -> list[str]:
    century, rest = divmod(number, 100)
    ending = ["hundred"] if not rest else [*(["oh"] if rest < 10 else []), *_cardinal(rest)]
    return [*_cardinal(century), *ending]


def _plain(digits: str) -> list[str]:
    if len(digits) > 12 or (len(digits) > 1 and digits.startswith("0")):
        return ["oh" if digit == "0" else _ONES[int(digit)] for digit in digits]
    number = int(digits)
    is_year = len(digits) == 4 and (1100 <= number < 2000 or 2010 <= number < 2100)
    return _year(number) if is_year else _cardinal(number)


def _ordinal(word: str) -> str:
    return _ORDINALS.get(word) or (word[:-1] + "ieth" if word.endswith("y") else word.removesuffix("t") + "th")


def _spelled(token: str) -> list[str]:
    """Spell a number as it is said: 1999 nineteen ninety nine, 3rd third, '90s nineties, 7:30 seven thirty."""
    ending = token.lstrip("0123456789,.:'" + token.translate(str.maketrans("", "", "stndrh")))
    parts = re.split(r"([.:])", token.removesuffix(ending).rstrip("'").replace(",", ""))
    said: list[str] = []
    for part in parts:
        if part == ".":
            said.append("point")
        elif part != ":" and not (said and ":" in parts and int(part) == 0):
            said += _plain(part) if "." not in parts or not said else [_ONES[int(digit)] for digit in part]
    if ending == "s":
        said[-1] = said[-1][:-1] + "ies" if said[-1].endswith("y") else said[-1] + "s"
    elif ending:
        said[-1] = _ordinal(said[-1])
    return said


def _trimmed(token: str) -> str:
    """Drop quotation marks that are not apostrophes."""
    if token.startswith("'") and token not in _KEPT_OPENING and token.rstrip("'") not in _KEPT_OPENING:
        token = token[1:]
    if token.endswith("'") and token not in _KEPT_CLOSING and not (len(token) > 4 and token.endswith("in'")):
        token = token[:-1]
    return token


def _folded(text: str) -> str:
    lowered = text.lower()
    if not lowered.isascii():
        apart = unicodedata.normalize("NFKD", lowered.translate(_FOLDED))
        lowered = unicodedata.normalize("NFC", "".join(c for c in apart if not unicodedata.combining(c)))
    return lowered.translate(_FOLDED)


@lru_cache(maxsize=65_536)
def words(text: str) -> tuple[str, ...]:
    """Return the lower-case words of a text as they are spoken.

    Apostrophes inside and elisions stay (don't, 'cause, runnin'), hyphens part, digits are spelled out,
    accents are folded.
    """
    found: list[str] = []
    for token in _TOKEN.findall(_folded(text)):
        if token[0].isdecimal():
            found += _spelled("".join(str(int(c)) if c.isdecimal() else c for c in token))
        elif trimmed := _trimmed(token):
            found.append(trimmed)
    return tuple(found)


# ---- pronunciations

_VOWELS = frozenset(vowel + stress for vowel in VOWELS for stress in "012")
_OPENINGS = (  # consonants that open an English syllable together
    "P-L P-R P-Y B-L B-R B-Y T-R T-W D-R D-W K-L K-R K-W K-Y G-L G-R G-W F-L F-R F-Y TH-R TH-W SH-R S-L S-M S-N S-P "
    "S-T S-K S-F S-W S-P-L S-P-R S-P-Y S-T-R S-K-R S-K-W S-K-Y S-K-L V-Y M-Y HH-Y HH-W N-Y L-Y"
)
_CLUSTERS = named(_OPENINGS)


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """One way to say a word: ARPABET phones, vowels with their stress digit (0 none, 1 primary, 2 secondary)."""

    phones: tuple[str, ...]

    @property
    def syllables(self) -> int:
        """The number of vowels."""
        return sum(phone in _VOWELS for phone in self.phones)

    @property
    def stress(self) -> str:
        """One character a syllable, `/` stressed, `x` not.

        Secondary stress counts unless a neighbour carries the primary one: a singer gives `sunlight`
        one beat and `understand` two.
        """
        digits = [phone[-1] for phone in self.phones if phone in _VOWELS]
        beats = [
            digit == "1" or (digit == "2" and "1" not in digits[max(0, place - 1) : place + 2])
            for place, digit in enumerate(digits)
        ]
        return "".join("/" if beat else "x" for beat in beats)

    @property
    def tail(self) -> tuple[str, ...]:
        """From the last stressed vowel (primary or secondary) to the end, stress digits removed."""
        return tuple([bare(phone) for phone in self.phones[rhyming_vowel(self.phones) :]])

    @property
    def onset(self) -> tuple[str, ...]:
        """The consonants right before the tail that can open an English syllable: `unkind` K, `ground` G R."""
        end = rhyming_vowel(self.phones)
        start = end
        while start and self.phones[start - 1] not in _VOWELS:
            if start < end and "-".join(self.phones[start - 1 : end]) not in _CLUSTERS:
                break
            start -= 1
        return self.phones[start:end]


def _said(text: str) -> tuple[Pronunciation, ...]:
    return tuple(Pronunciation(tuple(one.split())) for one in text.split("|"))


# Elisions and spellings of songs that the dictionary lacks or gives in one weak form only.
_OWN = {
    word: _said(text)
    for word, text in {
        "o'er": "AO1 R", "e'er": "EH1 R", "'neath": "N IY1 TH", "th'": "DH", "t'": "T", "o'": "AH0", "an'": "AH0 N",
        "'n'": "AH0 N", "lil'": "L IH1 L", "wi'": "W IH0", "ev'ry": "EH1 V R IY0", "e'en": "IY1 N", "i'd": "AY1 D",
        "'cause": "K AH1 Z|K AO1 Z", "'til": "T IH1 L", "'em": "AH0 M", "mm": "M AH1 M", "hmm": "HH AH1 M",
        "mmm": "M AH1 M", "shh": "SH AH1", "ooh": "UW1", "whoa": "W OW1", "woah": "W OW1", "nah": "N AA1",
        "na": "N AA1", "la": "L AA1", "da": "D AA1", "sha": "SH AA1", "doo": "D UW1", "uh": "AH1", "oo": "UW1",
        "huh": "HH AH1", "yeah": "Y AE1", "ya": "Y AH0|Y AA1", "hey": "HH EY1", "ah": "AA1", "oh": "OW1",
    }.items()
}  # fmt: skip


def _looked_up(word: str) -> tuple[Pronunciation, ...]:
    if word in _OWN:
        return _OWN[word]
    line = pronunciation_table().find(word)
    return () if line is None else tuple(Pronunciation(decode(codes)) for codes in line[1:].split(" "))


@lru_cache(maxsize=65_536)
def pronunciations(word: str) -> tuple[Pronunciation, ...]:
    """Return every way to say a word, the commonest first; a guess for an unknown one.

    Empty only where the word holds no letter.
    """
    token = word if word.isascii() and word.islower() else (words(word) or ("",))[0]
    return _looked_up(token) or _derived(token) or _guessed(token)


def is_known(word: str) -> bool:
    """True where the dictionary, not a guess, says how the word sounds."""
    return bool(_looked_up(word) or _looked_up((words(word) or ("",))[0]))


@lru_cache(maxsize=65_536)
def commonness(word: str) -> int:
    """Return 0 (never met) to 25 (`the`) on a logarithmic scale of use in verse and talk."""
    line = pronunciation_table().find(word)
    return 0 if line is None else ord(line[0]) - 97


def _derived(word: str) -> tuple[Pronunciation, ...]:
    """Read a sung spelling through the word it stands for: runnin', heav'n, sooo."""
    if word.endswith("in'"):
        full = word[:-1] + "g"
        return tuple(Pronunciation((*one.phones[:-1], "N")) for one in _looked_up(full) or _guessed(full))
    if said := _with_clitic(word):
        return said
    if "'" in word.strip("'") and (said := _looked_up(word.replace("'", "e"))):
        elided = [Pronunciation(phones) for one in said for phones, _ in sung(word.replace("'", "e"), one.phones)]
        return (min(elided, key=lambda one: one.syllables),)
    plain = [re.sub(r"(.)\1{2,}", r"\1" * times, word) for times in (2, 1)]
    if word not in plain:
        return _looked_up(max(plain, key=commonness))
    if word.endswith("s") and len(word) > 3:
        return tuple(Pronunciation((*one.phones, *_hiss(one.phones[-1]))) for one in _looked_up(word[:-1]))
    return ()


_CLITICS = {"'ll": ("AH0", "L"), "'ve": ("AH0", "V"), "'re": ("ER0",)}
_HISSING, _VOICELESS = named("S Z SH ZH CH JH"), named("P T K F TH")


def _hiss(last: str) -> tuple[str, ...]:
    """Return the ending s after a phone: cats, dogs, wishes."""
    return ("IH0", "Z") if last in _HISSING else ("S",) if last in _VOICELESS else ("Z",)


def _with_clitic(word: str) -> tuple[Pronunciation, ...]:
    """Read a word with 's, 'll, 've or 're through the word without."""
    stem, _, clitic = word.rpartition("'")
    if not stem or (clitic != "s" and "'" + clitic not in _CLITICS):
        return ()
    return tuple(
        Pronunciation((*one.phones, *(_CLITICS.get("'" + clitic) or _hiss(one.phones[-1]))))
        for one in pronunciations(stem)
    )


def _guessed(word: str) -> tuple[Pronunciation, ...]:
    if not any(letter.isalpha() for letter in word):
        return ()
    return (Pronunciation(guess(word.removesuffix("'d") + "ed" if word.endswith("'d") else word)),)


# ---- syllables as sung

_LONG_VARIANTS = {"toward": -0.9, "towards": 0.3, "prayer": 2.2, "prayers": 2.2, "hours": 1.5, "yours": 3.0}
_ANOTHER = 1.5  # nats, for a later entry of the dictionary with another number of syllables
_RAREST = 4.0  # nats, beyond which a reading is not admitted


@lru_cache(maxsize=65_536)
def readings(word: str) -> tuple[tuple[Pronunciation, float], ...]:
    """Return the ways to sing a word, one for each count and stress pattern, with costs in nats, cheapest first."""
    said = pronunciations(word)
    cheapest: dict[tuple[int, str], tuple[Pronunciation, float]] = {}
    for place, one in enumerate(said):
        if said[0].syllables == 1 < one.syllables and not _LONG_VARIANTS.get(word):
            continue  # letter names and foreign words among the variants: us, am, fine
        later = _LONG_VARIANTS.get(word, _ANOTHER) if one.syllables != said[0].syllables else 0.1 * place
        for phones, cost in sung(word, one.phones):
            reading = Pronunciation(phones)
            key = reading.syllables, reading.stress
            if cost + later < cheapest.get(key, (reading, _RAREST))[1]:
                cheapest[key] = reading, cost + later
    ordered = sorted(cheapest.values(), key=lambda reading: reading[1])
    return tuple((reading, cost - ordered[0][1]) for reading, cost in ordered)


@lru_cache(maxsize=65_536)
def syllable_counts(word: str) -> frozenset[int]:
    """Return every count a singer may give the word: all variants and the customary elisions."""
    return frozenset(reading.syllables for reading, _ in readings(word))
