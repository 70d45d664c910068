"""A playlist's order: soft cuts, paths that arrive, and nothing lost or doubled on the way."""

import math
import random
from itertools import pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songwright.catalogue import seed_tracks
from songwright.mood import read_mood
from songwright.sequence import (
    arc_for,
    ends,
    flow_distance,
    key_distance,
    order_along_path,
    order_by_flow,
    path,
    points_of,
    tempo_distance,
)
from songwright.song import Arc, Track

UNIT = st.floats(0, 1, allow_nan=False)
TRACKS = st.builds(
    Track,
    id=st.uuids().map(str),
    catalogue=st.just("t"),
    title=st.just("T"),
    artist=st.just("A"),
    year=st.none(),
    genre=st.just("pop"),
    valence=UNIT,
    energy=UNIT,
    tempo_bpm=st.none() | st.floats(40, 220),
    key=st.none() | st.integers(0, 11),
    mode=st.none() | st.integers(0, 1),
)
ARCS: tuple[Arc, ...] = get_args(Arc)


def _cost(tracks: tuple[Track, ...] | list[Track]) -> float:
    return sum(flow_distance(a, b) for a, b in pairwise(tracks))


def _track(*, key: int, mode: int) -> Track:
    return Track("i", "t", "T", "A", None, "pop", 0.5, 0.5, 100.0, key, mode)


@given(TRACKS, TRACKS)
def test_flow_distance_is_symmetric_and_within_one(a: Track, b: Track) -> None:
    assert flow_distance(a, b) == pytest.approx(flow_distance(b, a))
    assert 0 <= flow_distance(a, b) <= 1


@given(st.floats(40, 220), st.integers(-2, 2))
def test_octaves_of_a_tempo_walk_in_step(tempo: float, octaves: int) -> None:
    assert tempo_distance(tempo, tempo * 2.0**octaves) == pytest.approx(0, abs=1e-9)


def test_half_an_octave_is_as_far_as_tempi_can_be() -> None:
    assert tempo_distance(100, 100 * math.sqrt(2)) == pytest.approx(1)


def test_keys_lie_on_the_circle_of_fifths() -> None:
    c_major = _track(key=0, mode=1)
    assert key_distance(c_major, _track(key=9, mode=0)) == 0  # A minor, its relative
    assert key_distance(c_major, _track(key=7, mode=1)) == pytest.approx(1 / 6)  # G major, a fifth up
    assert key_distance(c_major, _track(key=5, mode=1)) == pytest.approx(1 / 6)  # F major, a fifth down
    assert key_distance(c_major, _track(key=6, mode=1)) == 1  # F sharp major, opposite


@given(st.lists(TRACKS, max_size=14))
def test_order_by_flow_is_a_permutation(tracks: list[Track]) -> None:
    ordered = order_by_flow(tracks)
    assert sorted(track.id for track in ordered) == sorted(track.id for track in tracks)


@given(st.lists(TRACKS, max_size=14), st.tuples(UNIT, UNIT), st.tuples(UNIT, UNIT))
def test_order_along_a_path_is_a_permutation(
    tracks: list[Track], start: tuple[float, float], target: tuple[float, float]
) -> None:
    ordered = order_along_path(tracks, start, target)
    assert sorted(track.id for track in ordered) == sorted(track.id for track in tracks)


def test_flow_order_halves_the_cuts_of_a_random_one() -> None:
    dice = random.Random(7)
    tracks = dice.sample(seed_tracks(), 30)
    shuffles = [_cost(dice.sample(tracks, 30)) for _ in range(50)]
    assert _cost(order_by_flow(tracks)) < 0.6 * sum(shuffles) / 50


def test_a_path_from_sad_to_happy_rises() -> None:
    tracks = random.Random(3).sample(seed_tracks(), 40)
    ordered = order_along_path(tracks, (0.1, 0.2), (0.9, 0.8))
    first, last = ordered[:10], ordered[-10:]
    assert sum(t.valence for t in last) - sum(t.valence for t in first) > 3


def test_a_path_has_both_its_ends() -> None:
    points = path((0.1, 0.2), (0.9, 0.8), 5)
    assert points[0] == (0.1, 0.2)
    assert points[-1] == pytest.approx((0.9, 0.8))
    assert path((0.3, 0.3), (0.9, 0.9), 1) == ((0.3, 0.3),)


@pytest.mark.parametrize(
    ("text", "arc"),
    [
        ("I feel sad", "match"),
        ("I'm sad, cheer me up", "lift"),
        ("so angry, help me calm down", "calm"),
        ("sleepy, pump me up", "energize"),
        ("so angry, need to scream it out", "direct"),
        ("party music please", "match"),
    ],
)
def test_the_wish_chooses_the_arc(text: str, arc: Arc) -> None:
    assert arc_for(read_mood(text)) == arc


def test_lift_opens_on_the_way_and_arrives_early() -> None:
    mood = read_mood("I'm sad, cheer me up")
    points = points_of("lift", mood, 20)
    assert mood.start[0] < points[0][0] < points[10][0]
    assert set(points[10:]) == {points[-1]}


def test_iso_begins_with_the_feeling_and_ends_with_the_wish() -> None:
    mood = read_mood("I'm sad, cheer me up")
    start, target = ends("iso", mood)
    assert start == mood.start
    assert target == (mood.valence.point, mood.energy.point)


def test_calm_falls_and_energize_rises_even_without_a_wish() -> None:
    mood = read_mood("an ordinary day")
    calm, energize = points_of("calm", mood, 10), points_of("energize", mood, 10)
    assert calm[0][1] > calm[-1][1] <= 0.25
    assert energize[0][1] < energize[-1][1] >= 0.8


@given(st.sampled_from(ARCS), st.sampled_from(["", "sad", "sad, cheer me up", "calm me down"]), st.integers(1, 60))
def test_every_arc_has_a_point_per_track_on_the_plane(arc: Arc, text: str, count: int) -> None:
    points = points_of(arc, read_mood(text), count)
    assert len(points) == count
    assert all(0 <= value <= 1 for point in points for value in point)
