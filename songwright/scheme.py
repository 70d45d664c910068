"""The rhyme scheme of a stanza, decoded over the shapes that stanzas take.

Knows how likely a pair of line ends is meant as a rhyme and how common a shape is; refuses to know meter. The best
cut of the stanza into blocks (couplet, ABAB, ABCB, …) is found by dynamic programming over log odds, so that a
chance likeness in an unlikely place is no rhyme and a weak rhyme in a likely place is one.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from songwright.data import decode
from songwright.ending import Grade, endings, grade, last_words
from songwright.sound import words

# How often a line ends on the commonest sounds, per thousand lines of 19th-century verse; others are rarer.
_SHARES = {
    sound: share / 1000
    for share, sounds in (
        (38, "IY,EY"), (23, "UW,EH R,OW,AY T"), (19, "AY,EH D"), (15, "IH R,AO R"), (12, "AY Z,EY N,AH N,AY D,EH N"),
        (10, "EY S,OW N,AE N D,AO L,EH S T,EY M,IY T"), (8, "IH NG,OW L D,AY N,EH L,IH L,AY N D,AO NG,AE N,AH V"),
        (7, "AA R T,AW N D,IH N,EY T"), (6, "IY P,IH T,IY N,IH M,AW N,IY Z,OW Z,AE S T,AY F,EY Z,EY D"),
        (5, "EH T,AW,UH D,IH NG Z,ER D"), (4, "OW L,AA R,AY M,AY R,AW T,ER,AW R,UW M,EY K,IY M,EY V,EY L,AA T"),
    )
    for sound in sounds.split(",")
}  # fmt: skip
_RARE_SHARE = 0.002

# Log odds (nats) that a pair of this likeness is meant as a rhyme against two lines met by chance.
_ODDS = {
    Grade.FAMILY: 1.1,
    Grade.ADDITIVE: 0.3,
    Grade.SUBTRACTIVE: 1.0,
    Grade.CONSONANCE: -0.2,
    Grade.ASSONANCE: -0.5,
}
_LIGHT_FAMILY = 2.1  # memory/free
_SAME_WORD, _SAME_SOUND, _SAME_LINE = 3.3, 2.6, 8.0
_NO_LIKENESS, _EYE = -99.0, 2.5  # _EYE: spelled alike, as prove and love
_NEAR_VOWELS = {
    frozenset(pair.split()): odds
    for odds, pairs in (
        (2.6, "AA AO,AO UH"),
        (2.2, "AA OW,AH AO,AO OW,AA AH,UH UW,AH UH"),
        (1.5, "AH UW,AH OW,AE AA"),
        (1.2, "AE EH,AE IH,EH IH,EH IY,IH IY,EH ER,AH ER"),
        (0.9, "EH EY,AY IH"),
    )
    for pair in pairs.split(",")
}

# Shapes of a block and their cost in nats; `.` is a line that rhymes with none.
_BLOCKS = {
    shape: cost
    for cost, shapes in (
        (1.0, "AA"),
        (1.2, "ABAB"),
        (2.0, ".A.A ABABCC"),
        (2.3, "AAA"),
        (2.4, "AA. .AA AABCCB"),
        (2.6, "ABABBCC ABABABCC ABABBCBCC"),
        (2.8, "ABBA ABABB AAABCCCB"),
        (2.9, "AABBA"),
        (3.2, "AAAA ABAAB ABABAB ABABBCBC ABBAABBA"),
        (3.3, "ABBACC"),
        (3.4, "AABAAB ABABCDECDE"),
        (3.5, "AA.A"),
        (3.6, ".A.A.A ABCABC"),
        (3.8, "AAABAB ABABCCB"),
        (3.9, "A.A ABBAB AA.. ..AA"),
        (4.2, "AABAB ABBAA .A.A.A.A"),
        (4.4, "ABBAABBACDCDCD ABBAABBACDECDE"),
        (4.6, "AAA. AABCBC ABABCCCB ABCDABCD"),
        (4.8, "ABABACC"),
        (5.0, "A.A. ABCCBA ABCCAB ABBAAB ABAABB AABBCBC ABABB.B ABBAACC ABABBABA ABCABCDD ABABCBCB ABABCDCEDE"),
        (5.2, "A.AA .AAA ABBBA ABABBA ABABBCCB"),
        (5.4, "ABACBC ABCBCA AABBAB AAABBA ABCBAC ABABCDEDCE ABBAABBACDDCEE"),
        (5.5, "AAA.A"),
        (5.6, "A.AAA ABACCB .A.ABBBA ABBAABBACDEDCE"),
        (6.0, "A.AA. .A..A A.ACCDD AABAABBA"),
        (6.2, "AA.A.A .AA.AA"),
        (6.5, "AAAA. .A..A."),
        (7.0, ".A.AA.A."),
    )
    for shape in shapes.split()
}
_LONE = 2.0  # nats for a line that rhymes with none in a stanza that rhymes
_UNRHYMED = -0.7  # nats for a stanza that does not rhyme
_JOINED = 3.6  # mean log odds at which two blocks share a letter
_FARTHEST = 14  # lines between blocks that may share a letter


@dataclass(frozen=True, slots=True)
class Scheme:
    """The rhymes of one stanza, one entry a line; all None where a line rhymes with none."""

    letters: tuple[str | None, ...]  # A, B, … by first appearance
    grades: tuple[Grade | None, ...]  # of the rhyme with the partner; the first of a letter has its follower's
    partners: tuple[int | None, ...]  # index of the nearest earlier line of the letter; None for the first


def _spelled_alike(one: str, other: str) -> bool:
    tails = [re.search(r"[aeiouy]+[^aeiouy]*e?$", word) for word in (one, other)]
    return bool(tails[0] and tails[1] and tails[0].group() == tails[1].group())


def _perfect_odds(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    shared = {a.key for a in endings(one)} & {b.key for b in endings(other)}
    shares = [_SHARES.get(" ".join(decode(key)), _RARE_SHARE) for key in shared]
    return math.log(0.86 / min(shares, default=_RARE_SHARE))


def _near_vowels(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """Return the odds of the nearest pair of vowels before the same consonants."""
    found = [
        _NEAR_VOWELS.get(frozenset((a.beats[0][0], b.beats[0][0])), 0.0)
        for a in endings(one)
        for b in endings(other)
        if a.beats and b.beats and a.beats[0][1] == b.beats[0][1] and a.beats[1:] == b.beats[1:]
    ]
    return max(found, default=0.0)


@lru_cache(maxsize=131_072)
def _odds(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """Return the log odds that two line ends are meant to rhyme."""
    first, second = one[-1], other[-1]
    found = grade(" ".join(one), " ".join(other))
    if found is Grade.PERFECT:
        return _perfect_odds(one, other)
    if found is Grade.IDENTICAL:
        return _SAME_WORD if first == second else _SAME_SOUND
    if found is None:
        return _NO_LIKENESS
    eye = _EYE if _spelled_alike(first, second) else 0.0
    is_light = found is Grade.FAMILY and any(end.is_light for end in (*endings(one), *endings(other)))
    odds = _LIGHT_FAMILY if is_light else _ODDS[found]
    if found is Grade.CONSONANCE:
        odds = max(odds, _near_vowels(one, other))
    return odds + eye


Table = list[list[float]]


def _table(lines: Sequence[str]) -> Table:
    """Return the log odds of every pair of lines."""
    ends = [last_words(line) for line in lines]
    sung = [words(line) for line in lines]
    table = [[0.0] * len(lines) for _ in lines]
    for later in range(len(lines)):
        for earlier in range(later):
            same = len(sung[later]) > 1 and sung[later] == sung[earlier]
            pair = sorted((ends[earlier], ends[later]))
            table[earlier][later] = table[later][earlier] = _SAME_LINE if same else _odds(pair[0], pair[1])
    return table


def _worth(shape: str, start: int, table: Table) -> float:
    """Return the log odds of a block: each line against the earlier ones of its letter, near and all."""
    worth = -_BLOCKS[shape]
    for later, letter in enumerate(shape):
        if letter == ".":
            continue
        odds = [table[start + later][start + at] for at in range(later) if shape[at] == letter]
        if odds:
            worth += (max(odds) + sum(odds) / len(odds)) / 2
    return worth


def _cut(table: Table) -> list[tuple[int, str]]:
    """Return the best cut into blocks as (first line, shape); lone lines are left out."""
    size = len(table)
    best = [0.0, *[-math.inf] * size]
    chosen: list[tuple[int, str]] = [(0, "")] * (size + 1)
    for end in range(1, size + 1):
        best[end], chosen[end] = best[end - 1] - _LONE, (end - 1, ".")
        for shape in _BLOCKS:
            start = end - len(shape)
            if start >= 0 and (worth := best[start] + _worth(shape, start, table)) > best[end]:
                best[end], chosen[end] = worth, (start, shape)
    if best[size] <= -_UNRHYMED:
        return []
    blocks: list[tuple[int, str]] = []
    while size:
        start, shape = chosen[size]
        blocks.append((start, shape))
        size = start
    return [block for block in reversed(blocks) if block[1] != "."]


def _groups(blocks: Sequence[tuple[int, str]], table: Table) -> list[list[int]]:
    """Return the lines of each letter; blocks that sound alike share one."""
    groups: list[list[int]] = []
    for start, shape in blocks:
        for letter in dict.fromkeys(shape.replace(".", "")):
            lines = [start + at for at, other in enumerate(shape) if other == letter]
            for group in reversed(groups):
                odds = [table[one][other] for one in group for other in lines]
                if lines[0] - group[-1] <= _FARTHEST and min(odds) > 0 and sum(odds) / len(odds) >= _JOINED:
                    group.extend(lines)
                    break
            else:
                groups.append(lines)
    return groups


def _letter(place: int) -> str:
    """Return A … Z, then AA, AB, …"""
    return (_letter(place // 26 - 1) if place > 25 else "") + chr(65 + place % 26)


def find_scheme(lines: Sequence[str]) -> Scheme:
    """Return the scheme of one stanza.

    Letters go by first appearance; a line that rhymes with none has None. Rhymes are meant ones: a chance
    likeness of two lines in a place where stanzas do not rhyme is left out.
    """
    letters: list[str | None] = [None] * len(lines)
    sung = [place for place, line in enumerate(lines) if last_words(line)]
    grades: list[Grade | None] = [None] * len(lines)
    partners: list[int | None] = [None] * len(lines)
    table = _table([lines[place] for place in sung])
    for place, members in enumerate(sorted(_groups(_cut(table), table))):
        group = [sung[member] for member in members]
        for line in group:
            letters[line] = _letter(place)
        for earlier, later in pairwise(group):
            partners[later], grades[later] = earlier, grade(lines[earlier], lines[later])
        grades[group[0]] = grades[group[1]]
    return Scheme(tuple(letters), tuple(grades), tuple(partners))
