"""Writes one section to its plan, token by token."""

import re
from collections.abc import Mapping

import uuid_utils

import prompts
from agents.kit import Kit
from agents.models import ModelFailure
from agents.tasks import WriteSection
from songwright.progress import SectionWritten, Token
from songwright.song import Brief, Line, Mood, Plan, Section, SectionPlan

_NUMBERING = re.compile(r"^\s*(?:\d+[.):]|[-*•])\s+")
_HEADING = re.compile(
    r"^\s*(?:\[[^\]]*\]|\(?(?:verse|chorus|bridge|pre-chorus|hook|intro|outro)\b[^,]*:?\)?)\s*$", re.IGNORECASE
)


class LinesMiscounted(ModelFailure):
    """The model wrote another number of lines than the section has; another try may hit it."""

    retry = True


async def write_section(
    brief: Brief, mood: Mood, plan: Plan, section: SectionPlan, written: Mapping[str, Section], kit: Kit
) -> Section:
    """The section's lines, as many as its plan has; tokens are reported as they come.

    Raises ModelFailure where the model fails or gives another number of lines.
    """
    done = tuple(written[s.name] for s in plan.sections if s.name in written)
    speech = prompts.load("write").render(
        prompt=brief.prompt,
        genre=brief.genre or "",
        language=brief.language,
        feeling=mood.feeling,
        title=plan.title,
        hook=plan.hook,
        theme=plan.theme,
        point_of_view=plan.point_of_view,
        tense=plan.tense,
        written="\n\n".join("\n".join(line.text for line in s.lines) for s in done) or "(nothing yet)",
        kind=section.kind.value,
        line_count=len(section.scheme),
        section=section.name,
        job=section.job,
        images=", ".join(section.images) or "(free)",
        lines="\n".join(
            f"{i}. rhyme {letter}, {count} syllables"
            for i, (letter, count) in enumerate(zip(section.scheme, section.syllables, strict=True), start=1)
        ),
    )
    text = await kit.voice.say(
        speech,
        WriteSection(brief, mood, plan, section, done),
        on_text=lambda piece: kit.report(Token(section.name, piece)),
    )
    lines = sung_lines(text)
    if len(lines) != len(section.scheme):
        writer = kit.voice.writer
        raise LinesMiscounted(
            f"{writer.provider}:{writer.model} wrote {len(lines)} lines of {section.name!r} where the plan has"
            f" {len(section.scheme)}."
        )
    author = "embedded" if kit.voice.is_embedded else "model"
    made = Section(section.name, section.kind, tuple(Line(str(uuid_utils.uuid7()), line, author) for line in lines))
    kit.report(SectionWritten(section.name, section.kind.value, tuple(lines)))
    return made


def sung_lines(text: str) -> list[str]:
    """The lines of an answer without headings, numbering, quotation marks and blank rows."""
    lines = (_NUMBERING.sub("", row).strip().strip('"“”') for row in text.splitlines() if not _HEADING.match(row))
    return [" ".join(line.split()) for line in lines if line.strip()]
