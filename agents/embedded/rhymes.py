"""Rhyme classes for all sections: first for whole lines that want each other, then for the hungriest letter.

Knows which classes have words enough; refuses to know the lines that will end on them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache

from agents.embedded.bank import Tail, rhyme_key, vowel_of
from agents.embedded.frame import dice
from agents.embedded.units import Unit
from songwright.rhyme import end_word
from songwright.song import Plan, SectionKind, SectionPlan
from songwright.sound import pronunciations, words


def hook_class(plan: Plan) -> str:
    """Return the rhyme class of the hook's last word."""
    return rhyme_key(end_word(plan.hook)) if plan.hook else ""


def needs_of(section: SectionPlan) -> dict[str, int]:
    """Return how many lines each letter joins; X and single letters rhyme with none and are left out."""
    counts = Counter(letter for letter in section.scheme if letter != "X")
    return {letter: count for letter, count in counts.items() if count > 1}


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


@lru_cache(maxsize=4096)
def _key_pairs(ends: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, str], ...]:
    """Return the pairs of rhyme classes a unit's two lines can end on; one word never rhymes with itself."""
    pairs = ((rhyme_key(one), rhyme_key(other)) for one in ends[0] for other in ends[1] if one != other)
    return tuple(dict.fromkeys(pair for pair in pairs if all(pair)))


def _whole_ends(units: Iterable[Unit]) -> dict[str, set[str]]:
    """Return the last words of the lines that can stand by themselves, by rhyme class."""
    found: dict[str, set[str]] = defaultdict(set)
    for unit in units:
        for end in unit.ends[0]:
            if key := rhyme_key(end):
                found[key].add(end)
    return found


class Rhymes:
    """Deals rhyme classes: the hungriest letter first, the hook's class to the section that sings it."""

    def __init__(
        self,
        plan: Plan,
        sections: Sequence[SectionPlan],
        stocks: Sequence[Sequence[Tail]],
        units: Sequence[Sequence[Unit]],
        seed: str,
    ) -> None:
        self.sections, self.units, self.theme = sections, units, plan.theme
        rooms = [min(section.syllables, default=8) for section in sections]
        self.ends = [_ends(stock, room) for stock, room in zip(stocks, rooms, strict=True)]
        self.weights = [_theme_weight(stock) for stock in stocks]
        self.whole = [_whole_ends(part) for part in units]
        for ends, whole in zip(self.ends, self.whole, strict=True):
            for key, said in whole.items():
                ends.setdefault(key, set()).update(said)
        self.chance = dice(seed, "classes")
        self.free = {key for ends in self.ends for key in ends}
        self.meant: dict[tuple[int, str], str] = {}
        self.sample = {key: min(words) for ends in self.ends for key, words in ends.items()}
        self.lone: list[list[str]] = [[] for _ in sections]
        self.anchors: list[set[int]] = [set() for _ in sections]
        self._reserve_hook(plan)
        self._used: set[int] = set()
        for index, section in enumerate(sections):
            for place in range(0, len(section.scheme) - 1, 2):
                self._anchor(index, place)
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

    def _anchor(self, index: int, place: int) -> None:
        """Give a pair of lines the classes of a two-line unit, so that the unit can be sung there."""
        section = self.sections[index]
        if hook_letter(section) and hook_place(section) in {place, place + 1}:
            return
        found = [
            (unit, keys)
            for unit in self.units[index]
            if len(unit.ends) == 2 and unit.id not in self._used
            for keys in _key_pairs(unit.ends)
            if self._admits(index, place, keys)
        ]
        if not found:
            return
        odds = [self._charm(unit, keys, index, place) for unit, keys in found]
        unit, keys = self.chance.choices(found, odds)[0]
        self._used.add(unit.id)
        self.anchors[index].add(unit.id)
        for letter, key in zip(section.scheme[place : place + 2], keys, strict=True):
            if letter in needs_of(section):
                self.meant[index, letter] = key
            else:
                self.lone[index].append(key)
            self.free.discard(key)

    def _charm(self, unit: Unit, keys: tuple[str, str], index: int, place: int) -> float:
        company = sum(min(len(self.whole[index].get(key, ())), 8) for key in keys)
        nearness = 24.0 if unit.theme == self.theme else 3.0 if unit.theme else 1.0
        is_turn = "turn" in unit.tags and place == 0
        return (1.0 + 0.25 * company) * (20.0 if is_turn else nearness) / len(_key_pairs(unit.ends))

    def _admits(self, index: int, place: int, keys: tuple[str, str]) -> bool:
        section, needs = self.sections[index], needs_of(self.sections[index])
        letters = section.scheme[place : place + 2]
        is_couplet = letters[0] == letters[1] != "X"
        if is_couplet != (keys[0] == keys[1]):
            return False
        taken = {key for (part, letter), key in self.meant.items() if part == index and letter not in letters}
        vowels = {vowel_of(self.sample[key]) for key in taken}
        for letter, key in zip(letters, keys, strict=True):
            meant = self.meant.get((index, letter))
            if meant is not None and meant != key:
                return False
            is_rich = len(self.ends[index].get(key, ())) >= needs.get(letter, 0) + 2
            if meant is None and (key not in self.free or not is_rich or vowel_of(self.sample[key]) in vowels):
                return False
        return is_couplet or vowel_of(self.sample[keys[0]]) != vowel_of(self.sample[keys[1]])

    def _deal(self, index: int, letter: str, count: int) -> None:
        ends, weights = self.ends[index], self.weights[index]
        taken = {vowel_of(self.sample[key]) for (place, _), key in self.meant.items() if place == index}
        enough = sorted(key for key in self.free if len(ends.get(key, ())) >= count + 2)
        roomy = [key for key in enough if vowel_of(self.sample[key]) not in taken] or enough
        if not roomy:
            roomy = sorted(self.free, key=lambda key: (-len(ends.get(key, ())), key))[:1]
        if not roomy:
            return
        whole = self.whole[index]
        odds = [
            1.0
            + 0.2 * min(len(ends.get(key, ())), 10)
            + 2.0 * min(weights[key], 5)
            + 1.5 * min(len(whole.get(key, ())), 12)
            for key in roomy
        ]
        key = self.chance.choices(roomy, odds)[0]
        self.meant[index, letter] = key
        self.free.discard(key)

    def spares(self, index: int) -> tuple[str, ...]:
        rest = sorted(self.free)
        dice("spares", *rest).shuffle(rest)
        mine = rest[index :: max(len(self.sections), 1)]
        return tuple(sorted(mine, key=lambda key: -len(self.ends[index].get(key, ()))))
