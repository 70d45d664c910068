"""The seed catalogue covers the whole plane with real recordings, and its vectors belong to it."""

from collections import Counter

import numpy as np

from songwright.catalogue import (
    artists_of,
    bare_title,
    decade_in,
    genres_in,
    is_wordless,
    plain,
    seed_digest,
    seed_tracks,
    seed_vectors,
)
from songwright.song import Track


def _track(title: str, artist: str) -> Track:
    return Track("i", "t", title, artist, None, "pop", 0.5, 0.5, None)


def test_every_quadrant_has_a_hundred_tracks_and_more() -> None:
    quadrants = Counter((track.valence >= 0.5, track.energy >= 0.5) for track in seed_tracks())
    assert len(seed_tracks()) >= 400
    assert all(count >= 100 for count in quadrants.values())
    assert len(quadrants) == 4


def test_genres_decades_and_instrumentals_are_broad() -> None:
    tracks = seed_tracks()
    assert len({genre for genre, count in Counter(t.genre for t in tracks).items() if count >= 10}) >= 8
    decades = Counter((track.year or 0) // 10 for track in tracks)
    assert sum(count >= 10 for count in decades.values()) >= 6
    instrumentals = [track for track in tracks if track.instrumental]
    assert len(instrumentals) >= 60
    assert {"classical", "jazz", "ambient", "electronic", "post-rock"} <= {track.genre for track in instrumentals}


def test_no_artist_stands_more_than_four_times_and_no_recording_twice() -> None:
    tracks = seed_tracks()
    assert max(Counter(track.artist for track in tracks).values()) <= 4
    assert len({track.id for track in tracks}) == len(tracks)
    assert len({(plain(bare_title(t.title)), artists_of(t)[0]) for t in tracks}) == len(tracks)


def test_every_row_is_well_formed() -> None:
    for track in seed_tracks():
        assert track.title
        assert track.artist
        assert track.year is not None
        assert 1900 < track.year < 2027
        assert 0 <= track.valence <= 1
        assert 0 <= track.energy <= 1
        assert track.tempo_bpm is None or 40 <= track.tempo_bpm <= 220
        assert (track.key is None) == (track.mode is None)
        assert track.tags, track.id
        assert track.id == plain(track.id).replace(" ", "-")
        assert track.source == "editor"


def test_the_vectors_belong_to_this_edition() -> None:
    ids, vectors, digest = seed_vectors()
    assert digest == seed_digest()
    assert ids == tuple(track.id for track in seed_tracks())
    assert vectors.shape == (len(ids), 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_likeness_of_meaning_finds_kin() -> None:
    ids, vectors, _ = seed_vectors()
    row = ids.index("brian-eno-1-1")
    nearest = [ids[index] for index in map(int, np.argsort(-(vectors @ vectors[row]))[1:6])]
    assert any("eno" in track for track in nearest)


def test_editions_of_a_title_are_one_recording() -> None:
    for edition in (
        "Heroes (2017 Remaster)",
        "Heroes - Remastered 2009",
        "Heroes - Live at Earls Court",
        "Heroes (feat. Brian Eno)",
        "Heroes [Single Version]",
        "Heroes feat. Brian Eno",
    ):
        assert bare_title(edition) == "Heroes"
    assert bare_title("(I Can't Get No) Satisfaction") == "(I Can't Get No) Satisfaction"
    assert bare_title("Live Forever") == "Live Forever"
    assert bare_title("Sing, Sing, Sing (With a Swing)") != ""


def test_artists_are_told_apart() -> None:
    assert artists_of(_track("T", "Queen & David Bowie")) == ("queen", "david bowie")
    assert artists_of(_track("T", "Beyoncé feat. JAY-Z")) == ("beyonce", "jay z")
    assert artists_of(_track("T", "!!!")) == ("!!!",)


def test_decades_and_genres_are_heard_in_words_and_ages_are_not() -> None:
    assert decade_in("an 80s party") == decade_in("the eighties") == decade_in("1980's") == 1980
    assert decade_in("hits of the 2000s") == 2000
    assert decade_in("turning into my 30s") is None
    assert genres_in("some rock music, no jazz", ["rock", "jazz"]) == ({"rock"}, {"jazz"})
    assert genres_in("rock bottom", ["rock"]) == (frozenset(), frozenset())
    assert is_wordless("no lyrics please")
    assert not is_wordless("no worries")
