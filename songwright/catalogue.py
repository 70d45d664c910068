"""The seed catalogue that comes with the product, and how people write titles, artists, genres and decades.

Knows the files beside it and what names mean the same; refuses to know databases, imports and rankings.
"""

import csv
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from songwright.song import Track

SEED = "seed"  # the catalogue's name
DATA = Path(__file__).parent / "data"
_GENRE_WORDS = {"hip hop": "hip-hop", "rap": "hip-hop", "rnb": "r&b", "r and b": "r&b", "trip hop": "trip-hop"}
_EVERYDAY = {"rock", "soul", "dance", "pop", "country", "blues", "funk", "surf", "folk", "metal", "ambient", "punk"}
_MUSIC = r"(?:music|songs?|tracks?|tunes?|playlist|classics|anthems?|ballads?|hits?|stuff|records?|bands?)\b"
_QUALIFIER = r"(?:some|only|play|vintage|classic|old school|[0-9]0s|good old)"
_DENIED = r"\b(?:no|not|without|except|but not|anything but|don'?t want|hate)\s+(?:any\s+|more\s+)?"
_INSTRUMENTAL = re.compile(
    r"\binstrumentals?\b|\b(?:no|without)\s+(?:lyrics|vocals|singing|words|voices)\b|\bwordless\b"
)
_DECADE = re.compile(r"(?<!my )(?<!his )(?<!her )\b(?:19|20)?([0-9])0'?s\b")
_DECADE_WORDS = {"fifties": 1950, "sixties": 1960, "seventies": 1970, "eighties": 1980, "nineties": 1990}
_EDITION = re.compile(
    r"\s*[\[(][^\])]*\b(?:remaster(?:ed)?|live|feat|ft|with|version|mono|stereo|edit|mix|remix|deluxe|bonus|"
    r"acoustic|demo|session|anniversary)\b[^\])]*[\])]"
    r"|\s+-\s+[^-]*\b(?:remaster(?:ed)?|live|version|mono|stereo|edit|mix|remix|single|bonus|acoustic|demo)\b.*$"
    r"|\s+(?:feat|ft)\.?\s.*$",
    re.IGNORECASE,
)


@cache
def seed_tracks() -> tuple[Track, ...]:
    """Every track of the seed catalogue, in file order."""
    with (DATA / "catalogue.tsv").open(encoding="utf-8", newline="") as rows:
        return tuple(_track(row) for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE))


def seed_digest() -> str:
    """sha256 of the catalogue's file, hex: tells whether stored copies are of this edition."""
    return hashlib.sha256((DATA / "catalogue.tsv").read_bytes()).hexdigest()


def seed_vectors() -> tuple[tuple[str, ...], NDArray[np.float32], str]:
    """Track ids, their unit vectors of shape (tracks, 384), and the digest of what they were made from.

    Raises:
        ValueError: the catalogue was edited and its vectors were not built again.
    """
    made: dict[str, str | int] = json.loads((DATA / "catalogue_vectors.json").read_text(encoding="utf-8"))
    if made["digest"] != seed_digest():
        raise ValueError("The seed catalogue is newer than its vectors; run build_catalogue_vectors.py.")
    vectors = np.load(DATA / "catalogue_vectors.npy").astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return tuple(track.id for track in seed_tracks()), vectors, str(made["digest"])


def meaning_of(track: Track) -> str:
    """What a track's vector is made from: who, what, when, and the words people have for it."""
    decade = f", {track.year // 10 * 10}s" if track.year else ""
    kind = f"{track.genre}{decade}{', instrumental' if track.instrumental else ''}"
    return f"{track.title} by {track.artist}. {kind}. {', '.join(track.tags)}".rstrip(". ")


def meanings() -> Iterator[str]:
    """The meaning of every seed track, in file order."""
    return map(meaning_of, seed_tracks())


def bare_title(title: str) -> str:
    """The title without its edition: "(Remastered 2009)", "- Live", "feat. …"."""
    return _EDITION.sub("", title).strip() or title


def genres_in(words: str, known: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Genres the words ask for and those they turn down."""
    names = {**{genre: genre for genre in known}, **_GENRE_WORDS}
    named, denied = set[str](), set[str]()
    for word, genre in names.items():
        literal = rf"\b{re.escape(word)}\b"
        # "rock", "soul", "blues" are also everyday words: they count beside a word for music.
        asked = rf"{literal}\s+{_MUSIC}|{_QUALIFIER}\s+{literal}" if word in _EVERYDAY else literal
        if re.search(_DENIED + literal, words):
            denied.add(genre)
        elif re.search(asked, words):
            named.add(genre)
    return frozenset(named - denied), frozenset(denied)


def genre_key(genre: str) -> str:
    """The catalogue's own word for a genre: "rap" is kept under hip-hop."""
    word = genre.strip().lower()
    return _GENRE_WORDS.get(word, word)


def decade_in(words: str) -> int | None:
    """The decade that lower-case words speak of, by its first year: "80s", "nineties", "1970s"; not "my 30s"."""
    named = next((year for word, year in _DECADE_WORDS.items() if word in words), None)
    found = _DECADE.search(words)
    if named is not None or found is None:
        return named
    return (2000 if found[1] in "012" else 1900) + 10 * int(found[1])


def is_wordless(words: str) -> bool:
    """True where lower-case words ask for music without singing."""
    return _INSTRUMENTAL.search(words) is not None


def is_denied(name: str, words: str) -> bool:
    """True where plain words turn a plain name down: "no coldplay"."""
    return f" {name} " in f" {words} " and re.search(_DENIED + re.escape(name) + r"\b", words) is not None


def names_of(track: Track) -> set[str]:
    """Every plain name by which a track may be excluded."""
    titles = {plain(track.title), plain(bare_title(track.title))}
    artists = {plain(track.artist), *artists_of(track)}
    return {plain(track.id), *titles, *artists, *(f"{artist} {title}" for artist in artists for title in titles)}


@lru_cache(maxsize=65_536)
def plain(text: str) -> str:
    """Lower case, without accents and punctuation, single spaces."""
    bare = "".join(mark for mark in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(mark))
    return " ".join(re.sub(r"[^\w]+|_", " ", bare.replace("'", "").replace("’", "")).split())


@lru_cache(maxsize=65_536)
def _artist_parts(artist: str) -> tuple[str, ...]:
    parts = re.split(r"\s+(?:&|and|feat\.?|ft\.?|with|x)\s+|,\s+", artist, flags=re.IGNORECASE)
    return tuple(name for part in parts if (name := plain(part))) or (plain(artist) or artist,)


def artists_of(track: Track) -> tuple[str, ...]:
    return _artist_parts(track.artist)


def _track(row: dict[str, str]) -> Track:
    return Track(
        id=row["id"],
        catalogue=SEED,
        title=row["title"],
        artist=row["artist"],
        year=int(row["year"]) if row["year"] else None,
        genre=row["genre"],
        valence=float(row["valence"]),
        energy=float(row["energy"]),
        tempo_bpm=float(row["tempo_bpm"]) if row["tempo_bpm"] else None,
        key=int(row["key"]) if row["key"] else None,
        mode=int(row["mode"]) if row["mode"] else None,
        instrumental=row["instrumental"] == "1",
        tags=tuple(filter(None, row["tags"].split(","))),
        source="editor",
    )
