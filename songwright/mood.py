"""Where a heard text lies on the valence-energy plane (Russell 1980).

Knows how hits add up, the anchor phrases, how two readings blend and what context moves; refuses to know how words
are found in a text, how sentences become vectors, models and tracks.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songwright.lexicon import Heard, Hit, entries, listen
from songwright.song import Context, Mood, Span

DATA = Path(__file__).parent / "data"
Point = tuple[float, float]  # valence, energy, each in 0..1

_PRESENT = {"feel", "feeling", "be", "being", "anymore"}
_STRETCH = 1.6
_SEASONS: dict[str, Point] = {"spring": (0.02, 0.02), "summer": (0.02, 0.03), "winter": (0.0, -0.03)}
# Energy that an activity in the context asks for.
ACTIVITY_ENERGY: dict[str, tuple[float, float]] = {
    "workout": (0.75, 1.0),
    "run": (0.7, 1.0),
    "party": (0.7, 1.0),
    "clean": (0.6, 0.9),
    "drive": (0.4, 0.8),
    "walk": (0.3, 0.65),
    "study": (0.2, 0.55),
    "dinner": (0.2, 0.5),
    "relax": (0.0, 0.35),
    "sleep": (0.0, 0.3),
}
# What a wish tells of the feeling when the feeling itself was not said: who asks for calm is stirred up.
_IMPLIED_START: dict[str, Point] = {
    "lift": (0.34, 0.36),
    "calm": (0.40, 0.66),
    "energize": (0.50, 0.32),
    "sleep": (0.46, 0.42),
}
_OPPOSITE = {"joy": "sadness", "sadness": "relief", "anger": "relief", "nervousness": "relief", "fear": "relief"}


@dataclass(frozen=True, slots=True)
class AnchorReading:
    """Where the anchor phrases nearest in meaning place a text; `certainty` in 0..1 says how near they were."""

    target: Point
    start: Point
    certainty: float


def read_mood(text: str) -> Mood:
    """The mood of a text by the lexicon alone."""
    return mood_of(listen(text))


def mood_of(heard: Heard) -> Mood:
    """The mood that the parts of a text add up to."""
    felt = [hit for hit in heard.hits if not hit.is_wish]
    wished = [hit for hit in heard.hits if hit.is_wish]
    feeling, feeling_evidence = _centre(felt)
    wish_evidence = sum(hit.weight for hit in wished)
    # A wish of scenery alone ("something for a rainy day") leaves room for the feeling beside it.
    room = 0.6 * max(0.0, 1.0 - wish_evidence)
    target, evidence = _centre([*wished, *(replace(hit, weight=hit.weight * room) for hit in felt)])
    if not wished:
        target, evidence = feeling, feeling_evidence
    implied = next((_IMPLIED_START[hit.entry.name] for hit in wished if hit.entry.name in _IMPLIED_START), None)
    if not felt and any(word in _PRESENT for word in heard.wish_text.split()):
        # "I don't want to feel sad anymore": what is wished away is what is felt.
        felt = [_undenied(hit) for hit in wished if hit.is_negated]
        feeling, _ = _centre(felt)
    start = feeling if felt else implied or target
    emotions = _emotions(felt or wished)
    confidence = _confidence(evidence, wished or felt)
    return Mood(
        feeling=_feeling(emotions, start) if felt else plane_word(start),
        wish=_wish(wished, target),
        valence=span(target[0], confidence),
        energy=span(target[1], confidence),
        start=start,
        emotions=emotions or {"neutral": round(1 - confidence, 3)},
        confidence=confidence,
        how="lexicon",
    )


def span(point: float, confidence: float) -> Span:
    """A range around a point that widens as confidence falls: ±.10 when sure, ±.32 when not."""
    point = min(1.0, max(0.0, point))
    half = 0.10 + 0.22 * (1 - confidence)
    return Span(max(0.0, point - half), min(1.0, point + half), point)


def plane_word(point: Point) -> str:
    """The everyday word for a place on the plane."""
    places = [entry for entry in entries() if entry.kind == "plane"]
    return min(places, key=lambda place: math.dist(point, (place.valence, place.energy))).phrase


def read_anchors(feeling: NDArray[np.float32], wish: NDArray[np.float32] | None = None) -> AnchorReading:
    """Place a feeling's vector, and a wish's where one was said, among the anchor phrases.

    Weights are softmax(cosine / .07); averages shrink towards the middle, so they are stretched around .5.
    """
    start, near = _among_anchors(feeling)
    target, wish_near = (start, near) if wish is None else _among_anchors(wish)
    return AnchorReading(target, start, min(near, wish_near))


def blend(mood: Mood, reading: AnchorReading) -> Mood:
    """The lexicon's mood moved towards the anchors, as far as the one is unsure and the other is certain."""
    trust = 0.5 * reading.certainty
    share = trust / (trust + mood.confidence + 1e-9)
    valence = _between(mood.valence.point, reading.target[0], share)
    energy = _between(mood.energy.point, reading.target[1], share)
    # Two ways of reading that agree are worth more than either; that disagree, no more than the better.
    distance = math.dist((mood.valence.point, mood.energy.point), reading.target)
    gain = 0.5 * reading.certainty * max(0.0, 1 - distance / 0.4)
    confidence = round(min(0.98, mood.confidence + (1 - mood.confidence) * gain), 3)
    start = (
        _between(mood.start[0], reading.start[0], share),
        _between(mood.start[1], reading.start[1], share),
    )
    return replace(
        mood,
        feeling=mood.feeling if mood.emotions.keys() - {"neutral"} else plane_word(start),
        valence=span(valence, confidence),
        energy=span(energy, confidence),
        start=start,
        confidence=confidence,
        how=f"{mood.how}+anchors",
    )


def context_nudges(context: Context | None, mood: Mood) -> tuple[Mood, tuple[str, ...]]:
    """Move a mood by what surrounds the listener, less the surer the text was, and say what moved it.

    Weather, hour and season shift by at most .12 together; an activity pulls energy into its range.
    """
    if context is None:
        return mood, ()
    room = 1 - mood.confidence
    shifts = [(word, shift) for word, shift in _shifts(context)]
    effects = [
        f"{word}: valence {room * v:+.2f}, energy {room * e:+.2f}"
        for word, (v, e) in shifts
        if round(room * max(abs(v), abs(e)), 2)
    ]
    valence, energy = (
        point + min(0.12, max(-0.12, room * sum(shift[axis] for _, shift in shifts)))
        for axis, point in ((0, mood.valence.point), (1, mood.energy.point))
    )
    low, high = ACTIVITY_ENERGY.get(activity_of(context) or "", (0.0, 1.0))
    inside = min(high, max(low, energy))
    if abs(inside - energy) > 0.01:
        pulled = _between(energy, inside, max(0.4, room))
        effects.append(f"{context.activity}: energy {pulled - energy:+.2f}")
        energy = pulled
    if not effects:
        return mood, ()
    moved = replace(mood, valence=span(valence, mood.confidence), energy=span(energy, mood.confidence))
    return moved, tuple(effects)


def activity_of(context: Context | None) -> str | None:
    """The lexicon's name of the activity that the context speaks of."""
    return next(iter(listen(context.activity).activities), None) if context and context.activity else None


def weather_of(context: Context | None) -> str | None:
    """`rain`, `snow`, `clear` or None, from whatever words the weather came in."""
    words = ((context.weather or "") if context else "").lower()
    kinds = {"rain": "rain drizzl shower storm thunder", "snow": "snow sleet blizzard", "clear": "clear sun"}
    return next((kind for kind, stems in kinds.items() if any(part in words for part in stems.split())), None)


def is_late(context: Context | None) -> bool:
    """True where the context says that it is night."""
    words = ((context.time_of_day or "") if context else "").lower()
    return "night" in words or "late" in words


def _centre(hits: Sequence[Hit]) -> tuple[Point, float]:
    """Mean place, each axis weighted by how much a hit says about it, and the sum of evidence."""
    if not hits:
        return (0.5, 0.5), 0.0
    centre: list[float] = []
    for values in ([hit.valence for hit in hits], [hit.energy for hit in hits]):
        salience = [
            hit.weight * (0.15 + 2 * abs(value - 0.5)) + 1e-9 for hit, value in zip(hits, values, strict=True)
        ]
        centre.append(sum(w * value for w, value in zip(salience, values, strict=True)) / sum(salience))
    return (centre[0], centre[1]), sum(hit.weight for hit in hits)


def _undenied(hit: Hit) -> Hit:
    return replace(hit, valence=hit.entry.valence, energy=hit.entry.energy, is_negated=False, is_wish=False)


def _confidence(evidence: float, hits: Sequence[Hit]) -> float:
    spread = float(np.std([hit.valence for hit in hits]) + np.std([hit.energy for hit in hits])) if hits else 0.0
    return round(max(0.05, (1 - math.exp(-0.8 * evidence)) * (1 - min(0.5, spread))), 3)


def _emotions(hits: Iterable[Hit]) -> dict[str, float]:
    doubt: dict[str, float] = {}
    for hit in hits:
        for label in hit.entry.emotions:
            meant = _OPPOSITE.get(label, "neutral") if hit.is_negated else label
            doubt[meant] = doubt.get(meant, 1.0) * (1 - 0.6 * min(1.0, hit.weight))
    scores = {label: round(1 - rest, 3) for label, rest in doubt.items()}
    return dict(sorted(scores.items(), key=lambda item: -item[1]))


@cache
def _adjectives() -> dict[str, str]:
    """Emotion label, activity or kind of wish → the word that completes "they feel"."""
    return {entry.name: entry.phrase for entry in entries() if entry.kind == "adjective"}


def _feeling(emotions: dict[str, float], start: Point) -> str:
    return _adjectives().get(next(iter(emotions), "")) or plane_word(start)


def _wish(wished: Sequence[Hit], target: Point) -> str | None:
    """The word that completes "they would like to feel", from the weightiest hit that names one."""
    if not wished:
        return None
    for hit in sorted(wished, key=lambda hit: -hit.weight):
        name = hit.entry.name or next(iter(hit.entry.emotions), "")
        if name in _adjectives() and not hit.is_negated:
            return _adjectives()[name]
    return plane_word(target)


@cache
def _anchors() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit vectors, shape (anchors, 384), and points, shape (anchors, 2)."""
    with (DATA / "mood_anchors.tsv").open(encoding="utf-8", newline="") as rows:
        points = [
            (float(row["valence"]), float(row["energy"]))
            for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]
    return np.load(DATA / "mood_anchors.npy").astype(np.float32), np.asarray(points, dtype=np.float32)


def _among_anchors(vector: NDArray[np.float32]) -> tuple[Point, float]:
    vectors, points = _anchors()
    cosines = vectors @ vector
    weights = np.exp((cosines - cosines.max()) / 0.07)
    mean = (weights / weights.sum()) @ points
    valence, energy = np.clip(0.5 + _STRETCH * (mean - 0.5), 0.02, 0.98).tolist()
    return (valence, energy), float(np.clip((cosines.max() - 0.15) / 0.45, 0, 1))


def _between(here: float, there: float, share: float) -> float:
    return here + share * (there - here)


def _shifts(context: Context) -> Iterator[tuple[str, Point]]:
    """Valence and energy shifts before they are scaled; effects of weather on listening are small."""
    weather, hour = weather_of(context), (context.time_of_day or "").lower()
    if weather == "clear" and (context.temperature_c or 0) >= 20:
        yield "clear and warm", (0.05, 0.06)
    elif weather == "rain":
        yield "rain", (-0.04, -0.06)
    elif weather == "snow":
        yield "snow", (0.0, -0.05)
    if is_late(context):
        yield "late night", (0.0, -0.10)
    elif "morning" in hour:
        yield "morning", (0.03, 0.0)
    elif "evening" in hour:
        yield "evening", (0.0, 0.04)
    if (season := (context.season or "").lower()) in _SEASONS:
        yield season, _SEASONS[season]
