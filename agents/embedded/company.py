"""Which words keep company: vectors of the bank's words, from public-domain verse and from the bank itself.

Knows how near two sets of word stems are; refuses to know what a line is.
"""

from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, int], NDArray[np.int8]]:
    folder = files("songwright").joinpath("data")
    words = folder.joinpath("theme_words.txt").read_text(encoding="utf-8").split()
    with folder.joinpath("theme_vectors.npy").open("rb") as packed:
        vectors: NDArray[np.int8] = np.load(packed)
    return {word: place for place, word in enumerate(words)}, vectors


@lru_cache(maxsize=65_536)
def _direction(stems: frozenset[str]) -> Vector | None:
    places, vectors = _table()
    known = sorted(places[stem] for stem in stems if stem in places)
    if not known:
        return None
    total = vectors[known].sum(axis=0, dtype=np.float32)
    size = float(np.sqrt(total @ total))
    return total / np.float32(size) if size else None


@lru_cache(maxsize=131_072)
def nearness(one: frozenset[str], other: frozenset[str]) -> float | None:
    """Return the cosine of two sets of stems, -1 to 1; None where either holds no known word."""
    first, second = _direction(one), _direction(other)
    return None if first is None or second is None else round(float(first @ second), 4)
