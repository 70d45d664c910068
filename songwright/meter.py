"""Meter: how many syllables a line is sung with, where its beats fall, and the measure of a section.

Knows lines; refuses to know what a critic makes of them. One search chooses, for a whole line, the reading of
each word and the beat of each syllable: the customs of song weigh the readings (`songwright.elision`), and a hidden
Markov model of two rhythms, by twos and by threes, weighs the beats. Its chances were estimated without labels by
expectation maximisation on 22,875 lines of 19th-century verse whose syllables are certain.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from songwright.rhyme import find_scheme
from songwright.song import LineMeasure
from songwright.sound import Pronunciation, pronunciations, readings, words

_WIDEST = 4.0  # nats by which a count may be dearer than the best one and still be admitted
_CHUNK = 40  # words weighed together; no sung line is longer

# Chance of a beat on a word of one syllable; any other word has _CONTENT.
_CONTENT = 0.85
_WORD_CHANCES = {
    word: chance
    for chance, names in (
        (0.03, "the a his my their your its th' an'"),
        (0.08, "her or no an nor whose 'n' o' wi' t'"),
        (0.15, "and to i that he it they so she are who were them us i'll i've 'em ya 'til 'cause"),
        (
            0.25,
            "of with is you as not but we at him this shall which can how has too than these each ah it's i'm we'll "
            "he's you'll she's they're we're we've you've i'd you'd he'd she'd they'd they'll she'll he'll it'll",
        ),
        (0.37, "for was me be have will what had would may some must might should oh am tis 'tis you're 'twas"),
        (
            0.5,
            "in from one by there like then where old could though while such till great those dear why young went "
            "two been poor full off three most there's whom both goes that's yes 'round 'bout o'er did does do did",
        ),
        (0.62, "on when if now more yet come out up sweet good go came once ain't don't can't won't"),
        (0.75, "all through still god men long here well made let far things fair back down just"),
    )
    for word in names.split()
}
_FALLEN, _PROMOTED, _SECOND, _LEANING, _PRIMARY = 0.02, 0.6, 0.85, 0.05, 0.97

# Chance that a beat follows the last two syllables, for rhythms by twos and by threes.
_NEXT = (
    {"xx": 0.93, "x/": 0.03, "/x": 0.88, "//": 0.03},
    {"xx": 0.97, "x/": 0.03, "/x": 0.21, "//": 0.03},
)
_RHYTHMS = (0.9, 0.1)

Chances = tuple[float, ...]  # of a beat, one a syllable


@dataclass(frozen=True, slots=True)
class Syllables:
    """How many syllables a line may be sung with."""

    best: int
    counts: tuple[int, ...]  # every admissible count, ascending


def _beat_chances(said: Pronunciation) -> Chances:
    """Return the chance of a beat on each syllable of a word of several."""
    digits = [phone[-1] for phone in said.phones if phone[-1].isdigit()]
    chances: list[float] = []
    for place, digit in enumerate(digits):
        is_beside = "1" in digits[max(0, place - 1) : place + 2]
        light = _FALLEN if is_beside else _PROMOTED
        chances.append(_PRIMARY if digit == "1" else light if digit == "0" else _LEANING if is_beside else _SECOND)
    return tuple(chances)


@lru_cache(maxsize=65_536)
def _choices(word: str) -> tuple[tuple[Chances, float], ...]:
    """Return the ways to sing a word: the chance of each beat, and the cost in nats."""
    found: list[tuple[Chances, float]] = []
    for said, cost in readings(word):
        chances = _beat_chances(said)
        found.append(((_WORD_CHANCES.get(word, _CONTENT),) if len(chances) == 1 else chances, cost))
    return tuple(found)


@lru_cache(maxsize=65_536)
def _opens_lightly(word: str) -> bool:
    """True for eternal, immortal: more syllables than one, the first a light vowel without a consonant."""
    first = pronunciations(word)[:1]
    return bool(first) and first[0].syllables > 1 and first[0].phones[0][-1] == "0"


def _line_choices(said: Sequence[str]) -> Iterator[tuple[tuple[Chances, float], ...]]:
    """Yield the choices word by word, with the elisions over two words: many a, th'eternal."""
    for word, following in zip(said, (*said[1:], ""), strict=True):
        plain = _choices(word)
        if word == "many" and following in ("a", "an", "another"):
            yield (((_PRIMARY,), 0.0), *((chances, cost + 2.5) for chances, cost in plain))
        elif word == "the" and _opens_lightly(following):
            yield (*plain, ((), 1.0))
        else:
            yield plain


def _beat_costs(chance: float) -> tuple[tuple[str, float], tuple[str, float]]:
    return ("x", -math.log(2 * (1 - chance))), ("/", -math.log(2 * chance))


_STEPS = [
    {pair: (("x", -math.log(1 - chance)), ("/", -math.log(chance))) for pair, chance in following.items()}
    for following in _NEXT
]

_Paths = dict[tuple[int, str, int], tuple[float, str]]  # (rhythm, last two beats, syllables) → (cost, beats so far)


def _sing(paths: _Paths, chances: Chances, cost: float) -> _Paths:
    """Lengthen every path by one reading of one word, keeping the cheapest path for each state."""
    for chance in chances:
        longer: _Paths = {}
        weighed = _beat_costs(chance)
        for (rhythm, last, count), (price, beats) in paths.items():
            for (beat, weight), (_, step) in zip(weighed, _STEPS[rhythm][last], strict=True):
                state = rhythm, last[1] + beat, count + 1
                total = price + weight + step
                if state not in longer or total < longer[state][0]:
                    longer[state] = total, beats + beat
        paths = longer
    return {state: (price + cost, beats) for state, (price, beats) in paths.items()}


@lru_cache(maxsize=65_536)
def _sung(said: tuple[str, ...]) -> dict[int, tuple[float, str]]:
    """Return syllable count → cost in nats and beats of the cheapest way to sing the words so."""
    paths: _Paths = {
        (rhythm, last, 0): (-math.log(chance), "") for rhythm, chance in enumerate(_RHYTHMS) for last in ("/x", "x/")
    }
    for choices in _line_choices(said):
        wider: _Paths = {}
        for chances, cost in choices:
            for state, path in _sing(paths, chances, cost).items():
                if state not in wider or path < wider[state]:
                    wider[state] = path
        paths = wider or paths
    cheapest: dict[int, tuple[float, str]] = {}
    for (_, _, count), path in paths.items():
        if count not in cheapest or path < cheapest[count]:
            cheapest[count] = path
    least = min(price for price, _ in cheapest.values())
    return {count: path for count, path in sorted(cheapest.items()) if path[0] <= least + _WIDEST}


@lru_cache(maxsize=65_536)
def _read(text: str) -> tuple[Syllables, dict[int, str]]:
    """Return the counts of a text, and the beats for each count of it."""
    said = words(text)
    best, counts, beats = 0, {0: ""}, ""
    for start in range(0, len(said), _CHUNK):
        ways = _sung(said[start : start + _CHUNK])
        chosen = min(ways, key=lambda count: ways[count][0])
        wider = {count + more: sung + ways[more][1] for count, sung in counts.items() for more in ways}
        best, beats, counts = best + chosen, beats + ways[chosen][1], wider
    return Syllables(best, tuple(sorted(counts))), counts | {best: beats}


def count_syllables(text: str) -> Syllables:
    """Return the best single count of a line and every admissible one."""
    return _read(text)[0]


def fits(text: str, target: int) -> bool:
    """True where the line can be sung with `target` syllables."""
    return target in count_syllables(text).counts


def stress(text: str, count: int | None = None) -> str:
    """Return one character a syllable, `/` for a beat and `x` for none, as the line is best sung.

    With `count` it is sung with that many syllables, where it can be.
    """
    counted, beats = _read(text)
    return beats.get(counted.best if count is None else count) or beats[counted.best]


def _settled(counted: Sequence[Syllables]) -> list[int]:
    """Choose each line's count; a line that may be sung as its neighbours surely are, is."""
    best = [one.best for one in counted]
    for place, one in enumerate(counted):
        for distance in (2, 1, 4):
            others = [
                counted[at]
                for at in (place - distance, place + distance)
                if 0 <= at < len(counted) and one.counts[1:]
            ]
            sure = {other.best for other in others if len(other.counts) == 1}
            if len(sure) == 1 and (agreed := sure.pop()) in one.counts:
                best[place] = agreed
                break
    return best


def measure(lines: Sequence[str]) -> tuple[LineMeasure, ...]:
    """Return the measure of each line of one section, each in the light of its neighbours."""
    scheme = find_scheme(lines)
    counted = [count_syllables(line) for line in lines]
    return tuple(
        LineMeasure(
            syllables=best,
            syllable_set=counted[place].counts,
            stress=stress(line, best),
            rhyme=scheme.letters[place],
            grade=grade.value if (grade := scheme.grades[place]) else None,  # plain text: it is checkpointed
            partner=scheme.partners[place],
        )
        for place, (line, best) in enumerate(zip(lines, _settled(counted), strict=True))
    )
