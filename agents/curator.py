"""The curator: a playlist for a brief and its mood, each pick with the terms that ranked it and its reason.

Knows ranking, exclusions and what to relax; refuses to know how tracks are stored and how moods are read.
"""

import asyncio
import re
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from agents.kit import Kit
from agents.listener import reason, summary
from songwright.catalogue import (
    artists_of,
    bare_title,
    decade_in,
    genre_key,
    genres_in,
    is_denied,
    is_wordless,
    names_of,
    plain,
)
from songwright.errors import Unavailable
from songwright.lexicon import Heard, listen, stem
from songwright.mood import ACTIVITY_ENERGY, activity_of, is_late, weather_of
from songwright.sequence import Point, arc_for, flow_distance, order_along, order_by_flow, points_of
from songwright.song import Arc, Brief, Context, Mood, Pick, Playlist, Track

_PER_ARTIST = 2
_RANKED = 1500  # tracks that get every term; of a large catalogue, those nearest to the mood
_NEIGHBOURS = 300  # tracks asked of the vectors
_IN_RANGE = 0.8  # a mood term below it lies outside the range
_ACOUSTIC = {"folk", "classical", "jazz"}
# What a term is worth. Mood rules; text is a tie-breaker, since titles say little about mood.
_WORTH: Mapping[str, float] = {
    "mood": 1.0,
    "named": 0.6,  # an artist or title in the listener's own words
    "seed": 0.5,
    "tags": 0.2,
    "activity": 0.2,
    "text": 0.12,
    "context": 0.08,
    "recent": -0.5,
    "chance": 0.03,
}
_TAGS = {
    "lift": "uplifting hope joy comfort",
    "calm": "calm relax peace",
    "energize": "energy motivation workout",
    "sleep": "sleep calm",
    "focus": "focus study",
    "release": "release anger rage",
    "remember": "nostalgia memories",
    "sadness": "melancholy heartbreak cry tears sorrow",
    "grief": "grief loss mourning",
    "desire": "longing missing",
    "anger": "anger rage defiant",
    "nervousness": "anxiety tension",
    "optimism": "hope uplifting",
    "relief": "calm peace relax",
    "pride": "confidence empowerment strength",
    "excitement": "excitement party",
    "love": "love romance",
    "gratitude": "gratitude",
    "joy": "joy",
    "run": "run workout",
    "clean": "dance joy",
}
_TEMPO = {"workout": (120, 180), "run": (140, 185), "party": (100, 135), "sleep": (50, 100), "relax": (50, 110)}
_WORDLESS = {"study", "sleep", "relax"}  # activities where singing distracts


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the brief asks beyond the mood, from its fields and from its words."""

    activity: str | None
    genres: frozenset[str]
    denied_genres: frozenset[str]
    decade: int | None
    wants_instrumental: bool
    tags: frozenset[str]
    words: str  # the prompt, plain
    context: Context | None
    seeds: tuple[Track, ...] = ()
    nearness: Mapping[str, float] = field(default_factory=dict[str, float])  # track id → cosine
    recent: frozenset[str] = frozenset()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class _Candidate:
    track: Track
    terms: Mapping[str, float]

    @property
    def score(self) -> float:
        return sum(self.terms.values())


async def curate(
    brief: Brief,
    mood: Mood,
    kit: Kit,
    *,
    context_effects: tuple[str, ...] = (),
    recent: frozenset[str] = frozenset(),
) -> Playlist:
    """A playlist in listening order; where the catalogue has too little, fewer picks and a word in `relaxed`.

    Raises:
        NotFound: the brief names a catalogue that is not there.
    """
    tracks = await kit.catalogue.tracks(brief.catalogue)
    nearness, trouble = await _nearness(brief, kit)
    # A large catalogue takes a fifth of a second to rank: off the event loop.
    playlist = await asyncio.to_thread(_arranged, brief, mood, tracks, nearness, recent)
    return replace(playlist, relaxed=(*trouble, *playlist.relaxed), context_effects=context_effects)


def _arranged(
    brief: Brief, mood: Mood, tracks: Sequence[Track], nearness: Mapping[str, float], recent: frozenset[str]
) -> Playlist:
    asked = _read(brief, tracks, nearness, recent)
    arc = brief.arc or arc_for(mood)
    targets = points_of(arc, mood, brief.count)
    if asked.seeds and mood.confidence < 0.2:  # nothing was said but "more like these"
        targets = (_centre(asked.seeds),) * brief.count
    chosen, relaxed = _choose(_usable(tracks, brief, asked), targets, mood, asked)
    picks = _ordered(chosen, targets, arc, mood, asked)
    relaxed = (*_unknown(brief, tracks, asked), *relaxed, *_shortage(picks, brief.count))
    return Playlist(tuple(picks), summary(picks, arc, mood), arc, relaxed)


async def _nearness(brief: Brief, kit: Kit) -> tuple[dict[str, float], tuple[str, ...]]:
    """Cosine by track id, and a word where the embedder failed; only a loaded one is asked.

    Where the vectors are away, the catalogue's `trouble` says so.
    """
    if not brief.prompt.strip() or not kit.embedder.is_warm:
        return {}, ()
    try:
        vectors = await kit.embedder.encode([brief.prompt])
        found = await kit.catalogue.nearest(vectors[0], name=brief.catalogue, count=_NEIGHBOURS)
    except Unavailable as away:
        return {}, (f"Nearness of words was left out: {away.detail}",)
    return found, ()


def _read(brief: Brief, tracks: Sequence[Track], nearness: Mapping[str, float], recent: frozenset[str]) -> _Asked:
    heard = listen(", ".join(filter(None, (brief.prompt, brief.mood))))
    words = brief.prompt.lower().replace("’", "'")
    known = {track.genre for track in tracks}
    named, denied = genres_in(words, known)
    own = genre_key(brief.genre or "")
    wanted = {plain(seed) for seed in brief.seed_tracks}
    return _Asked(
        activity=next(iter(heard.activities), None) or activity_of(brief.context),
        genres=frozenset({own} & known) if own else named,
        denied_genres=denied,
        decade=decade_in(words),
        wants_instrumental=is_wordless(words),
        tags=_asked_tags(heard),
        words=f" {plain(brief.prompt)} ",
        context=brief.context,
        seeds=tuple(track for track in tracks if wanted and wanted & {plain(track.id), plain(track.title)}),
        nearness=nearness,
        recent=recent,
        seed=brief.seed,
    )


def _asked_tags(heard: Heard) -> frozenset[str]:
    """Stems of the words that tags are compared with: the wish's where one was said, scenery always."""
    has_wish = any(hit.is_wish for hit in heard.hits)
    words = set[str]()
    for hit in heard.hits:
        if hit.is_negated or (has_wish and not hit.is_wish and hit.entry.kind != "scene"):
            continue
        for name in (hit.entry.name, *hit.entry.emotions):
            words.update(_TAGS.get(name, name).split())
        words.update(hit.entry.phrase.split())
    return frozenset(stem(word) for word in words if len(word) > 2)


def _usable(tracks: Sequence[Track], brief: Brief, asked: _Asked) -> list[Track]:
    """What may appear at all: nothing excluded, no seed, no genre or artist turned down, each recording once."""
    out = {name for raw in brief.exclude if (name := plain(raw))}
    seeds = {track.id for track in asked.seeds}
    by_recording: dict[tuple[str, str], Track] = {}
    for track in tracks:
        if track.id in seeds or track.genre in asked.denied_genres or names_of(track) & out:
            continue
        if any(is_denied(name, asked.words) for name in artists_of(track)):
            continue
        recording = (plain(bare_title(track.title)), artists_of(track)[0])
        by_recording.setdefault(recording, track)
    return list(by_recording.values())


def _filters(asked: _Asked) -> list[tuple[str, int, Callable[[Track], bool]]]:
    """What was asked besides the mood: its name, how late it is given up, and its test."""
    found: list[tuple[str, int, Callable[[Track], bool]]] = []
    if asked.decade is not None:
        decade = asked.decade
        found.append((f"of the {decade}s", 1, lambda track: (track.year or 0) // 10 * 10 == decade))
    if asked.wants_instrumental:
        found.append(("without singing", 2, lambda track: track.instrumental))
    if asked.genres:
        found.append(
            ("of the genre " + " or ".join(sorted(asked.genres)), 4, lambda track: track.genre in asked.genres)
        )
    return found


def _choose(
    tracks: list[Track], targets: Sequence[Point], mood: Mood, asked: _Asked
) -> tuple[list[_Candidate], tuple[str, ...]]:
    """The best track for each point in turn; what was asked is given up only where nothing else is left."""
    filters = _filters(asked)
    misses = np.asarray([sum(late for _, late, test in filters if not test(track)) for track in tracks], dtype=float)
    if not tracks:
        return [], ()
    distinct = list(dict.fromkeys(targets))
    fits = {point: _fit(tracks, point, mood) for point in distinct}
    best = np.max([fits[point] for point in distinct], axis=0) - misses
    kept = np.argsort(-best, kind="stable")[:_RANKED]
    candidates = [_Candidate(tracks[index], _terms(tracks[index], asked)) for index in map(int, kept)]
    base = np.asarray([candidate.score for candidate in candidates]) - 2 * misses[kept]
    chosen, given_up = list[_Candidate](), False
    taken, per_artist, most = np.zeros(len(kept), dtype=bool), Counter[str](), _PER_ARTIST
    while len(chosen) < min(len(targets), len(candidates)):
        free = np.asarray([per_artist[artists_of(one.track)[0]] < most for one in candidates]) & ~taken
        if not free.any():
            most, given_up = most + 1, True
            continue
        score = np.where(free, base + _WORTH["mood"] * fits[targets[len(chosen)]][kept], -np.inf)
        index = int(np.argmax(score))
        taken[index] = True
        per_artist[artists_of(candidates[index].track)[0]] += 1
        chosen.append(candidates[index])
    words = [
        f"Only {sum(test(one.track) for one in chosen)} fitting tracks are {name}; others fill the list."
        for name, _, test in filters
        if not all(test(one.track) for one in chosen)
    ]
    if given_up:
        words.append(f"Some artists appear more than {_PER_ARTIST} times, since too few others were left.")
    return chosen, tuple(words)


def _fit(tracks: Sequence[Track], point: Point, mood: Mood) -> NDArray[np.float64]:
    """0..1: free inside the mood's range around a point, falling off outside, a little better at its middle."""
    places = np.asarray([(track.valence, track.energy) for track in tracks])
    halves = np.asarray([(span.high - span.low) / 2 for span in (mood.valence, mood.energy)])
    away = np.abs(places - np.asarray(point))
    outside = np.maximum(0.0, away - halves) / 0.15
    inside = 1 - 0.15 * np.minimum(1.0, np.linalg.norm(away, axis=1) / 0.4)
    return np.exp(-(outside**2).sum(axis=1)) * inside


def _terms(track: Track, asked: _Asked) -> dict[str, float]:
    """What speaks for a track besides its mood, each in 0..1 times its worth; their sum ranks it."""
    values = {
        "named": float(_is_named(track, asked.words)),
        "seed": max((_likeness(track, seed) for seed in asked.seeds), default=0.0),
        "tags": min(1.0, len(_shared_tags(track, asked)) / 2),
        "activity": _suits_activity(track, asked.activity),
        "text": min(1.0, max(0.0, (asked.nearness.get(track.id, 0.0) - 0.2) / 0.4)),
        "context": _suits_context(track, asked.context),
        "recent": float(track.id in asked.recent),
        "chance": zlib.crc32(f"{asked.seed}:{track.id}".encode()) / 2**32 if asked.seed else 0.0,
    }
    return {name: round(_WORTH[name] * value, 4) for name, value in values.items() if value}


def _shared_tags(track: Track, asked: _Asked) -> tuple[str, ...]:
    return tuple(tag for tag in track.tags if stem(tag.split()[0]) in asked.tags)


def _is_named(track: Track, words: str) -> bool:
    """True where the prompt names the artist; names of one word only after "like" or "by"."""
    return any(
        f" {name} " in words
        and (" " in name or re.search(rf" (?:like|by|from|of) (?:the )?{re.escape(name)} ", words) is not None)
        for name in artists_of(track)
    )


def _likeness(track: Track, seed: Track) -> float:
    """0..1: how much a track is like one that was given as an example."""
    apart = np.hypot(track.valence - seed.valence, track.energy - seed.energy)
    shared = len(set(track.tags) & set(seed.tags)) / 3
    kin = float(track.genre == seed.genre)
    alike = (
        0.4 * max(0.0, 1 - apart / 0.5)
        + 0.2 * (1 - flow_distance(track, seed))
        + 0.25 * kin
        + 0.15 * min(1.0, shared)
    )
    return float(alike)


def _suits_activity(track: Track, activity: str | None) -> float:
    """0..1: the mean of what the activity asks for: energy, tempo, no singing, and whether its tag is there."""
    if activity is None:
        return 0.0
    marks = [float(bool({activity, *_TAGS.get(activity, "").split()} & set(track.tags)))]
    if activity in ACTIVITY_ENERGY:
        low, high = ACTIVITY_ENERGY[activity]
        marks.append(float(low <= track.energy <= high))
    if activity in _TEMPO and track.tempo_bpm:
        low, high = _TEMPO[activity]
        # Half and double time are felt as the same pace.
        marks.append(float(any(low <= track.tempo_bpm * fold <= high for fold in (0.5, 1, 2))))
    if activity in _WORDLESS:
        marks.append(float(track.instrumental))
    return sum(marks) / len(marks)


def _suits_context(track: Track, context: Context | None) -> float:
    """0..1: share of the surroundings that the track's tags, sound or tempo answer to."""
    if context is None:
        return 0.0
    tags, marks = set(track.tags), list[bool]()
    weather = weather_of(context)
    if weather == "rain":
        marks.append(bool(tags & {"rain", "cozy", "acoustic"}) or track.genre in _ACOUSTIC)
    elif weather is not None:
        marks.append(bool(tags & ({"winter", "cozy"} if weather == "snow" else {"summer", "sunshine", "beach"})))
    if is_late(context):
        marks.append("night" in tags or (track.tempo_bpm or 120) <= 100)
    elif hour := next((word for word in ("morning", "evening") if word in (context.time_of_day or "").lower()), None):
        marks.append(hour in tags)
    if season := (context.season or "").lower():
        marks.append(season in tags)
    return sum(marks) / len(marks) if marks else 0.0


def _centre(tracks: Sequence[Track]) -> Point:
    count = len(tracks)
    return sum(track.valence for track in tracks) / count, sum(track.energy for track in tracks) / count


def _ordered(
    chosen: Sequence[_Candidate], targets: Sequence[Point], arc: Arc, mood: Mood, asked: _Asked
) -> list[Pick]:
    """The picks in listening order, each with the terms and the reason that hold at its place."""
    if not chosen:
        return []
    terms = {one.track.id: one.terms for one in chosen}
    tracks = [one.track for one in chosen]
    is_flat = len(set(targets)) == 1
    # Fewer tracks than points: the path is walked in longer steps, both ends kept.
    longest = len(targets) - 1
    points = [targets[round(place * longest / max(1, len(tracks) - 1))] for place in range(len(tracks))]
    order = order_by_flow(tracks) if is_flat else order_along(tracks, points)
    picks: list[Pick] = []
    for track, point in zip(order, points, strict=True):
        fit = float(_fit([track], point, mood)[0])
        full = {"mood": round(_WORTH["mood"] * fit, 4), **terms[track.id]}
        why = reason(track, full, tags=_shared_tags(track, asked), arc=arc, has_arrived=point == targets[-1])
        picks.append(Pick(track, why, full))
    return picks


def _unknown(brief: Brief, tracks: Sequence[Track], asked: _Asked) -> tuple[str, ...]:
    """A word on each thing asked for that this catalogue has never heard of."""
    found = {name for seed in asked.seeds for name in (plain(seed.id), plain(seed.title))}
    words = [
        f"The seed track {name!r} is not in the catalogue and was passed over."
        for name in brief.seed_tracks
        if plain(name) not in found
    ]
    if brief.genre and not asked.genres and tracks:
        words.append(f"The catalogue has no genre {brief.genre!r}; the mood alone decided.")
    return tuple(words)


def _shortage(picks: Sequence[Pick], count: int) -> tuple[str, ...]:
    words: list[str] = []
    if len(picks) < count:
        words.append(f"You asked for {count} tracks; only {len(picks)} are left to choose from.")
    far = sum(pick.terms["mood"] < _IN_RANGE for pick in picks)
    if far:
        words.append(f"Outside the mood's range: {far} of {len(picks)} tracks, since too few lie within it.")
    return tuple(words)
