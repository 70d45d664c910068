"""What a text says in words the lexicon holds: feelings, wishes, activities, with what denies or strengthens them.

Knows words, inflections, how far a "not" or a "very" reaches and where a wish begins and ends; refuses to know what
mood the words add up to, context, vectors, models and tracks.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

DATA = Path(__file__).parent / "data"

_TOKEN = re.compile(
    r"[:;]['-]?[()d](?![a-z])|</?3|\\o/|\^\^|[\U0001F000-\U0001FAFF☀-➿⚡⭐]|[^\W_]+(?:'[^\W_]+)*|[.!?;,\n:()–—]"
)
_STOPS, _PAUSES = set(".!?;\n"), set(",:()–—")
_NOT_INFLECTED = frozenset(
    {"evening", "morning", "nothing", "something", "anything", "everything", "during", "king", "spring", "string"}
    | {"wedding", "longing", "being", "feeling", "boxing", "caring", "cage", "caged", "purring"}
)
_KIND_WEIGHT = {"feel": 1.0, "figure": 1.3, "scene": 0.4, "activity": 1.1, "emoji": 0.7, "wish": 2.4}
_LISTS = {"filler", "subject", "aftermath", "plane", "adjective"}  # rows that are never looked for in a text
_UNABLE = {"can't", "cant", "cannot", "couldn't", "unable"}
_NEGATION_REACH = 5  # words after "not" that it still governs
_BOOST_REACH = 2
_BETTER = {"lift", "calm", "energize", "sleep"}  # wishes to feel otherwise than now


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the lexicon; function words (negators, boosters, markers) carry no place on the plane."""

    kind: str
    phrase: str
    valence: float
    energy: float
    weight: float
    emotions: tuple[str, ...]
    name: str  # of the activity or wish


@dataclass(frozen=True, slots=True)
class Hit:
    """A lexicon entry met in a text, after negation and boosting."""

    entry: Entry
    valence: float
    energy: float
    weight: float
    is_negated: bool
    is_wish: bool


@dataclass(frozen=True, slots=True)
class Heard:
    """A text taken apart: what is felt, what is wished, what is being done."""

    hits: tuple[Hit, ...]
    feeling_text: str
    wish_text: str  # empty where no wish was said
    denies: bool  # holds a "not" that was not pardoned

    @property
    def activities(self) -> tuple[str, ...]:
        """Names of the activities that were said and not denied, in order."""
        named = (hit.entry.name for hit in self.hits if hit.entry.kind == "activity" and not hit.is_negated)
        return tuple(dict.fromkeys(named))

    @property
    def words(self) -> frozenset[str]:
        """Phrases, emotions and activities that were said and not denied: what tags are compared with."""
        meant = [hit.entry for hit in self.hits if not hit.is_negated]
        return frozenset(word for entry in meant for word in (entry.phrase, entry.name, *entry.emotions) if word)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    end: int
    sentence: int
    clause: int
    after: bool  # follows "after", "finished": what is done is over


@dataclass(frozen=True, slots=True)
class _Match:
    entries: tuple[Entry, ...]
    tokens: tuple[_Token, ...]
    at: int  # position among the words that carry meaning


@dataclass(slots=True)
class _Scope:
    """What governs the words at the point of reading."""

    negated_at: int | None = None
    negator: _Token | None = None
    boost: float = 1.0
    boosted_at: int = -9
    wish_from: _Token | None = None


@cache
def entries() -> tuple[Entry, ...]:
    """Every row of the lexicon."""
    with (DATA / "mood_lexicon.tsv").open(encoding="utf-8", newline="") as rows:
        return tuple(
            Entry(
                row["kind"],
                row["phrase"],
                float(row["valence"] or 0.5),
                float(row["energy"] or 0.5),
                float(row["weight"] or 1),
                tuple(filter(None, row["emotions"].split(","))),
                row["name"],
            )
            for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)
        )


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """Strip the commonest English inflections; crude on purpose, both sides of a comparison are stripped alike."""
    if word in _NOT_INFLECTED:
        return word
    for ending, least in (("ing", 6), ("ed", 5), ("ier", 6), ("ies", 5), ("es", 5), ("s", 4)):
        if word.endswith(ending) and len(word) >= least and not word.endswith(("ss", "us", "is")):
            word = word[: -len(ending)] + ("y" if ending in {"ier", "ies"} else "")
            if ending in {"ing", "ed"} and len(word) > 2 and word[-1] == word[-2] and word[-1] not in "slz":
                word = word[:-1]
            break
    word = word.removesuffix("e") if len(word) > 3 else word
    return word[:-1] + "i" if word.endswith("y") and len(word) > 3 else word


def listen(text: str) -> Heard:
    """Take a text apart into hits, the words of its feeling and the words of its wish."""
    plain = text.lower().replace("’", "'")
    plain = plain if len(plain) == len(text) else text.replace("’", "'")  # some letters change length when lowered
    tokens = _tokens(plain)
    hits, wishes, denies = _hits(_matches(tokens), tokens)
    feeling = plain
    for start, end in reversed(wishes):
        feeling = feeling[:start] + " " + feeling[end:]
    wish = " ".join(plain[start:end].strip(" ,") for start, end in wishes)
    has_wish = any(hit.is_wish for hit in hits)
    return Heard(hits, " ".join(feeling.split()).strip(" ,."), wish.strip() if has_wish else "", denies)


@cache
def _set_of(kind: str) -> frozenset[str]:
    return frozenset(entry.phrase for entry in entries() if entry.kind == kind)


@cache
def _index(*, is_stemmed: bool) -> dict[tuple[str, ...], tuple[Entry, ...]]:
    found: dict[tuple[str, ...], tuple[Entry, ...]] = {}
    for entry in entries():
        if entry.kind in _LISTS:
            continue
        words = tuple(token.text for token in _tokens(entry.phrase) if token.text not in _set_of("filler"))
        words = words or (entry.phrase,)
        if is_stemmed and (entry.kind in {"marker", "ender", "contrast"}):
            continue  # "makes me anxious" is no wish; "make me" is
        key = tuple(map(stem, words)) if is_stemmed else words
        found[key] = (*found.get(key, ()), entry)
    return found


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    sentence = clause = 0
    after = False
    for match in _TOKEN.finditer(text):
        word = re.sub(r"(.)\1{2,}", r"\1\1", match.group()).removesuffix("'s")
        if match.group() in _STOPS or match.group() in _PAUSES:
            sentence, clause, after = sentence + (match.group() in _STOPS), clause + 1, False
            continue
        after = after or word in _set_of("aftermath")
        tokens.append(_Token(word, match.start(), match.end(), sentence, clause, after))
    return tokens


def _matches(tokens: Sequence[_Token]) -> Iterator[_Match]:
    """Longest phrases first, from left to right, never across a pause."""
    content = [token for token in tokens if token.text not in _set_of("filler")]
    at = 0
    while at < len(content):
        step = 1
        for length in range(min(6, len(content) - at), 0, -1):
            run = content[at : at + length]
            if run[0].clause != run[-1].clause:
                continue
            words = tuple(token.text for token in run)
            found = _index(is_stemmed=False).get(words) or _index(is_stemmed=True).get(tuple(map(stem, words)))
            if found:
                yield _Match(found, tuple(run), at)
                step = length
                break
        at += step


def _hits(matches: Iterable[_Match], tokens: Sequence[_Token]) -> tuple[tuple[Hit, ...], list[tuple[int, int]], bool]:
    """Hits in order, the stretches of the text that speak a wish, and whether anything is denied."""
    scope, hits, wishes = _Scope(), list[Hit](), list[tuple[int, int]]()
    opens_clause = {token.clause: token for token in reversed(tokens)}
    previous: _Token | None = None
    denies = False
    for match in matches:
        first = match.tokens[0]
        _leave_scopes(scope, match, previous, opens_clause)
        previous = match.tokens[-1]
        kinds = {entry.kind: entry for entry in match.entries}
        if "contrast" in kinds:
            hits = [replace(hit, weight=hit.weight * (1 if hit.is_wish else 0.5)) for hit in hits]
        if kinds.keys() & {"ender", "contrast"}:
            scope = _Scope()
        if "pardon" in kinds:
            scope.negated_at = None
        if "booster" in kinds:
            scope.boost, scope.boosted_at = kinds["booster"].weight, match.at
        if "negator" in kinds or ("marker" in kinds and scope.negated_at is not None):
            scope.negated_at, denies = match.at, True
            scope.negator = first if "negator" in kinds else scope.negator
        if "marker" in kinds:
            scope.wish_from = scope.wish_from or first
            opening = first if scope.negated_at is None else scope.negator or first
            wishes.append((opening.start, previous.end))
        hit = _hit(match, scope)
        if hit is not None:
            hits.append(hit)
        if hit is not None and hit.is_wish and scope.wish_from is None:
            wishes.append((first.start, previous.end))
        elif scope.wish_from is not None and wishes:
            wishes[-1] = (wishes[-1][0], previous.end)
    return _settle(hits), wishes, denies


def _leave_scopes(scope: _Scope, match: _Match, previous: _Token | None, opens_clause: dict[int, _Token]) -> None:
    first = match.tokens[0]
    if previous is not None and first.clause != previous.clause:
        scope.negated_at = None
        if first.sentence != previous.sentence or opens_clause[first.clause].text in _set_of("subject"):
            scope.wish_from = None
    if scope.negated_at is not None and match.at - scope.negated_at > _NEGATION_REACH:
        scope.negated_at = None


def _hit(match: _Match, scope: _Scope) -> Hit | None:
    in_wish = scope.wish_from is not None
    placed = [entry for entry in match.entries if entry.kind in _KIND_WEIGHT]
    # Half weight in the table: a wish only where something asks for it ("I feel better" is a feeling).
    wish = next((entry for entry in placed if entry.kind == "wish" and (in_wish or entry.weight == 1)), None)
    entry = wish or next((entry for entry in placed if entry.kind != "wish"), None)
    if entry is None:
        return None
    is_negated = scope.negated_at is not None
    boost = scope.boost if match.at - scope.boosted_at <= _BOOST_REACH else 1.0
    valence, energy = entry.valence, entry.energy
    if is_negated and wish is not None:
        is_unable = scope.negator is not None and scope.negator.text in _UNABLE
        is_negated = not is_unable  # "can't calm down" asks for calm; "nothing makes me smile" does not ask
        wish = wish if is_unable or in_wish else None
    if is_negated:
        valence = 0.5 if entry.kind in {"activity", "scene"} else 0.5 - 0.75 * (valence - 0.5)
        energy = 0.5 - 0.6 * (energy - 0.5)
    valence, energy = (min(0.98, max(0.02, 0.5 + boost * (value - 0.5))) for value in (valence, energy))
    weight = (
        _KIND_WEIGHT[entry.kind]
        * (0.6 if is_negated else 1)
        * (0.5 if match.tokens[0].after and entry.kind == "activity" else 1)
    )
    is_wish = wish is not None or (in_wish and not (match.tokens[0].after and entry.kind == "activity"))
    return Hit(entry, valence, energy, weight, is_negated, is_wish)


def _settle(hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """Put right which hits are wishes.

    What one does is no feeling: beside a wish it tells what the music is for, unless it is over. And a pain named
    in a wish for better ("let go of this anger") is what is felt.
    """
    if not any(hit.is_wish for hit in hits):
        return tuple(hits)
    if any(hit.is_wish and hit.entry.name in _BETTER and hit.entry.kind == "wish" for hit in hits):
        hits = [
            replace(hit, is_wish=False)
            if hit.valence < 0.45 and not hit.is_negated and hit.entry.kind in {"feel", "figure"}
            else hit
            for hit in hits
        ]
    full = _KIND_WEIGHT["activity"]
    return tuple(
        replace(hit, is_wish=True, weight=hit.weight * 0.6)
        if hit.entry.kind == "activity" and not hit.is_wish and hit.weight >= full
        else hit
        for hit in hits
    )
