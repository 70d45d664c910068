"""The order of a playlist: smooth from track to track, or along a path across the mood plane.

Knows tempo, energy, keys and paths; refuses to know why a track was chosen.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from songwright.song import Arc, Mood, Track

Point = tuple[float, float]  # valence, energy, each in 0..1

_TEMPO, _ENERGY, _KEY = 0.35, 0.35, 0.30  # shares of the flow distance
_UNKNOWN = 0.5  # of a tempo or key that nobody noted: neither near nor far
_OPENS_AT = 0.4  # of the way from feeling to wish, where an arc begins; `iso` alone begins with the feeling
_ARRIVES_AT = 0.35  # of the playlist, where an arc has reached the wish: that is what was asked for
_LONGEST_2OPT = 120  # tracks; beyond, the greedy order stands
_ROUNDS_2OPT = 30


def tempo_distance(a: float | None, b: float | None) -> float:
    """0..1; octave-folded, since 70 and 140 beats a minute walk in step: 0 at a whole octave, 1 at half of one."""
    if not a or not b:
        return _UNKNOWN
    octaves = abs(math.log2(a / b)) % 1.0
    return 2 * min(octaves, 1 - octaves)


def key_distance(a: Track, b: Track) -> float:
    """0..1; steps on the circle of fifths over six, a minor key standing at its relative major."""
    here, there = _fifths(a), _fifths(b)
    if here is None or there is None:
        return _UNKNOWN
    steps = abs(here - there)
    return min(steps, 12 - steps) / 6


def flow_distance(a: Track, b: Track) -> float:
    """0..1; how hard a cut from one track to the other is: .35 tempo, .35 energy, .30 key. Symmetric."""
    tempo = tempo_distance(a.tempo_bpm, b.tempo_bpm)
    return _TEMPO * tempo + _ENERGY * abs(a.energy - b.energy) + _KEY * key_distance(a, b)


def order_by_flow(tracks: Sequence[Track]) -> tuple[Track, ...]:
    """The tracks in an order whose cuts are soft: nearest neighbours from several starts, mended by 2-opt."""
    if len(tracks) < 3:
        return tuple(tracks)
    distances = _matrix(tracks)
    starts = np.argsort(-distances.sum(axis=1), kind="stable")[:4]  # outliers belong at an end
    orders = [_mended(_greedy(distances, int(start)), distances) for start in starts]
    best = min(orders, key=lambda order: _length(order, distances))
    return tuple(tracks[index] for index in best)


def order_along_path(tracks: Sequence[Track], start: Point, target: Point) -> tuple[Track, ...]:
    """The tracks walking from one point of the plane to another."""
    return order_along(tracks, path(start, target, len(tracks)))


def order_along(tracks: Sequence[Track], points: Sequence[Point]) -> tuple[Track, ...]:
    """The tracks matched to a row of points, one each; softness of cuts decides between equals.

    Raises:
        ValueError: there are not as many points as tracks.
    """
    if len(points) != len(tracks):
        raise ValueError(f"There are {len(points)} points for {len(tracks)} tracks.")
    away = _away(tracks, points)
    order = _assigned(away)
    return tuple(tracks[index] for index in _swapped(order, away, _matrix(tracks)))


def path(start: Point, target: Point, count: int) -> tuple[Point, ...]:
    """`count` points evenly along a straight line, both ends included."""
    return tuple(_at(start, target, step / max(1, count - 1)) for step in range(count))


def ends(arc: Arc, mood: Mood) -> tuple[Point, Point]:
    """Where an arc begins and where it arrives.

    `match` stays with the feeling, `direct` with the wish; `iso` walks from the one to the other; `lift`, `calm`
    and `energize` go the wish's way and, where the wish does not lead there, as far as their name asks.
    """
    here, there = mood.start, (mood.valence.point, mood.energy.point)
    match arc:
        case "match":
            return (here, here) if mood.wish is not None else (there, there)
        case "direct":
            return there, there
        case "iso":
            return here, there
        case "lift":
            target = (max(there[0], 0.68), max(there[1], 0.45)) if mood.wish is None else there
            return _at(here, target, _OPENS_AT), target
        case "calm":
            target = max(there[0], 0.5), min(there[1], 0.25)
            return _at((here[0], max(here[1], 0.5)), target, _OPENS_AT), target
        case "energize":
            target = max(there[0], 0.55), max(there[1], 0.8)
            return _at((here[0], min(here[1], 0.5)), target, _OPENS_AT), target


def points_of(arc: Arc, mood: Mood, count: int) -> tuple[Point, ...]:
    """Where each track of a playlist should lie."""
    start, target = ends(arc, mood)
    if arc in {"match", "direct"} or count < 2:
        return (target,) * count
    if arc == "iso":
        return path(start, target, count)
    steps = max(1, math.ceil(_ARRIVES_AT * count))
    return (*path(start, target, steps + 1)[:steps], *(target,) * (count - steps))


def arc_for(mood: Mood) -> Arc:
    """The arc that a text's wish asks for: none stays, calmer calms, livelier energizes, brighter lifts."""
    if mood.wish is None:
        return "match"
    brighter = mood.valence.point - mood.start[0]
    livelier = mood.energy.point - mood.start[1]
    if livelier <= -0.15 and mood.energy.point < 0.45 <= mood.valence.point:
        return "calm"
    if livelier >= 0.3 and livelier > brighter and mood.energy.point > 0.6:
        return "energize"
    return "lift" if brighter >= 0.12 and mood.valence.point > 0.5 else "direct"


def _at(start: Point, target: Point, share: float) -> Point:
    return start[0] + share * (target[0] - start[0]), start[1] + share * (target[1] - start[1])


def _fifths(track: Track) -> int | None:
    if track.key is None or track.mode is None:
        return None
    return 7 * (track.key + (0 if track.mode else 3)) % 12


def _matrix(tracks: Sequence[Track]) -> NDArray[np.float64]:
    """Flow distances, shape (tracks, tracks)."""
    distances = np.zeros((len(tracks), len(tracks)))
    for row, one in enumerate(tracks):
        for column in range(row):
            distances[row, column] = distances[column, row] = flow_distance(one, tracks[column])
    return distances


def _away(tracks: Sequence[Track], points: Sequence[Point]) -> NDArray[np.float64]:
    """Distances on the plane, shape (points, tracks)."""
    places = np.asarray([(track.valence, track.energy) for track in tracks]).reshape(-1, 1, 2)
    return np.linalg.norm(np.asarray(points).reshape(1, -1, 2) - places, axis=2).T


def _greedy(distances: NDArray[np.float64], start: int) -> list[int]:
    order, rest = [start], set(range(len(distances))) - {start}
    while rest:
        here = order[-1]
        nearest = min(rest, key=lambda index: (distances[here, index], index))
        order.append(nearest)
        rest.remove(nearest)
    return order


def _length(order: Sequence[int], distances: NDArray[np.float64]) -> float:
    return float(distances[np.asarray(order[:-1]), np.asarray(order[1:])].sum())


def _mended(order: list[int], distances: NDArray[np.float64]) -> list[int]:
    """2-opt on an open path: turn stretches round while that shortens it."""
    count = len(order)
    if count > _LONGEST_2OPT:
        return order
    for _ in range(_ROUNDS_2OPT):
        improved = False
        for left in range(count - 1):
            for right in range(left + 1, count):
                before = distances[order[left - 1], order[left]] if left else 0.0
                after = distances[order[right], order[right + 1]] if right + 1 < count else 0.0
                turned_before = distances[order[left - 1], order[right]] if left else 0.0
                turned_after = distances[order[left], order[right + 1]] if right + 1 < count else 0.0
                if turned_before + turned_after < before + after - 1e-9:
                    order[left : right + 1] = order[left : right + 1][::-1]
                    improved = True
        if not improved:
            break
    return order


def _assigned(away: NDArray[np.float64]) -> list[int]:
    """Greedy along the path: each point takes the nearest track that is left."""
    order: list[int] = []
    free = np.ones(away.shape[1], dtype=bool)
    for row in away:
        nearest = int(np.argmin(np.where(free, row, np.inf)))
        free[nearest] = False
        order.append(nearest)
    return order


def _swapped(order: list[int], away: NDArray[np.float64], distances: NDArray[np.float64]) -> list[int]:
    """Swap pairs while that brings tracks nearer to their points, with a fifth of the weight on soft cuts."""
    if len(order) > _LONGEST_2OPT:
        return order

    def cost_at(places: set[int]) -> float:
        cuts = {cut for place in places for cut in (place - 1, place) if 0 <= cut < len(order) - 1}
        near = sum(away[place, order[place]] for place in places)
        return float(near + 0.2 * sum(distances[order[cut], order[cut + 1]] for cut in cuts))

    for _ in range(4):
        improved = False
        for left in range(len(order) - 1):
            for right in range(left + 1, len(order)):
                places = {left, right}
                before = cost_at(places)
                order[left], order[right] = order[right], order[left]
                if cost_at(places) < before - 1e-9:
                    improved = True
                else:
                    order[left], order[right] = order[right], order[left]
        if not improved:
            break
    return order
