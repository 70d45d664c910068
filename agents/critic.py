"""Judges a draft by measurement: rhyme, syllables, metre, repetition, cliché, theme, structure.

Every score says how it was obtained; every mark names line, measured fact and remedy. An opinion of a model is
never mixed in here. The overall score is the weighted mean in `WEIGHTS` over what could be measured.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise

from songwright import meter, rhyme
from songwright.rhyme import Grade
from songwright.song import Brief, LineMeasure, Mark, Plan, Score, Section, SectionKind, SectionPlan, Song, Verdict

WEIGHTS = {
    "rhyme": 0.30,
    "syllables": 0.25,
    "meter": 0.10,
    "repetition": 0.15,
    "cliche": 0.05,
    "theme": 0.10,
    "structure": 0.05,
}
GRADE_WORTH = {
    Grade.PERFECT: 1.0,
    Grade.FAMILY: 0.85,
    Grade.ADDITIVE: 0.8,
    Grade.SUBTRACTIVE: 0.8,
    Grade.CONSONANCE: 0.6,
    Grade.ASSONANCE: 0.5,
    Grade.IDENTICAL: 0.3,
}
GOOD_RHYME = 0.8  # worth from which a rhyme is not marked
THEME_WORDS = 5  # words of the brief and plan that a song on the theme is expected to hold
CLICHES = re.compile(
    r"\b(neon|tapestry|kaleidoscopes?|symphon(?:y|ies)|whisper(?:s|ed|ing)?|shatter(?:s|ed|ing)?|unravel\w*|embrace\w*"
    r"|echo(?:es|ed|ing)?|embers?|dance in the dark|heart on (?:my|your) sleeve|broken wings|tears like rain"
    r"|light up the sky|against all odds|reach for the stars)\b",
    re.IGNORECASE,
)
_CONTENT_WORD = re.compile(r"[a-z']{4,}")
_COMMON = frozenset(
    """
    about after again also been before being could does doing down each even ever every from have having here
    into just like made make more most much must need never only other over please really same should some song
    such than that their them then there these they thing things this those through under until very want wants
    was were what when where which while will with would write written your yours
    """.split()  # noqa: SIM905  # as prose it can be read
)


def judge(brief: Brief, plan: Plan, song: Song, *, round_number: int) -> Verdict:
    """The verdict on a draft. A language other than English is measured in structure and repetition only."""
    measures = tuple(meter.measure([line.text for line in section.lines]) for section in song.sections)
    by_name = {section.name: section for section in plan.sections}
    marks: list[Mark] = []
    scores: dict[str, Score] = {}
    if brief.language.lower().split("-")[0] == "en":
        scores["rhyme"] = _judge_rhyme(song, by_name, marks)
        scores["syllables"] = _judge_syllables(song, by_name, measures, marks)
        scores["meter"] = _judge_meter(measures)
        scores["cliche"] = _judge_cliche(song, marks)
        scores["theme"] = _judge_theme(brief, plan, song)
    scores["repetition"] = _judge_repetition(song, by_name, marks)
    scores["structure"] = _judge_structure(song, plan)
    weight = sum(WEIGHTS[name] for name in scores)
    overall = sum(WEIGHTS[name] * score.value for name, score in scores.items()) / weight
    return Verdict(round(overall, 4), scores, tuple(marks), measures, round_number)


def _judge_rhyme(song: Song, plans: Mapping[str, SectionPlan], marks: list[Mark]) -> Score:
    worths: list[float] = []
    for s, section in enumerate(song.sections):
        scheme = plans[section.name].scheme
        is_sung_again = plans[section.name].repeats is not None
        for j, i in required_pairs(scheme):
            if j >= len(section.lines):
                continue
            first, second = section.lines[i].text, section.lines[j].text
            grade = rhyme.grade(first, second)
            worth = GRADE_WORTH[grade] if grade else 0.0
            worths.append(worth)
            if worth < GOOD_RHYME and not is_sung_again:
                found = f"only by {grade.value}" if grade else "not at all"
                marks.append(
                    Mark(
                        s,
                        j,
                        "rhyme",
                        f"{rhyme.end_word(second)!r} rhymes with {rhyme.end_word(first)!r} {found}.",
                        f"End on a word that rhymes with {rhyme.end_word(first)!r}.",
                    )
                )
    if not worths:
        return Score(1.0, "no rhyme was asked for")
    return Score(_mean(worths), f"mean grade of {len(worths)} required pairs, by pronunciation")


def required_pairs(scheme: str) -> Iterable[tuple[int, int]]:
    """(later, earlier) line indices that a scheme asks to rhyme: each line with the one before of its letter."""
    last: dict[str, int] = {}
    for j, letter in enumerate(scheme):
        if letter == "X":
            continue
        if letter in last:
            yield j, last[letter]
        last[letter] = j


def _judge_syllables(
    song: Song,
    plans: Mapping[str, SectionPlan],
    measures: tuple[tuple[LineMeasure, ...], ...],
    marks: list[Mark],
) -> Score:
    worths: list[float] = []
    for s, section in enumerate(song.sections):
        plan = plans[section.name]
        for j, measure in enumerate(measures[s][: len(plan.syllables)]):
            target = plan.syllables[j]
            if target in measure.syllable_set:
                worths.append(1.0 if measure.syllables == target else 0.9)
                continue
            nearest = min(measure.syllable_set, key=lambda count: abs(count - target), default=0)
            worths.append(max(0.0, 1 - 0.25 * abs(nearest - target)))
            if plan.repeats is None:
                marks.append(
                    Mark(
                        s,
                        j,
                        "syllables",
                        f"It has {measure.syllables} syllables where {target} are planned.",
                        f"Write it with {target} syllables.",
                    )
                )
    return Score(_mean(worths), "share of lines whose admissible counts hold the target, near misses in part")


def _judge_meter(measures: tuple[tuple[LineMeasure, ...], ...]) -> Score:
    """How evenly stress alternates: neighbours that differ, over all pairs of neighbours."""
    pairs = [a != b for section in measures for line in section for a, b in pairwise(line.stress)]
    if not pairs:
        return Score(1.0, "no stress to compare")
    share = sum(pairs) / len(pairs)
    return Score(
        min(1.0, share / 0.85), "alternation of stressed and unstressed syllables, against 85 % in sung verse"
    )


def _judge_cliche(song: Song, marks: list[Mark]) -> Score:
    found = 0
    for s, section in enumerate(song.sections):
        for j, line in enumerate(section.lines):
            worn = CLICHES.search(line.text)
            if worn:
                found += 1
                marks.append(
                    Mark(s, j, "cliche", f"{worn.group(0)!r} is worn out.", "Say it with a thing one can see.")
                )
    return Score(max(0.0, 1 - 0.25 * found), "worn words of generated lyrics, 0.25 off for each")


def _judge_theme(brief: Brief, plan: Plan, song: Song) -> Score:
    asked = {
        word
        for text in (brief.prompt, brief.theme or "", *plan.images, plan.hook)
        for word in _CONTENT_WORD.findall(text.lower())
        if word not in _COMMON
    }
    if not asked:
        return Score(1.0, "the brief names nothing to look for")
    stems = {_stem(word) for word in asked}
    sung = {_stem(word) for word in _CONTENT_WORD.findall(song.text.lower())}
    hits = len(stems & sung)
    return Score(min(1.0, hits / min(THEME_WORDS, len(stems))), "words of the brief and plan that the song sings")


def _stem(word: str) -> str:
    for suffix in ("ing", "ies", "ed", "es", "s"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            return word[: -len(suffix)]
    return word


def _judge_repetition(song: Song, plans: Mapping[str, SectionPlan], marks: list[Mark]) -> Score:
    """Lines sung twice where the form does not ask for it. A chorus may repeat its own hook line."""
    seen: Counter[str] = Counter()
    lines = 0
    repeated = 0
    for s, section in enumerate(song.sections):
        if plans[section.name].repeats is not None:
            continue
        for j, line in enumerate(section.lines):
            key = " ".join(re.findall(r"[^\W_]+", line.text.lower()))
            lines += 1
            if seen[key] and not _may_repeat(section):
                repeated += 1
                marks.append(Mark(s, j, "repetition", "The song has this line already.", "Say something new."))
            seen[key] += 1
    return Score(1 - repeated / lines if lines else 0.0, "share of lines that are sung once or repeat by form")


def _may_repeat(section: Section) -> bool:
    return section.kind in (SectionKind.CHORUS, SectionKind.HOOK)


def _judge_structure(song: Song, plan: Plan) -> Score:
    right = sum(
        1
        for planned, sung in zip(plan.sections, song.sections, strict=False)
        if planned.name == sung.name and len(planned.scheme) == len(sung.lines)
    )
    return Score(
        right / max(len(plan.sections), len(song.sections), 1), "sections that are there with all their lines"
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
