"""Candidate lines: a beginning and an end of the bank joined to an exact length on a wanted rhyme.

Knows which pieces may stand together; refuses to know the lines around them.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from agents.embedded.bank import Bank, Head, Noun, Tail, rhyme_key
from agents.embedded.deal import Hand
from agents.embedded.grammar import Form, PointOfView, Stance, Tense, article, backshift, plural, render
from agents.embedded.wordlists import listed
from songwright.rhyme import end_word
from songwright.sound import pronunciations, words

Role = Literal["main", "sub", "and", "ing", "frag"]
Subject = Literal["i", "you", "we", "other"]

_SLOT = re.compile(r"(\b[Aa]n? )?\{([a-z]+)(\+?)\}")
_SPEAKER = re.compile(r"\b(?:I|I'm|I'd|I'll|I've|me|my|mine|myself)\b")
_ADDRESSEE = re.compile(r"\b(?:you|your|yours|you're|you'd|you'll|you've)\b")
_WE = re.compile(r"\b(?:we|us|our|ours|we're|we'd|we'll|we've)\b")
_NEGATIVE = re.compile(r"\b(?:not|never|no|nobody|nothing|\w+n't)\b")
_TIME = re.compile(r"\b(?:days?|nights?|tonight|morning|o'clock|year|years|midnight|now|July|overnight|times?)\b")
_POSTURE = re.compile(r"\b(?:sit|sat|stand|stood|lie|lay|walk|kneel|sitting|standing|lying|walking|waiting)")
_ADVERB = re.compile(r"\b(?:still|just|never|only|always|once)\b")
_PLAIN = listed("plain")
_IMPERATIVES = listed("imperatives")
_RELUCTANCE = {"and": -0.9, "talk": -0.8, "time": -0.7}  # how much an opener is disliked
_CHANCE = 1.6  # how far luck may lift a line: enough that a hundred seeds of one brief differ
_STEM = 5  # letters by which two words count as the same picture: borrow, borrowed
_TERSE = 6  # syllables up to which a line may do without a clause
# Which ends may follow a line that already has one of these in its middle.
_AFTER_MIDDLE: Mapping[str, str] = {"L": "TRHM", "D": "TRM", "T": "RM", "H": "LR"}


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


@dataclass(slots=True)
class Stock:
    """The pieces of one section by what is asked of them."""

    heads: dict[Form | Literal["sub"], dict[str, dict[int, list[Part]]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    )
    tails: dict[str, list[Part]] = field(default_factory=lambda: defaultdict(list))  # by rhyme class
    middles: dict[str, dict[int, list[Part]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    openers: dict[str, dict[int, list[Part]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))


def content_words(text: str) -> frozenset[str]:
    """Return the words of a line that carry its picture, cut to their stems."""
    return frozenset(word[:_STEM] for word in words(text) if word not in _PLAIN and len(word) > 2)


def _suits(text: str, view: PointOfView) -> bool:
    """True where the phrase can be said from this point of view without a change of who is meant."""
    has_other, has_we = bool(_ADDRESSEE.search(text)), bool(_WE.search(text))
    if view in {"we", "you"}:
        return not has_other and not (has_we and view == "you") and not (has_we and bool(_SPEAKER.search(text)))
    return not has_we if view in {"she", "he", "they"} else True


@dataclass(frozen=True, slots=True)
class Fill:
    """A phrase whose slots are filled."""

    text: str
    is_plural: bool
    is_own: bool


def _fills(text: str, nouns: Mapping[str, Sequence[Noun]], chance: random.Random, *, most: int) -> Iterator[Fill]:
    """Yield the phrase with its noun slots filled, up to `most` ways."""
    slots = list(_SLOT.finditer(text))
    if not slots:
        yield Fill(text, is_plural=False, is_own=False)
        return
    choices = [nouns.get(slot.group(2), ()) for slot in slots]
    if not all(choices):
        return
    seen: set[str] = set()
    for turn in range(most):
        picks = [pool[turn] if turn < 2 and turn < len(pool) else chance.choice(pool) for pool in choices]
        if len({noun.text for noun in picks}) < len(picks):
            continue
        filled = _fill(text, slots, picks)
        if filled.text not in seen:
            seen.add(filled.text)
            yield filled


def _fill(text: str, slots: Sequence[re.Match[str]], picks: Sequence[Noun]) -> Fill:
    out, start, is_plural = "", 0, False
    for slot, noun in zip(slots, picks, strict=True):
        name = plural(noun.text) if slot.group(3) and noun.number == "one" else noun.text
        is_plural = noun.number == "many" or (bool(slot.group(3)) and noun.number == "one")
        before = slot.group(1) or ""
        if before:
            before = "" if noun.number != "one" else article(noun.text) + " "
        out += text[start : slot.start()] + before + name
        start = slot.end()
    return Fill(out + text[start:], is_plural, is_own=True)


@lru_cache(maxsize=16_384)
def _beats(word: str) -> str:
    """Return a word's stress as a line usually has it: small words light, the rest as in the dictionary."""
    said = pronunciations(word)
    if not said:
        return ""
    return "x" if said[0].syllables == 1 and word in _PLAIN else said[0].stress


def _lilt(beats: str) -> float:
    """Return how singable a line's stress is: 0 for an even alternation, less for clashes and lulls."""
    return -0.2 * (beats.count("//") + beats.count("xxx"))


_VERB = re.compile(r" <(?!['b]|have|don't|can)")


def _adorned(head: Head) -> Iterator[tuple[str, float]]:
    """Yield a beginning as it stands and, where its verb allows, with one small adverb before the verb."""
    merit = 2.4 if head.theme else 0.0
    yield head.text, merit
    if head.kind == "scene" and _VERB.search(head.text) and not _ADVERB.search(head.text):
        yield _VERB.sub(" still <", head.text, count=1), merit - 0.5
        if _subject(head.text) != "other":
            yield _VERB.sub(" just <", head.text, count=1), merit - 0.7


def _object_of(text: str) -> str:
    said = words(text)
    return "i" if "me" in said else "you" if "you" in said else "we" if "us" in said else "-"


def _subject(text: str) -> Subject:
    first = text.partition(" ")[0].partition("<")[0].lower()
    if first.startswith("i'") or first == "i":
        return "i"
    return "you" if first == "you" else "we" if first == "we" else "other"


class Stocker:
    """Turns a hand of cards into a stock of parts for one point of view."""

    def __init__(self, bank: Bank, hand: Hand, view: PointOfView, chance: random.Random, own: Iterable[str]) -> None:
        self.bank, self.hand, self.chance = bank, hand, chance
        self.view: PointOfView = view
        self.own = frozenset(own)
        self.stock = Stock()

    def fill(self) -> Stock:
        """Return the stock."""
        for head in self.hand.heads:
            is_order = head.kind == "state" and head.text.partition(" ")[0].lower() in _IMPERATIVES
            if _suits(head.text, self.view) and not (is_order and self.hand.tense == "past"):
                self._head(head)
        for tail in self.hand.tails:
            if _suits(tail.text, self.view):
                self._tail(tail)
        self._openers()
        return self.stock

    def _part(self, text: str, source: str, merit: float) -> Part:
        said = words(text)
        own = sum(word in self.own for word in said)
        beats = "".join(map(_beats, said))
        return Part(text, len(beats), source, content_words(text), merit + 0.8 * min(own, 2), beats)

    def _head(self, head: Head) -> None:
        subject = _subject(head.text)
        tense: Tense = "present" if head.kind == "state" and self.hand.tense == "future" else self.hand.tense
        forms: list[tuple[Form | Literal["sub"], Stance]] = [("clause", Stance(self.view, tense))]
        if head.kind == "scene":
            forms.append(("sub", Stance(self.view, tense, is_dependent=True)))
            if subject != "other" and "<" in head.text.partition(" ")[2][:1]:
                forms.append(("and", Stance(self.view, tense, "and")))
                forms.append(("ing", Stance(self.view, tense, "ing")))
        for text, merit in _adorned(head):
            self._said(head, text, merit, forms, subject)

    def _said(
        self,
        head: Head,
        phrase: str,
        merit: float,
        forms: Sequence[tuple[Form | Literal["sub"], Stance]],
        subject: Subject,
    ) -> None:
        for filled in _fills(phrase, self.hand.nouns, self.chance, most=4):
            for form, stance in forms[: 1 if phrase != head.text else None]:
                text = render(filled.text, stance, is_plural=filled.is_plural)
                part = replace(
                    self._part(text, f"h{head.id}", merit),
                    code=head.accepts,
                    subject=subject,
                    kind=head.kind,
                    uses_speaker=bool(_SPEAKER.search(head.text)),
                    is_negative=bool(_NEGATIVE.search(text)),
                    tells_time=bool(_TIME.search(text)),
                    is_adorned=phrase != head.text,
                )
                for code in head.accepts:
                    self.stock.heads[form][code][part.syllables].append(part)

    def _tail(self, tail: Tail) -> None:
        merit = 1.5 if tail.theme else 0.0
        for filled in _fills(tail.text, self.hand.nouns, self.chance, most=7):
            phrase = backshift(filled.text) if tail.code == "S" and self.hand.tense == "past" else filled.text
            tense: Tense = "present" if self.hand.tense == "future" else self.hand.tense
            text = render(phrase, Stance(self.view, tense, is_dependent=True), is_plural=filled.is_plural)
            end = end_word(text)
            part = replace(
                self._part(text, f"t{tail.id}", merit),
                code=tail.code,
                end=end,
                uses_speaker=bool(_SPEAKER.search(tail.text)),
                is_negative=bool(_NEGATIVE.search(text)),
                meets=_object_of(tail.text),
            )
            self.stock.tails[rhyme_key(end)].append(part)
            if tail.code in _AFTER_MIDDLE:
                self.stock.middles[tail.code][part.syllables].append(part)

    def _openers(self) -> None:
        for job, phrases in self.bank.openers.items():
            for text, tags in phrases:
                times = {"pres", "past", "fut"}
                if not tags & times or tags & self.hand.tags:
                    part = replace(self._part(text, f"o{text}", _RELUCTANCE.get(job, 0.0)), tells_time=job == "time")
                    self.stock.openers[job][part.syllables].append(part)


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
        text = _joined(parts, role)
        content = frozenset[str]().union(*(part.content for part in parts))
        heads = [part for part in parts if part.kind]
        merit = _lilt("".join(part.beats for part in parts))
        merit += sum(part.merit for part in parts) - 0.4 * (len(parts) - 2) + _CHANCE * self.chance.random()
        return Candidate(
            text[0].upper() + text[1:], parts[-1].end, frozenset(part.source for part in parts), content, merit,
            heads[0].subject if heads else "other", heads[0].kind if heads else "frag", role, parts[-1].code,
            (role == "main" and parts[0].source[0] == "o") or any(part.is_adorned for part in parts),
        )  # fmt: skip


def _form_of(role: Role) -> Form | Literal["sub"]:
    return "sub" if role == "sub" else "and" if role == "and" else "ing" if role == "ing" else "clause"
