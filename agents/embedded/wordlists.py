"""Short lists of words by name: small words, irregular verbs, words of weather and of feeling.

Knows `songwright/data/bank/words.txt`; refuses to know what the lists are for.
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=1)
def _lists() -> Mapping[str, tuple[str, ...]]:
    text = files("songwright").joinpath("data", "bank", "words.txt").read_text(encoding="utf-8")
    rows = text.replace("\n  ", " ").splitlines()
    named = (row.partition(": ") for row in rows if not row.startswith("#"))
    return {name: tuple(words.split()) for name, _, words in named}


def listed(name: str) -> frozenset[str]:
    """Return the words of a list; raises KeyError for a name that is not in the file."""
    return frozenset(_lists()[name])


def paired(name: str) -> Mapping[str, str]:
    """Return a list of `one:other` entries as a mapping."""
    return {one: other for one, _, other in (entry.partition(":") for entry in _lists()[name])}
