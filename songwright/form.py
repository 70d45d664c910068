"""Song forms: which sections in which order, with which rhyme schemes and line lengths, by genre.

Knows forms as songwriters name them; refuses to know any words.
"""

import re
from collections import Counter
from dataclasses import dataclass

from songwright.errors import Unfit
from songwright.song import SectionKind, SectionPlan

V, P, C, H, B, I, O = (  # noqa: E741
    SectionKind.VERSE,
    SectionKind.PRE_CHORUS,
    SectionKind.CHORUS,
    SectionKind.HOOK,
    SectionKind.BRIDGE,
    SectionKind.INTRO,
    SectionKind.OUTRO,
)

STRUCTURES: dict[str, tuple[SectionKind, ...]] = {
    "verse-chorus-bridge": (V, C, V, C, B, C),
    "verse-chorus": (V, C, V, C, V, C),
    "pop": (V, P, C, V, P, C, B, C),
    "aaba": (V, V, B, V),
    "ballad": (V, V, V, V, V),
    "hook-verse": (H, V, H, V, H),
}
MOST_SECTIONS = 16


@dataclass(frozen=True, slots=True)
class GenreForm:
    """What a genre usually sounds like on paper."""

    structure: str
    verse: str  # rhyme scheme of a verse
    chorus: str
    syllables: int  # per line of a verse


GENRES: dict[str, GenreForm] = {
    "pop": GenreForm("pop", "ABAB", "AABB", 8),
    "rock": GenreForm("verse-chorus-bridge", "ABAB", "AABB", 8),
    "folk": GenreForm("verse-chorus", "ABCB", "AABB", 8),
    "country": GenreForm("verse-chorus-bridge", "AABB", "ABAB", 8),
    "blues": GenreForm("verse-chorus", "AABB", "AABB", 9),
    "jazz": GenreForm("aaba", "AABB", "AABB", 8),
    "soul": GenreForm("verse-chorus-bridge", "ABAB", "AABB", 8),
    "r&b": GenreForm("pop", "AABB", "AABB", 9),
    "hip hop": GenreForm("hook-verse", "AABBCCDD", "AABB", 10),
    "rap": GenreForm("hook-verse", "AABBCCDD", "AABB", 10),
    "metal": GenreForm("verse-chorus-bridge", "AABB", "AABB", 8),
    "punk": GenreForm("verse-chorus", "AABB", "AABB", 7),
    "indie": GenreForm("verse-chorus-bridge", "ABCB", "ABAB", 8),
    "electronic": GenreForm("pop", "AABB", "AABB", 7),
    "dance": GenreForm("pop", "AABB", "AABB", 7),
    "reggae": GenreForm("verse-chorus", "AABB", "AABB", 8),
    "gospel": GenreForm("verse-chorus", "AABB", "AABB", 8),
    "hymn": GenreForm("ballad", "ABAB", "ABAB", 8),
    "ballad": GenreForm("ballad", "ABCB", "ABCB", 8),
    "lullaby": GenreForm("ballad", "AABB", "AABB", 7),
    "musical": GenreForm("aaba", "AABB", "AABB", 8),
    "singer-songwriter": GenreForm("verse-chorus-bridge", "ABCB", "AABB", 8),
}
USUAL = GenreForm("verse-chorus-bridge", "ABAB", "AABB", 8)

_JOBS = {
    SectionKind.INTRO: "Open the door to the scene.",
    SectionKind.VERSE: "Set the scene.",
    SectionKind.PRE_CHORUS: "Lift towards the chorus.",
    SectionKind.CHORUS: "Sing the hook and sum up what is at stake.",
    SectionKind.HOOK: "Sing the hook.",
    SectionKind.BRIDGE: "Turn the view round.",
    SectionKind.OUTRO: "Leave the scene.",
}
_SHORT = {SectionKind.INTRO, SectionKind.PRE_CHORUS, SectionKind.OUTRO}
_REPEATING = {SectionKind.CHORUS, SectionKind.HOOK, SectionKind.PRE_CHORUS}


def genre_form(genre: str | None) -> tuple[GenreForm, str]:
    """The form of a genre and, where the genre is unfamiliar, a sentence that says what was used instead."""
    if genre is None:
        return USUAL, ""
    wanted = re.sub(r"[\s_-]+", " ", genre.strip().lower())
    for name, form in GENRES.items():
        plain = name.replace("-", " ")
        if wanted == plain or re.search(rf"\b{re.escape(plain)}\b", wanted):
            return form, ""
    return USUAL, f"The genre {genre!r} is unfamiliar; the form is verse, chorus and bridge."


def parse_structure(text: str) -> tuple[SectionKind, ...]:
    """The sections a structure names: a template's name, or sections separated by commas, spaces or dashes.

    Raises Unfit where a word is no section, or where there are more than 16.
    """
    name = re.sub(r"\s+", "-", text.strip().lower())
    if name in STRUCTURES:
        return STRUCTURES[name]
    words = re.sub(r"pre[\s_-]?chorus", "prechorus", text.lower())
    kinds: list[SectionKind] = []
    for word in re.split(r"[\s,;/>|-]+", words.strip()):
        if not word or word.isdigit():
            continue
        try:
            kinds.append(SectionKind("pre-chorus" if word == "prechorus" else word))
        except ValueError as error:
            known = ", ".join(kind.value for kind in SectionKind)
            raise Unfit(
                f"The structure names {word[:40]!r}; use one of {', '.join(STRUCTURES)}, or list"
                f" sections of: {known}.",
                pointer="/structure",
            ) from error
    if not 1 <= len(kinds) <= MOST_SECTIONS:
        raise Unfit(f"A structure has 1 to {MOST_SECTIONS} sections, not {len(kinds)}.", pointer="/structure")
    return tuple(kinds)


def lay_out(
    *, genre: str | None, structure: tuple[SectionKind, ...], rhyme: str | None, syllables: int | None
) -> tuple[tuple[SectionPlan, ...], str]:
    """The sections of a song before it has words, and a note on what was declared about the brief.

    `rhyme` is a stanza's scheme and holds for every full section; `syllables` holds for every line.
    """
    form, note = genre_form(genre)
    kinds = structure or STRUCTURES[form.structure]
    counts = Counter(kinds)
    seen: Counter[SectionKind] = Counter()
    first_of: dict[SectionKind, str] = {}
    plans: list[SectionPlan] = []
    for kind in kinds:
        seen[kind] += 1
        name = kind.value.capitalize() if counts[kind] == 1 else f"{kind.value.capitalize()} {seen[kind]}"
        scheme = _scheme(kind, form, rhyme)
        length = syllables or (form.syllables - 1 if kind == SectionKind.HOOK else form.syllables)
        plans.append(
            SectionPlan(
                name=name,
                kind=kind,
                scheme=scheme,
                syllables=(length,) * len(scheme),
                job=_JOBS[kind],
                repeats=first_of.get(kind) if kind in _REPEATING else None,
            )
        )
        first_of.setdefault(kind, name)
    return tuple(plans), note


def _scheme(kind: SectionKind, form: GenreForm, rhyme: str | None) -> str:
    if kind in _SHORT:
        return "AA"
    if rhyme is not None:
        return rhyme
    return form.verse if kind is SectionKind.VERSE else form.chorus
