"""A section from its hand: a beam over candidate lines with hard terms (length, rhyme) and soft ones (all else).

Knows one section; refuses to know streams, tasks and models.
"""

import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from agents.embedded.bank import HookKind, rhyme_key, vowel_of
from agents.embedded.company import nearness
from agents.embedded.deal import Hand, deal
from agents.embedded.frame import Frame, dice
from agents.embedded.lines import Composer
from agents.embedded.parts import Candidate, Part, Role, Stock, content_words
from agents.embedded.rhymes import hook_letter, hook_place, needs_of
from agents.embedded.stock import Stocker
from songwright.meter import count_syllables
from songwright.rhyme import Grade, end_word, grade, is_worn
from songwright.song import Plan, SectionKind, SectionPlan

_WIDTH = 10
_PER_LINE = 170
_ATTEMPTS = 16  # each one gives the letter that failed another rhyme class
_NEAR_THEME, _NEAR_LINE = 1.5, 2.0  # how much a line is drawn to the theme and to the line before it
_STATEMENTS = frozenset({SectionKind.CHORUS, SectionKind.BRIDGE, SectionKind.HOOK})
_SHAPES: Sequence[tuple[tuple[Role, Role], int]] = (
    (("main", "main"), 9),
    (("main", "and"), 3),
    (("main", "ing"), 2),
    (("main", "frag"), 1),
)


@dataclass(frozen=True, slots=True)
class _Path:
    """Lines chosen so far and what they used up."""

    score: float
    lines: tuple[Candidate, ...] = ()
    sources: frozenset[str] = frozenset()
    content: frozenset[str] = frozenset()


@lru_cache(maxsize=65_536)
def _is_perfect(one: str, other: str) -> bool:
    return grade(one, other) is Grade.PERFECT


@lru_cache(maxsize=65_536)
def _worn(one: str, other: str) -> bool:
    return is_worn(one, other)


@lru_cache(maxsize=16_384)
def has_length(text: str, syllables: int) -> bool:
    """True where a line's best single count is exactly this."""
    return count_syllables(text).best == syllables


class SectionWriter:
    """Writes the sections of one song; equal frames, plans and sections give equal words."""

    def __init__(self, frame: Frame, plan: Plan, section: SectionPlan, *, taken: Iterable[str] = ()) -> None:
        self.frame, self.plan, self.section = frame, plan, section
        self.taken = frozenset(line.lower() for line in taken)
        self.hand = deal(frame, plan, section)
        self.seed = f"{frame.seed}\x1e{plan.title}\x1e{plan.hook}\x1e{section.name}"
        self._stocks: dict[bool, Stock] = {}

    def stock(self, *, is_wide: bool = False) -> Stock:
        """Return the section's own pieces, or with `is_wide` those of all sections."""
        if is_wide not in self._stocks:
            hand = self._wide() if is_wide else self.hand
            own = {word for noun in self.frame.own for word in noun.text.lower().split()}
            chance = dice(self.seed, "stock", is_wide)
            stocker = Stocker(self.frame.bank, hand, self.plan.point_of_view, chance, own)
            self._stocks[is_wide] = stocker.fill()
        return self._stocks[is_wide]

    def _wide(self) -> Hand:
        themes = self.frame.themes
        held = self.hand.tags | {"in", "town", "land", "night"} | {"pos", "neg"}
        heads = tuple(h for h in self.frame.bank.heads if h.tags <= held and (not h.theme or h.theme in themes))
        tails = tuple(t for t in self.frame.bank.tails if t.tags <= held and (not t.theme or t.theme in themes))
        return replace(self.hand, heads=heads, tails=tails)

    def write(self) -> list[str]:
        """Return the section's lines."""
        best: _Path | None = None
        classes = {letter: keys[0] for letter, keys in self.hand.classes.items()}
        spares = iter(self.hand.spares)
        for attempt in range(_ATTEMPTS):
            path = _Search(self, classes, dice(self.seed, "beam", attempt), is_wide=attempt > 1).run()
            if path is not None and len(path.lines) == len(self.section.scheme):
                return [line.text for line in path.lines]
            if best is None or (path is not None and len(path.lines) > len(best.lines)):
                best = path
            stuck = self.section.scheme[len(path.lines) if path is not None else 0]
            if stuck in needs_of(self.section) and (stuck != hook_letter(self.section) or attempt > 3):
                classes = {**classes, stuck: next(spares, classes.get(stuck, ""))}
        return self._patched(best)

    def _patched(self, path: _Path | None) -> list[str]:
        """Finish what the beam could not: any line of the right length, rhymed where it can be."""
        lines = list(path.lines) if path is not None else []
        composer = Composer(self.stock(is_wide=True), dice(self.seed, "patch"))
        for place in range(len(lines), len(self.section.scheme)):
            if hook_letter(self.section) and self.plan.hook and place == hook_place(self.section):
                tails = [part for parts in composer.stock.tails.values() for part in parts]
                lines.append(
                    hook_lines(self, composer.stock, tails, self.section.syllables[place], composer.chance)[0]
                )
                continue
            pool = [part for parts in composer.stock.tails.values() for part in parts]
            roles: tuple[Role, ...] = ("main", "frag")
            found = [line for role in roles for line in composer.lines(
                role, self.section.syllables[place], pool, is_first=True, most=len(pool))]  # fmt: skip
            said = {line.text for line in lines}
            exact = [line for line in found if has_length(line.text, self.section.syllables[place])] or found
            found = [line for line in exact if line.text not in said] or exact
            lines.append(max(found, key=lambda line: (self._rhymes(line.end, lines, place), line.merit)))
        return [line.text for line in lines]

    def _rhymes(self, end: str, lines: Sequence[Candidate], place: int) -> int:
        """Count the partners it rhymes with, the hook to come included; the same word again counts against it."""
        letter = self.section.scheme[place]
        ends = [other.end for index, other in enumerate(lines) if self.section.scheme[index] == letter]
        if hook_letter(self.section) == letter and self.plan.hook and hook_place(self.section) > place:
            ends.append(end_word(self.plan.hook))
        return sum(_is_perfect(end, other) - 2 * (end == other) for other in ends)


class _Search:
    """One pass of the beam with fixed rhyme classes."""

    def __init__(
        self, writer: SectionWriter, classes: Mapping[str, str], chance: random.Random, *, is_wide: bool
    ) -> None:
        self.writer, self.section, self.classes, self.chance = writer, writer.section, classes, chance
        self.stock = writer.stock(is_wide=is_wide)
        self.composer = Composer(self.stock, chance)
        self.roles = self._roles()

    def run(self) -> _Path | None:
        """Return the best path, which may stop short of the last line."""
        beam = [_Path(0.0)]
        for place in range(len(self.section.scheme)):
            following = self._step(beam, place, self.roles[place])
            if not following and self.roles[place] != "main":
                following = self._step(beam, place, "main")
            if not following:
                return beam[0] if beam[0].lines else None
            beam = following
        return beam[0]

    def _roles(self) -> list[Role]:
        roles: list[Role] = []
        sizes = self.section.syllables
        while len(roles) < len(sizes):
            place = len(roles)
            pairs = [pair for pair, _ in _SHAPES]
            odds = [weight for _, weight in _SHAPES]
            if place + 1 >= len(sizes) or min(sizes[place : place + 2]) < 6:
                terse: tuple[Role, Role] = ("main", "frag") if self.chance.random() < 0.4 else ("main", "main")
                roles += terse
            else:
                roles += self.chance.choices(pairs, odds)[0]
        roles = roles[: len(sizes)]
        if self._hook_place() is not None:
            roles = self._beside_hook(roles)
        if roles and roles[-1] == "sub":
            roles[-1] = "main"
        return roles

    def _beside_hook(self, roles: list[Role]) -> list[Role]:
        place = self._hook_place()
        near = {place - 1, place, place + 1} if place is not None else set[int]()
        plain: list[Role] = ["main" if index in near else role for index, role in enumerate(roles)]
        return plain

    def _hook_place(self) -> int | None:
        return hook_place(self.section) if hook_letter(self.section) and self.writer.plan.hook else None

    def _keys(self, place: int) -> list[str]:
        """Return the rhyme classes a line may end in."""
        letter = self.section.scheme[place]
        if letter in needs_of(self.section):
            return [self.classes.get(letter, "")]
        vowels = {vowel_of(end) for key in self.classes.values() if (end := self._sample(key))}
        free = [key for key in self.writer.hand.spares if key not in self.classes.values() and self._sample(key)]
        apart = [key for key in free if vowel_of(self._sample(key)) not in vowels] or free
        return [*self.writer.hand.lone, *apart[:8]]

    def _sample(self, key: str) -> str:
        parts = self.stock.tails.get(key) or self.stock.wholes.get(key)
        return parts[0].end if parts else ""

    def _step(self, beam: Sequence[_Path], place: int, role: Role) -> list[_Path]:
        options = self._options(place, role)
        grown: list[_Path] = []
        for path in beam:
            scored = sorted(
                ((self._value(path, line, place), line) for line in options if self._allowed(path, line, place)),
                key=lambda item: (-item[0], item[1].text),
            )
            few = _spread([line for _, line in scored], each=2)[:_WIDTH]
            worth = {line.text: value for value, line in scored}
            grown += [self._extended(path, line, worth[line.text]) for line in few]
        grown.sort(key=lambda path: (-path.score, path.lines[-1].text))
        target, is_hook = self.section.syllables[place], self._hook_place() == place
        exact = (path for path in grown if is_hook or has_length(path.lines[-1].text, target))
        return list(islice(exact, _WIDTH))

    def _options(self, place: int, role: Role) -> list[Candidate]:
        target, keys = self.section.syllables[place], self._keys(place)
        tails = [part for key in keys for part in self.stock.tails.get(key, ())]
        if self._hook_place() == place:
            return hook_lines(self.writer, self.stock, tails, target, self.chance)
        is_first = place == 0 or self.roles[place - 1] == "sub"
        found = self.composer.lines(role, target, tails, is_first=is_first, most=_PER_LINE)
        if role != "sub":
            found += self.composer.wholes(target, keys)
        found = [line for line in found if line.text.lower() not in self.writer.taken]
        best = _spread(sorted(found, key=lambda line: (-line.merit - self._taste(line), line.text)), each=9)
        return [replace(line, merit=line.merit + self._taste(line)) for line in best]

    def _taste(self, line: Candidate) -> float:
        near = _NEAR_THEME * (nearness(line.content, self.writer.hand.theme) or 0.0)
        return near + self._tone(line)

    def _tone(self, line: Candidate) -> float:
        if line.kind == "whole":
            return 0.4
        if self.section.kind in _STATEMENTS:
            return {"state": 0.9, "scene": 0.0, "short": 0.3}.get(line.kind, -0.3)
        return {"scene": 0.8, "state": -0.6, "short": 0.0}.get(line.kind, -0.2)

    def _allowed(self, path: _Path, line: Candidate, place: int) -> bool:
        if line.sources & path.sources:
            return False
        letter = self.section.scheme[place]
        if self._hook_place() not in {None, place} and line.end == end_word(self.writer.plan.hook):
            return False
        if any(
            other.end == line.end or (self.section.scheme[index] == letter != "X") != _is_perfect(other.end, line.end)
            for index, other in enumerate(path.lines)
        ):
            return False
        before = path.lines[-1] if path.lines else None
        if not _follows(before, line) or (line.is_bound and place + 1 == len(self.section.scheme)):
            return False
        if line.role in {"and", "ing"}:
            return before is not None and before.kind == "scene" and before.subject == line.subject
        return True

    def _value(self, path: _Path, line: Candidate, place: int) -> float:
        value = line.merit - 0.7 * len(line.content & path.content)
        if not path.lines:
            return value
        before = path.lines[-1]
        if line.half == 2:
            return value
        value += _NEAR_LINE * (nearness(line.content, before.content) or 0.0)
        value -= 1.2 * len(line.content & before.content) + 0.8 * (line.has_opener and _opened(path))
        value -= 0.3 * (before.code == line.code) + 0.35 * (_first(before) == _first(line))
        value -= 0.35 * sum(other.code == line.code for other in path.lines) * (line.code in "TMHK")
        value -= 0.15 * (before.subject != line.subject)
        letter = self.section.scheme[place]
        mates = [other for index, other in enumerate(path.lines) if self.section.scheme[index] == letter]
        return value - 0.4 * sum(_worn(mate.end, line.end) for mate in mates)

    @staticmethod
    def _extended(path: _Path, line: Candidate, value: float) -> _Path:
        return _Path(
            path.score + value, (*path.lines, line), path.sources | line.sources, path.content | line.content
        )


def _follows(before: Candidate | None, line: Candidate) -> bool:
    """True where the line may come next: a thought is finished by its own end and by nothing else."""
    is_end = before is not None and before.half == 1 and line.half == 2 and before.unit == line.unit
    if line.half == 2 or (before is not None and before.is_bound):
        return is_end
    return before is None or before.role != "sub" or line.kind in {"scene", "state", "whole"}


def _spread(ranked: Sequence[Candidate], *, each: int) -> list[Candidate]:
    """Return the best lines with at most `each` on one last word, 90 at most."""
    heard: Counter[str] = Counter()
    kept: list[Candidate] = []
    for line in ranked:
        if heard[line.end] < each and len(kept) < 90:
            heard[line.end] += 1
            kept.append(line)
    return kept


def _opened(path: _Path) -> int:
    return sum(line.has_opener for line in path.lines)


def _first(line: Candidate) -> str:
    return line.text.partition(" ")[0]


def hook_kind(frame: Frame, hook: str) -> HookKind:
    """Return what kind of phrase a hook is, its own where the bank wrote it."""
    plain = hook.lower()
    for theme in frame.bank.themes.values():
        for known in theme.hooks:
            if re.fullmatch(re.sub(r"\\\{.*?\}", ".+", re.escape(known.text.lower())), plain):
                return known.kind
    first = plain.partition(" ")[0]
    if first in {"i", "you", "we", "they", "she", "he", "nobody", "somebody", "it", "there"}:
        return "clause"
    if first in {"the", "a", "an", "my", "your", "one", "all", "every", "our", "no"}:
        return "np"
    return "adv" if first in {"in", "on", "by", "at", "down", "under", "out", "where"} else "imp"


def hook_lines(
    writer: SectionWriter, stock: Stock, tails: Sequence[Part], target: int, chance: random.Random
) -> list[Candidate]:
    """Return lines of `target` syllables that hold the plan's hook word for word."""
    hook = writer.plan.hook
    kind = hook_kind(writer.frame, hook)
    room = target - count_syllables(hook).best
    texts: list[tuple[str, float]] = [(hook, 1.0)] if room <= 0 else []
    prefixes = stock.openers.get(f"hook {kind}", {})
    plain = (
        hook[0].lower() + hook[1:] if kind != "imp" and hook.partition(" ")[0] not in {"I", "I'm", "I'll"} else hook
    )
    plain = plain[0].lower() + plain[1:] if kind == "imp" else plain
    texts += [(f"{part.text} {_inner(hook)}", 1.0) for part in prefixes.get(room, ())]
    for job in ("talk", "time"):
        for size, pool in stock.openers.get(job, {}).items():
            for lead in pool:
                texts += [(f"{lead.text} {part.text} {_inner(hook)}", 0.2) for part in prefixes.get(room - size, ())]
                if size == room:
                    texts.append((f"{lead.text} {_inner(hook)}", 0.4))
    codes = {"imp": "LTMR", "clause": "LTRH", "np": "LT", "adv": "TRH"}[kind]
    texts += [(f"{hook} {part.text}", 0.6) for part in tails if part.syllables == room and part.code in codes]
    found = [_hook_candidate(text, merit + chance.random() * 0.5) for text, merit in texts]
    keys = {rhyme_key(part.end) for part in tails}
    fitting = [line for line in found if rhyme_key(line.end) in keys and count_syllables(line.text).best == target]
    return fitting or found or [_hook_candidate(hook, 0.0)]


def _inner(hook: str) -> str:
    """Return the hook as it stands inside a line, its first letter small unless it is a name or I."""
    first = hook.partition(" ")[0]
    return hook if first in {"I", "I'm", "I'll", "I'd", "I've"} else hook[0].lower() + hook[1:]


def _hook_candidate(text: str, merit: float) -> Candidate:
    return Candidate(
        text[0].upper() + text[1:], end_word(text), frozenset({"hook"}), content_words(text), merit,
        "other", "state", "main", "hook", has_opener=False,
    )  # fmt: skip
