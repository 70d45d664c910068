"""The frame of a song: theme, sky, settings, mood and the nouns of the brief, the same for every section.

Knows what a song is about; refuses to know how a line is made. Everything follows from brief, mood and seed.
"""

import hashlib
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from agents.embedded.bank import Bank, Noun, Theme, load
from agents.embedded.grammar import Tense
from agents.embedded.wordlists import listed, paired
from songwright.song import Brief, Mood
from songwright.sound import is_known, words

_READ = 4000  # characters of a prompt that are read
_SKIES = {sky: listed(f"sky {sky}") for sky in ("rain", "snow", "sun", "night", "dawn")}
_EXCLUSIVE = ({"rain", "snow", "sun"}, {"night", "dawn"})
_BY_MOOD = {
    (True, True): ("party", "summer", "freedom", "friendship", "dance"),
    (True, False): ("love", "morning", "home", "hope"),
    (False, True): ("anger", "road", "heartbreak", "work"),
    (False, False): ("loneliness", "night", "memory", "heartbreak"),
}
_BY_FEELING = {
    "anger": "anger", "angry": "anger", "grief": "grief", "sadness": "loneliness", "sad": "loneliness",
    "lonely": "loneliness", "love": "love", "joy": "party", "happy": "summer", "nostalgia": "memory",
    "nostalgic": "memory", "fear": "night", "hope": "hope", "calm": "morning", "excitement": "party",
    "gratitude": "family", "optimism": "hope", "remorse": "heartbreak", "disappointment": "heartbreak",
}  # fmt: skip
_EMOJI = paired("emoji")
_FUNCTION = listed("function")
_ADJECTIVES = listed("adjectives")
_NOT_THINGS = listed("not-things")


def dice(*parts: object) -> random.Random:
    """Return dice that fall the same way for the same parts, in every process and on every machine."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode("utf-8", "surrogatepass")).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))


@dataclass(frozen=True, slots=True)
class Frame:
    """What all sections of a song agree on."""

    bank: Bank
    theme: Theme
    second: Theme | None
    settings: tuple[str, ...]
    sky: frozenset[str]
    mood: frozenset[str]
    nouns: Mapping[str, tuple[Noun, ...]]  # by kind, those of the brief first
    own: tuple[Noun, ...]  # nouns the brief itself named
    speaks_to_you: bool
    seed: str

    @property
    def themes(self) -> frozenset[str]:
        """The keys of the themes it draws on."""
        return frozenset({self.theme.key} | ({self.second.key} if self.second else set()))

    def tags(self, setting: str, tense: Tense) -> frozenset[str]:
        """Return every tag that holds in a section played there and then."""
        times = {"past": "past", "present": "pres", "future": "fut"}
        told = {"you"} if self.speaks_to_you else set[str]()
        absent = {f"!{sky}" for sky in _SKIES if sky not in self.sky}
        return self.sky | absent | self.mood | told | {*setting.split("+"), times[tense]}


def _stems(word: str) -> Iterable[str]:
    yield word
    for ending in ("'s", "s", "es", "ed", "ing", "d", "y", "ly"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            yield word[: -len(ending)]


def theme_scores(text: str, bank: Bank) -> dict[str, float]:
    """Return how strongly a text points to each theme; rarer keywords and repeated ones weigh more."""
    scores: dict[str, float] = defaultdict(float)
    said = words("".join(f" {_EMOJI[sign]} " if sign in _EMOJI else sign for sign in text))
    pairs = (f"{one}_{other}" for one, other in pairwise(said))
    for word, count in Counter((*said, *pairs)).items():
        stem = next((stem for stem in _stems(word) if stem in bank.word_themes), None)
        if stem is not None:
            keys = bank.word_themes[stem]
            for key in keys:
                scores[key] += (2.0 if "_" in word else 1.0) * (0.5 + 0.5 * min(count, 3)) * (2.0 / (1 + len(keys)))
    return scores


def _themes(brief: Brief, mood: Mood, wanted: str, bank: Bank) -> tuple[Theme, Theme | None]:
    scores = theme_scores(brief.prompt[:_READ], bank)
    for text, weight in ((brief.theme or "", 3), (wanted, 1)):
        for key, value in theme_scores(text, bank).items():
            scores[key] = scores.get(key, 0.0) + weight * value
    if wanted.lower() in bank.themes:
        scores[wanted.lower()] = 100 + scores.get(wanted.lower(), 0.0)
    if not scores:
        choices = [_BY_FEELING.get(mood.feeling.lower(), ""), *_by_mood(mood, brief)]
        return bank.themes[next(key for key in choices if key in bank.themes)], None
    ranked = sorted(scores.items(), key=lambda item: -item[1])  # stable: of equals the one mentioned first
    first = bank.themes[ranked[0][0]]
    rest = [bank.themes[key] for key, value in ranked[1:2] if value >= 0.6]
    return first, rest[0] if rest else None


def _by_mood(mood: Mood, brief: Brief) -> Sequence[str]:
    choices = list(_BY_MOOD[mood.valence.point >= 0.5, mood.energy.point >= 0.5])
    dice(brief.prompt, brief.seed, "theme").shuffle(choices)
    return [*choices, "hope"]


def _sky(brief: Brief, theme: Theme, chance: random.Random) -> frozenset[str]:
    said = set(words(brief.prompt[:_READ])) | set(theme.key.split())
    found = {sky for sky, names in _SKIES.items() if said & names}
    guessed = chance.choice(("rain", "sun", "snow", "", "")), chance.choice(("night", "night", "dawn", ""))
    for group, guess in zip(_EXCLUSIVE, guessed, strict=True):
        if not found & group and guess:
            found.add(guess)
    for group in _EXCLUSIVE:
        several = sorted(found & group)
        found -= set(several[1:])
    return frozenset(found)


def _mood_tags(mood: Mood) -> frozenset[str]:
    valence, energy = mood.valence.point, mood.energy.point
    tags = {name for name, holds in (("pos", valence >= 0.5), ("neg", valence <= 0.55)) if holds}
    return frozenset(tags | {name for name, holds in (("hi", energy >= 0.5), ("lo", energy <= 0.5)) if holds})


def own_nouns(prompt: str, bank: Bank) -> tuple[Noun, ...]:
    """Return the concrete nouns a prompt names, as far as their part of speech can be told."""
    text = prompt[:_READ]
    said = words(text)
    found: dict[str, Noun] = {}
    for place, word in enumerate(said):
        pair = f"{word} {said[place + 1]}" if place + 1 < len(said) else word
        for phrase in dict.fromkeys((pair, word)):
            for noun in bank.nouns.get(phrase, ()):
                if phrase not in _FUNCTION:
                    found.setdefault(f"{noun.kind}:{noun.text}", noun)
    for noun in _named(text):
        found.setdefault(f"{noun.kind}:{noun.text}", noun)
    for word in _after_determiners(said):
        if word not in bank.nouns and not any(noun.text == word for noun in found.values()):
            found.setdefault(f"thing:{word}", Noun(word, "thing"))
    return tuple(found.values())[:24]


_PLACE = re.compile(r"\b(?:in|to|from|of|near|leaving|through|across) ((?:[A-Z][a-z]{2,}\s?){1,2})")
_MONTHS = listed("months")
_DAYS = listed("feasts")


def _named(text: str) -> Iterable[Noun]:
    for match in _PLACE.finditer(text):
        name = match.group(1).strip()
        if not set(name.split()) & (_MONTHS | _DAYS) and all(is_known(word) for word in words(name)):
            yield Noun(name, "place", "mass")


def _after_determiners(said: Sequence[str]) -> Iterable[str]:
    """Yield the noun of each "my old red trombone": the last plain word before the next function word."""
    for place, word in enumerate(said):
        if word not in {"my", "our", "a", "an", "his", "her", "their"}:
            continue
        phrase: list[str] = []
        for following in said[place + 1 : place + 4]:
            if following in _FUNCTION or "'" in following:
                break
            phrase.append(following)
        last = phrase[-1] if phrase else ""
        if len(phrase) <= 2 and _is_thing(last):
            yield last


def _is_thing(word: str) -> bool:
    if len(word) < 3 or word in _ADJECTIVES or word in _NOT_THINGS or not is_known(word):
        return False
    return not word.endswith(("ing", "ed", "ly", "ss", "ous", "ful", "s"))


def frame_of(brief: Brief, mood: Mood, *, theme: str = "") -> Frame:
    """Return the frame of a brief; `theme` is the plan's, where there is one already."""
    bank = load()
    first, second = _themes(brief, mood, theme, bank)
    seed = f"{brief.seed}\x1e{brief.prompt}\x1e{brief.genre}\x1e{brief.mood}\x1e{brief.theme}"
    chance = dice(seed, "frame")
    own = own_nouns(brief.prompt, bank)
    by_kind: dict[str, list[Noun]] = defaultdict(list)
    for noun in (*own, *first.nouns, *(second.nouns if second else ()), *bank.everyday):
        if all(other.text != noun.text for other in by_kind[noun.kind]):
            by_kind[noun.kind].append(noun)
    sky = _sky(brief, first, chance)
    for kind in sorted(sky & {"rain", "snow", "sun"}):
        by_kind["weather"] = by_kind.pop(kind)
    settings = list(first.settings or ("in", "town"))
    if len(settings) > 1 and chance.random() < 0.4:
        settings[0], settings[1] = settings[1], settings[0]
    return Frame(
        bank, first, second, tuple(settings), sky, _mood_tags(mood),
        {kind: tuple(nouns) for kind, nouns in by_kind.items()}, own,
        first.speaks_to_you or bool({"you", "your", "him", "her"} & set(words(brief.prompt[:_READ]))), seed,
    )  # fmt: skip


def tense_of(tense: Tense, *, is_bridge: bool) -> Tense:
    """Return when a section speaks: a bridge shifts from now to then, and from then to now."""
    shifted: Mapping[Tense, Tense] = {"present": "past", "past": "present", "future": "present"}
    return shifted[tense] if is_bridge else tense
