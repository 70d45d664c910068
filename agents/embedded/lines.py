"""Candidate lines: a beginning and an end of the bank joined to an exact length on a wanted rhyme.

Knows which pieces may stand together; refuses to know the lines around them.
"""

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Literal

from agents.embedded.company import nearness
from agents.embedded.grammar import Form
from agents.embedded.parts import Candidate, Part, Role, Stock

_POSTURE = re.compile(r"\b(?:sit|sat|stand|stood|lie|lay|walk|kneel|sitting|standing|lying|walking|waiting)")
_CHANCE = 1.6  # how far luck may lift a line: enough that a hundred seeds of one brief differ
_SENSE, _USUAL, _FLOOR, _NONSENSE = 5.0, 0.2, 0.08, 3.0  # joins: weight, usual nearness, floor and its fine
_TERSE = 6  # syllables up to which a line may do without a clause
# Which ends may follow a line that already has one of these in its middle.
_AFTER_MIDDLE: Mapping[str, str] = {"L": "TRHM", "D": "TRM", "T": "RM", "H": "LR"}


def _lilt(beats: str) -> float:
    """Return how singable a line's stress is: 0 for an even alternation, less for clashes and lulls."""
    return -0.2 * (beats.count("//") + beats.count("xxx"))


def _joined(parts: Sequence[Part], role: Role) -> str:
    text = " ".join(part.text for part in parts)
    return text + "," if role == "sub" else text


class Composer:
    """Joins parts to lines of an exact length."""

    def __init__(self, stock: Stock, chance: random.Random) -> None:
        self.stock = stock
        self.chance = chance

    def lines(self, role: Role, target: int, tails: Sequence[Part], *, is_first: bool, most: int) -> list[Candidate]:
        """Return up to about `most` lines of `target` syllables ending in one of the tails."""
        found: dict[str, Candidate] = {}
        each = max(6, most // max(len(tails), 1))
        for tail in tails:
            for parts in self._ways(role, target - tail.syllables, tail, is_first=is_first, most=each):
                candidate = self._candidate(parts, role)
                found.setdefault(candidate.text, candidate)
        return list(found.values())

    def wholes(self, target: int, keys: Iterable[str]) -> list[Candidate]:
        """Return the lines written whole that have this length and end in one of these rhyme classes."""
        parts = (part for key in keys for part in self.stock.wholes.get(key, ()) if part.syllables == target)
        return [
            replace(self._candidate((part,), "main"), unit=part.unit, half=part.half, is_bound=part.is_bound)
            for part in parts
        ]

    def _ways(self, role: Role, room: int, tail: Part, *, is_first: bool, most: int) -> Iterator[tuple[Part, ...]]:
        if room < 0 or (role == "sub" and tail.code not in "LD"):
            return
        if role == "frag":
            yield from self._fragments(room, tail, is_first=is_first)
            return
        if role == "main" and room == 0 and tail.code in "LDTHMN" and tail.syllables < _TERSE:
            yield (tail,)
        is_terse = room + tail.syllables <= _TERSE
        leads = self._leads(role, room, is_first=is_first, has_time=tail.code in "TH")
        for opener, left in leads:
            heads = self.stock.heads[_form_of(role)].get(tail.code)
            if heads is None:
                continue
            for head in self._pick(heads.get(left, ()), most if opener is None else most // 3 + 1):
                if head.tells_time and (tail.code in "TH" or (opener and opener.tells_time)):
                    continue
                if self._agree(head, tail) and (is_terse or head.kind != "short"):
                    yield (*((opener,) if opener else ()), head, tail)
            yield from self._with_middle(opener, heads, left, tail, most // 3 + 1)

    def _with_middle(
        self, opener: Part | None, heads: Mapping[int, list[Part]], left: int, tail: Part, most: int
    ) -> Iterator[tuple[Part, ...]]:
        for size, pool in heads.items():
            room = left - size
            if room < 2:
                continue
            for head in self._pick(pool, 2):
                if head.kind == "short" or (head.tells_time and opener is not None):
                    continue
                codes = [code for code in head.code if tail.code in _AFTER_MIDDLE.get(code, "")]
                middles = [part for code in codes for part in self.stock.middles[code].get(room, ())]
                for middle in self._pick(middles, 1 + most // 4):
                    if self._agree(head, tail) and self._agree(head, middle) and middle.end != tail.end:
                        yield (*((opener,) if opener else ()), head, middle, tail)

    def _leads(self, role: Role, room: int, *, is_first: bool, has_time: bool) -> list[tuple[Part | None, int]]:
        """Return what may stand before the beginning, with the syllables left for the beginning."""
        jobs = {"sub": ["sub"], "and": ["join"], "ing": []}.get(
            role, ["time", "talk"] if is_first else ["and", "time"]
        )
        if has_time:
            jobs = [job for job in jobs if job != "time"]
        leads: list[tuple[Part | None, int]] = [] if role in {"sub", "and"} else [(None, room)]
        for job in jobs:
            for size, pool in self.stock.openers.get(job, {}).items():
                if size < room:
                    leads += [(part, room - size) for part in self._pick(pool, 2)]
        return leads

    def _fragments(self, room: int, tail: Part, *, is_first: bool) -> Iterator[tuple[Part, ...]]:
        if tail.code not in "LDTHM" and not (tail.code == "N" and is_first):
            return
        if room == 0:
            yield (tail,)
            return
        for code in "LDTH":
            if tail.code in _AFTER_MIDDLE.get(code, ""):
                for middle in self._pick(self.stock.middles[code].get(room, ()), 3):
                    yield (middle, tail)

    def _pick(self, pool: Sequence[Part], count: int) -> Sequence[Part]:
        return pool if len(pool) <= count else self.chance.sample(pool, count)

    @staticmethod
    def _agree(head: Part, tail: Part) -> bool:
        """The speaker's own hands belong to the speaker; nobody meets a picture twice in one line."""
        if tail.uses_speaker and tail.code in "MGVPA" and not head.uses_speaker:
            return False
        if tail.is_negative and head.is_negative:
            return False
        if tail.code == "G" and _POSTURE.search(head.text) and _POSTURE.match(tail.text):
            return False
        if tail.code in "LDMGPVH" and tail.meets in {head.subject, "i" if head.subject == "we" else ""}:
            return False
        return not head.content & tail.content

    def _candidate(self, parts: tuple[Part, ...], role: Role) -> Candidate:
        """Return the line the parts make."""
        text = _joined(parts, role)
        content = frozenset[str]().union(*(part.content for part in parts))
        heads = [part for part in parts if part.kind]
        merit = _lilt("".join(part.beats for part in parts))
        merit += _sense(parts)
        merit += sum(part.merit for part in parts) - 0.4 * (len(parts) - 2) + _CHANCE * self.chance.random()
        return Candidate(
            text[0].upper() + text[1:], parts[-1].end, frozenset(part.source for part in parts), content, merit,
            heads[0].subject if heads else "other", heads[0].kind if heads else "frag", role, parts[-1].code,
            (role == "main" and parts[0].source[0] == "o") or any(part.is_adorned for part in parts),
        )  # fmt: skip


def _sense(parts: Sequence[Part]) -> float:
    """Return how well the pieces of a line keep company; pieces that never do are held against it."""
    told = [part for part in parts if part.content and part.source[0] != "o"]
    fits = [fit for one, other in pairwise(told) if (fit := nearness(one.content, other.content)) is not None]
    return sum(_SENSE * (fit - _USUAL) - _NONSENSE * (fit < _FLOOR) for fit in fits)


def _form_of(role: Role) -> Form | Literal["sub"]:
    return "sub" if role == "sub" else "and" if role == "and" else "ing" if role == "ing" else "clause"
