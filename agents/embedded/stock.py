"""The stock of one section: its hand of cards rendered for one point of view and one tense.

Knows how a piece becomes plain English; refuses to know which pieces stand together.
"""

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, TypedDict, Unpack

from agents.embedded.bank import Bank, Head, Noun, Tail, rhyme_key
from agents.embedded.deal import Hand
from agents.embedded.grammar import Form, PointOfView, Stance, Tense, article, backshift, plural, render
from agents.embedded.parts import SPEAKER, Part, Stock, Subject, beats_of, content_words, suits
from agents.embedded.units import Unit, rendered, spoken, told_in
from agents.embedded.wordlists import listed
from songwright.rhyme import end_word
from songwright.sound import words

_SLOT = re.compile(r"(\b[Aa]n? )?\{([a-z]+)(\+?)\}")
_NEGATIVE = re.compile(r"\b(?:not|never|no|nobody|nothing|\w+n't)\b")
_TIME = re.compile(r"\b(?:days?|nights?|tonight|morning|o'clock|year|years|midnight|now|July|overnight|times?)\b")
_ADVERB = re.compile(r"\b(?:still|just|never|only|always|once)\b")
_IMPERATIVES = listed("imperatives")
_WHOLE = 3.0  # how much a line written whole is preferred to a joined one
_SHARE, _THEME_SHARE = 0.3, 0.5  # of the whole lines a section may draw on: other ones in another song
_LUCK = 3.0  # how far chance may lift one of them
_STALE = 3.0  # what an added "still" costs
_STILL = re.compile(r"(?:I|[Yy]ou|[Ww]e|[Ss]he|[Hh]e|[Tt]hey) still\b")
_SECOND = 4.0  # how much a thought is brought to its end
_RELUCTANCE = {"and": -0.9, "talk": -0.8, "time": -0.7}  # how much an opener is disliked


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


class Traits(TypedDict, total=False):
    """What a part may carry beside its text, by the names of `Part`."""

    code: str
    subject: Subject
    kind: str
    end: str
    uses_speaker: bool
    is_negative: bool
    tells_time: bool
    is_adorned: bool
    meets: str
    unit: int
    half: int
    is_bound: bool


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
            is_order = head.kind != "scene" and head.text.partition(" ")[0].lower() in _IMPERATIVES
            if suits(head.text, self.view) and not (is_order and self.hand.tense == "past"):
                self._head(head)
        for tail in self.hand.tails:
            if suits(tail.text, self.view):
                self._tail(tail)
        for unit in self.hand.units:
            share = _THEME_SHARE if unit.theme else _SHARE
            if unit.id in self.hand.anchors or self.chance.random() < share:
                self._unit(unit)
        self._openers()
        return self.stock

    def _unit(self, unit: Unit) -> None:
        lines = rendered(unit.text, self.view, told_in(self.hand.tense))
        merit = _WHOLE + 2.5 * bool(unit.theme) + 1.5 * (unit.id in self.hand.anchors) + 2.0 * ("turn" in unit.tags)
        for place, target in product(range(len(lines)), sorted(set(self.hand.sizes))):
            for text in spoken(lines[place], target, self.chance, most=3):
                end = end_word(text)
                is_adorned = bool(_STILL.match(text))
                worth = merit + _SECOND * (place > 0) - _STALE * is_adorned + _LUCK * self.chance.random()
                part = self._part(
                    text, f"u{unit.id}.{place}", worth, is_adorned=is_adorned, code="W", kind="whole",
                    subject=_subject(text), end=end, unit=unit.id,
                    half=place + 1 if len(lines) > 1 else 0, is_bound=text.endswith(","),
                )  # fmt: skip
                self.stock.wholes[rhyme_key(end)].append(part)

    def _part(self, text: str, source: str, merit: float, **traits: Unpack[Traits]) -> Part:
        said = words(text)
        own = sum(word in self.own for word in said)
        beats = "".join(map(beats_of, said))
        return Part(text, len(beats), source, content_words(text), merit + 0.8 * min(own, 2), beats, **traits)

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
                part = self._part(
                    text,
                    f"h{head.id}",
                    merit,
                    code=head.accepts,
                    subject=subject,
                    kind=head.kind,
                    uses_speaker=bool(SPEAKER.search(head.text)),
                    is_negative=bool(_NEGATIVE.search(text)),
                    tells_time=bool(_TIME.search(text)),
                    is_adorned=phrase != head.text,
                )
                for code in head.accepts:
                    self.stock.heads[form][code][part.syllables].append(part)

    def _tail(self, tail: Tail) -> None:
        merit = 1.5 if tail.theme else 0.0
        for filled in _fills(tail.text, self.hand.nouns, self.chance, most=5):
            phrase = backshift(filled.text) if tail.code == "S" and self.hand.tense == "past" else filled.text
            tense: Tense = "present" if self.hand.tense == "future" else self.hand.tense
            text = render(phrase, Stance(self.view, tense, is_dependent=True), is_plural=filled.is_plural)
            end = end_word(text)
            part = self._part(
                text,
                f"t{tail.id}",
                merit,
                code=tail.code,
                end=end,
                uses_speaker=bool(SPEAKER.search(tail.text)),
                is_negative=bool(_NEGATIVE.search(text)),
                meets=_object_of(tail.text),
            )
            self.stock.tails[rhyme_key(end)].append(part)
            if tail.code in "LDTH":
                self.stock.middles[tail.code][part.syllables].append(part)

    def _openers(self) -> None:
        for job, phrases in self.bank.openers.items():
            for text, tags in phrases:
                times = {"pres", "past", "fut"}
                if not tags & times or tags & self.hand.tags:
                    part = self._part(text, f"o{text}", _RELUCTANCE.get(job, 0.0), tells_time=job == "time")
                    self.stock.openers[job][part.syllables].append(part)
