"""Mends only the lines that the critic marked: asks for alternatives, measures each, keeps one that is better."""

from dataclasses import replace

import prompts
from agents.critic import GRADE_WORTH, required_pairs
from agents.kit import Kit
from agents.tasks import Alternatives, MendLine
from songwright import meter, rhyme
from songwright.progress import LineMended
from songwright.song import Brief, Line, Mark, Mood, Plan, Section, SectionPlan, Song, Verdict

MOST_MARKS = 12  # lines mended in one round
WANTED = 6


async def refine_song(
    brief: Brief,
    mood: Mood,
    plan: Plan,
    song: Song,
    verdict: Verdict,
    kit: Kit,
    *,
    locked: frozenset[str] = frozenset(),
) -> dict[str, Section]:
    """The sections that changed, by name. Lines whose id is locked stay as they are.

    Raises ModelFailure where the model fails.
    """
    sections = list(song.sections)
    by_name = {section.name: section for section in plan.sections}
    changed: dict[str, Section] = {}
    marks = {(mark.section, mark.line): mark for mark in reversed(verdict.marks)}
    for (s, j), mark in sorted(marks.items())[:MOST_MARKS]:
        section = sections[s]
        planned = by_name[section.name]
        if planned.repeats is not None or section.lines[j].id in locked:
            continue
        better = await _mend(brief, mood, plan, planned, tuple(sections), s, mark, verdict.round, kit)
        if better is None:
            continue
        before = section.lines[j]
        after = Line(before.id, better, "embedded" if kit.voice.is_embedded else "model")
        sections[s] = replace(section, lines=(*section.lines[:j], after, *section.lines[j + 1 :]))
        changed[section.name] = sections[s]
        kit.report(LineMended(section.name, j, before.text, after, mark.fact))
    return changed


async def _mend(
    brief: Brief,
    mood: Mood,
    plan: Plan,
    planned: SectionPlan,
    sections: tuple[Section, ...],
    s: int,
    mark: Mark,
    round_number: int,
    kit: Kit,
) -> str | None:
    section = sections[s]
    partners = _partners(planned, section, mark.line)
    end_words = [r.word for partner in partners[:1] for r in rhyme.rhymes(rhyme.end_word(partner), limit=12)]
    speech = prompts.load("refine").render(
        title=plan.title,
        hook=plan.hook,
        theme=plan.theme,
        language=brief.language,
        point_of_view=plan.point_of_view,
        tense=plan.tense,
        section_text="\n".join(line.text for line in section.lines),
        number=mark.line + 1,
        fault=mark.fault,
        line=section.lines[mark.line].text,
        fact=mark.fact,
        remedy=mark.remedy,
        syllables=planned.syllables[mark.line],
        end_words=", ".join(end_words) or "(any)",
        wanted=WANTED,
    )
    task = MendLine(brief, mood, plan, planned, sections, s, mark, round_number)
    offered = await kit.voice.ask(speech, task, Alternatives)
    present = section.lines[mark.line].text
    taken = {line.text.lower() for sec in sections for line in sec.lines}
    target = planned.syllables[mark.line]
    candidates = [" ".join(text.split()).strip("\"'“”") for text in offered.lines]
    fresh = [text for text in candidates if text and text.lower() not in taken]
    best = max(fresh, key=lambda text: _worth(text, partners, target), default=None)
    if best is None:
        return None
    must_change = mark.fault in ("repetition", "cliche")
    if must_change or _worth(best, partners, target) > _worth(present, partners, target):
        return best
    return None


def _partners(planned: SectionPlan, section: Section, line: int) -> list[str]:
    """Texts of the lines that the scheme binds to this one."""
    bound = [i for j, i in required_pairs(planned.scheme) if j == line]
    bound += [j for j, i in required_pairs(planned.scheme) if i == line]
    return [section.lines[i].text for i in bound if i < len(section.lines)]


def _worth(text: str, partners: list[str], target: int) -> float:
    """Measured fit of a line: syllables, then rhyme with each partner. 0 to 1 + number of partners."""
    counts = meter.count_syllables(text).counts
    off = min((abs(count - target) for count in counts), default=target)
    total = max(0.0, 1 - 0.25 * off)
    for partner in partners:
        grade = rhyme.grade(partner, text)
        total += GRADE_WORTH[grade] if grade else 0.0
    return total
