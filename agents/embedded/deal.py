"""The deal: which rhymes, patterns and nouns each section of a song may use, so that no two share them.

Sections are written side by side and do not see each other; every one deals the same cards from the same
seed and keeps its own hand. Knows shares; refuses to know what is made of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from agents.embedded.bank import Head, Noun, Tail, rhyme_key, vowel_of
from agents.embedded.frame import Frame, dice, tense_of
from agents.embedded.grammar import Tense
from songwright.rhyme import end_word
from songwright.song import Plan, SectionKind, SectionPlan
from songwright.sound import pronunciations, words

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


def written_sections(plan: Plan) -> list[SectionPlan]:
    """Return the sections that need words of their own."""
    return [section for section in plan.sections if section.repeats is None]


def hook_class(plan: Plan) -> str:
    """Return the rhyme class of the hook's last word."""
    return rhyme_key(end_word(plan.hook)) if plan.hook else ""


def needs_of(section: SectionPlan) -> dict[str, int]:
    """Return how many lines each letter joins; X and single letters rhyme with none and are left out."""
    counts = Counter(letter for letter in section.scheme if letter != "X")
    return {letter: count for letter, count in counts.items() if count > 1}


def _fits(card: Head | Tail, held: frozenset[str], themes: frozenset[str]) -> bool:
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


@lru_cache(maxsize=16_384)
def _length(text: str) -> int:
    return sum(said[0].syllables for word in words(text) if (said := pronunciations(word)))


def _ends(tails: Iterable[Tail], room: int) -> dict[str, set[str]]:
    """Return the different last words of each rhyme class among the ends that fit a line of `room` syllables."""
    ends: dict[str, set[str]] = defaultdict(set)
    for tail in tails:
        if tail.end and (key := rhyme_key(tail.end)) and (room > 7 or _length(tail.text) <= room):
            ends[key].add(tail.end)
    return ends


def _theme_weight(tails: Iterable[Tail]) -> Counter[str]:
    return Counter(rhyme_key(tail.end) for tail in tails if tail.theme and tail.end)


class _Rhymes:
    """Deals rhyme classes: the hungriest letter first, the hook's class to the section that sings it."""

    def __init__(self, plan: Plan, sections: Sequence[SectionPlan], stocks: Sequence[Sequence[Tail]], seed: str):
        self.sections = sections
        rooms = [min(section.syllables, default=8) for section in sections]
        self.ends = [_ends(stock, room) for stock, room in zip(stocks, rooms, strict=True)]
        self.weights = [_theme_weight(stock) for stock in stocks]
        self.chance = dice(seed, "classes")
        self.free = {key for ends in self.ends for key in ends}
        self.meant: dict[tuple[int, str], str] = {}
        self.sample = {key: min(words) for ends in self.ends for key, words in ends.items()}
        self._reserve_hook(plan)
        needs = [
            (count, index, letter)
            for index, section in enumerate(sections)
            for letter, count in needs_of(section).items()
            if (index, letter) not in self.meant
        ]
        for count, index, letter in sorted(needs, key=lambda need: (-need[0], need[1], need[2])):
            self._deal(index, letter, count)

    def _reserve_hook(self, plan: Plan) -> None:
        key = hook_class(plan)
        for index, section in enumerate(self.sections):
            letter = hook_letter(section)
            if letter and key in self.ends[index] and key in self.free:
                count = needs_of(section).get(letter, 0)
                if len(self.ends[index][key] - {end_word(plan.hook)}) >= max(count - 1, 1):
                    self.meant[index, letter] = key
                    self.free.discard(key)
        self.free.discard(key)

    def _deal(self, index: int, letter: str, count: int) -> None:
        ends, weights = self.ends[index], self.weights[index]
        taken = {vowel_of(self.sample[key]) for (place, _), key in self.meant.items() if place == index}
        enough = sorted(key for key in self.free if len(ends.get(key, ())) >= count + 2)
        roomy = [key for key in enough if vowel_of(self.sample[key]) not in taken] or enough
        if not roomy:
            roomy = sorted(self.free, key=lambda key: (-len(ends.get(key, ())), key))[:1]
        if not roomy:
            return
        odds = [1.0 + 0.2 * min(len(ends.get(key, ())), 10) + 2.0 * min(weights[key], 5) for key in roomy]
        key = self.chance.choices(roomy, odds)[0]
        self.meant[index, letter] = key
        self.free.discard(key)

    def spares(self, index: int) -> tuple[str, ...]:
        rest = sorted(self.free)
        dice("spares", *rest).shuffle(rest)
        mine = rest[index :: max(len(self.sections), 1)]
        return tuple(sorted(mine, key=lambda key: -len(self.ends[index].get(key, ()))))


def hook_letter(section: SectionPlan) -> str:
    """Return the letter of the line that sings the hook, empty where the section does not sing it."""
    if section.kind not in {SectionKind.CHORUS, SectionKind.HOOK} or not section.scheme:
        return ""
    return section.scheme[hook_place(section)]


def hook_place(section: SectionPlan) -> int:
    """Return the index of the line that sings the hook: the last one, or the first where that rhymes with none."""
    last = len(section.scheme) - 1
    needs = needs_of(section)
    return last if section.scheme[last] in needs or section.scheme[0] not in needs else 0


def deal(frame: Frame, plan: Plan, section: SectionPlan) -> Hand:
    """Return the hand of one section; every section of the plan computes the same deal."""
    sections = written_sections(plan)
    if all(other.name != section.name for other in sections):
        sections.append(section)
    index = next(place for place, other in enumerate(sections) if other.name == section.name)
    seed = f"{frame.seed}\x1e{plan.title}\x1e{plan.hook}"
    stances = [_stance(frame, plan, sections, place) for place in range(len(sections))]
    stocks = [[tail for tail in frame.bank.tails if _fits(tail, tags, frame.themes)] for _, _, tags in stances]
    rhymes = _Rhymes(plan, sections, stocks, seed)
    setting, tense, tags = stances[index]
    owner = _shares(
        _appetites(sections),
        (h for h in frame.bank.heads if h.kind != "short" and (not h.theme or h.theme in frame.themes)),
        seed,
    )
    heads = [
        head for head in frame.bank.heads if owner.get(head.id, index) == index and _fits(head, tags, frame.themes)
    ]
    spares = rhymes.spares(index)
    classes = {
        letter: (rhymes.meant[index, letter],)
        for letter in sorted(set(section.scheme))
        if (index, letter) in rhymes.meant
    }
    return Hand(
        index, setting, tense, tags, classes, spares, tuple(heads), tuple(stocks[index]),
        _nouns(frame, section, index, len(sections), seed),
    )  # fmt: skip


def _stance(
    frame: Frame, plan: Plan, sections: Sequence[SectionPlan], index: int
) -> tuple[str, Tense, frozenset[str]]:
    setting = _setting(frame, sections, index)
    tense = tense_of(plan.tense, is_bridge=sections[index].kind is SectionKind.BRIDGE)
    return setting, tense, frame.tags(setting, tense)


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
