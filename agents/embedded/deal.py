"""The deal: which rhymes, patterns and nouns each section of a song may use, so that no two share them.

Sections are written side by side and do not see each other; every one deals the same cards from the same
seed and keeps its own hand. Knows shares; refuses to know what is made of them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from agents.embedded.bank import Head, Noun, Tail
from agents.embedded.frame import Frame, dice, tense_of
from agents.embedded.grammar import Tense
from agents.embedded.parts import content_words, suits
from agents.embedded.rhymes import Rhymes
from agents.embedded.units import Unit, lengths, rendered, told_in
from songwright.song import Plan, SectionKind, SectionPlan

_STATEMENT_KINDS = frozenset({SectionKind.CHORUS, SectionKind.BRIDGE, SectionKind.HOOK, SectionKind.PRE_CHORUS})


@dataclass(frozen=True, slots=True)
class Hand:
    """What one section was dealt."""

    index: int  # its place among the sections that are written
    setting: str
    tense: Tense
    tags: frozenset[str]
    classes: Mapping[str, tuple[str, ...]]  # letter → rhyme classes, the first one meant, the others spare
    spares: tuple[str, ...]  # further classes nobody else uses
    heads: tuple[Head, ...]
    tails: tuple[Tail, ...]
    nouns: Mapping[str, tuple[Noun, ...]]
    units: tuple[Unit, ...] = ()
    lone: tuple[str, ...] = ()  # classes for lines that rhyme with none, meant for units
    anchors: frozenset[int] = frozenset()  # units the rhymes were chosen for
    sizes: tuple[int, ...] = ()
    theme: frozenset[str] = frozenset()


def written_sections(plan: Plan) -> list[SectionPlan]:
    """Return the sections that need words of their own."""
    return [section for section in plan.sections if section.repeats is None]


def _fits(card: Head | Tail | Unit, held: frozenset[str], themes: frozenset[str]) -> bool:
    return card.tags <= held and (not card.theme or card.theme in themes)


def _shares(groups: Sequence[tuple[int, ...]], cards: Iterable[Head], seed: str) -> dict[int, int]:
    """Deal the heads of each kind in turn to the sections that want that kind; returns head id → section index."""
    piles: dict[tuple[str, bool], list[Head]] = defaultdict(list)
    for head in cards:
        piles[head.kind, bool(head.theme)].append(head)
    owner: dict[int, int] = {}
    for (kind, is_theme), pile in sorted(piles.items()):
        chance = dice(seed, "heads", kind, is_theme)
        chance.shuffle(pile)
        wanting = groups[0 if kind == "scene" else 1]
        offset = chance.randrange(len(wanting))
        for place, head in enumerate(pile):
            owner[head.id] = wanting[(place + offset) % len(wanting)]
    return owner


def _appetites(sections: Sequence[SectionPlan]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return who takes scenes and who takes statements, each index as often as it is hungry."""
    scenes: list[int] = []
    states: list[int] = []
    for index, section in enumerate(sections):
        is_statement = section.kind in _STATEMENT_KINDS
        weight = 1 + (len(section.scheme) > 4)
        scenes += [index] * (weight if is_statement else 2 * weight)
        states += [index] * (2 * weight if is_statement else weight)
    return tuple(scenes), tuple(states)


def _setting(frame: Frame, sections: Sequence[SectionPlan], index: int) -> str:
    """Verse 1 stands in the first setting, verse 2 in the second; other sections take theirs in turn."""
    verses = [place for place, section in enumerate(sections) if section.kind is SectionKind.VERSE]
    turn = verses.index(index) if index in verses else index
    return frame.settings[turn % len(frame.settings)]


def deal(frame: Frame, plan: Plan, section: SectionPlan) -> Hand:
    """Return the hand of one section; every section of the plan computes the same deal."""
    sections = written_sections(plan)
    if all(other.name != section.name for other in sections):
        sections.append(section)
    index = next(place for place, other in enumerate(sections) if other.name == section.name)
    seed = f"{frame.seed}\x1e{plan.title}\x1e{plan.hook}"
    stances = [_stance(frame, plan, sections, place) for place in range(len(sections))]
    themes = frame.themes
    stocks = [[tail for tail in frame.bank.tails if _fits(tail, tags, themes)] for _, _, tags in stances]
    units = [_units(frame, plan, part, tense, tags) for part, (_, tense, tags) in zip(sections, stances, strict=True)]
    rhymes = Rhymes(plan, sections, stocks, units, seed)
    setting, tense, tags = stances[index]
    owner = _shares(
        _appetites(sections),
        (h for h in frame.bank.heads if h.kind != "short" and (not h.theme or h.theme in themes)),
        seed,
    )
    heads = [head for head in frame.bank.heads if owner.get(head.id, index) == index and _fits(head, tags, themes)]
    spares = rhymes.spares(index)
    classes = {
        letter: (rhymes.meant[index, letter],)
        for letter in sorted(set(section.scheme))
        if (index, letter) in rhymes.meant
    }
    return Hand(
        index, setting, tense, tags, classes, spares, tuple(heads), tuple(stocks[index]),
        _nouns(frame, section, index, len(sections), seed),
        units[index], tuple(rhymes.lone[index]), frozenset(rhymes.anchors[index]), section.syllables,
        content_words(" ".join((frame.theme.key, *sorted(frame.theme.words), *(noun.text for noun in frame.own)))),
    )  # fmt: skip


def _units(frame: Frame, plan: Plan, section: SectionPlan, tense: Tense, tags: frozenset[str]) -> tuple[Unit, ...]:
    """Return the whole lines that can be said here, of a length the section has."""
    view, told, themes = plan.point_of_view, told_in(tense), frame.themes
    wanted = frozenset(section.syllables)
    return tuple(
        unit
        for unit in frame.bank.units
        if _fits(unit, tags, themes)
        and suits(unit.text, view)
        and all(lengths(slots)[0] & wanted for slots in rendered(unit.text, view, told))
    )


def _stance(
    frame: Frame, plan: Plan, sections: Sequence[SectionPlan], index: int
) -> tuple[str, Tense, frozenset[str]]:
    setting = _setting(frame, sections, index)
    tense = tense_of(plan.tense, is_bridge=sections[index].kind is SectionKind.BRIDGE)
    verses = [section.name for section in sections if section.kind is SectionKind.VERSE]
    turn = {"turn"} if verses[1:2] == [sections[index].name] else set[str]()
    return setting, tense, frame.tags(setting, tense) | turn


def _nouns(frame: Frame, section: SectionPlan, index: int, count: int, seed: str) -> dict[str, tuple[Noun, ...]]:
    """Return this section's nouns by kind: its images, the brief's own, then its share of the theme's."""
    lexicon = frame.bank.nouns
    images = [noun for image in section.images for noun in lexicon.get(_bare(image), ())]
    hand: dict[str, tuple[Noun, ...]] = {}
    for kind, nouns in sorted(frame.nouns.items()):
        mine = [noun for noun in images if noun.kind == kind]
        own = [noun for noun in nouns if noun in frame.own]
        rest = [noun for noun in nouns if noun not in own]
        themed = [noun for noun in rest if noun not in frame.bank.everyday]
        plain = [noun for noun in rest if noun in frame.bank.everyday]
        chance = dice(seed, "nouns", kind)
        chance.shuffle(themed)
        chance.shuffle(plain)
        share = [*themed[index::count], *plain[index::count]] if len(rest) >= count else rest
        hand[kind] = tuple(dict.fromkeys([*mine, *own, *share]))
    return hand


def _bare(image: str) -> str:
    words = image.lower().split()
    return " ".join(words[1:] if words and words[0] in {"the", "a", "an", "my", "your", "our"} else words)
