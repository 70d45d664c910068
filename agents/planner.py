"""Turns a brief and a mood into a plan: form first, then title, hook, images and each section's job."""

import re
from collections.abc import Sequence
from dataclasses import replace

import prompts
from agents.kit import Kit
from agents.tasks import DraftPlan, PlanDraft
from songwright.form import lay_out
from songwright.song import Brief, KeptSong, Mood, Plan, PointOfView, SectionKind, SectionPlan

IMAGES_PER_SECTION = 3


async def plan_song(brief: Brief, mood: Mood, kept: Sequence[KeptSong], kit: Kit) -> Plan:
    """A blueprint that fits the brief. Raises ModelFailure where the model gives none."""
    sections, note = lay_out(
        genre=brief.genre, structure=brief.structure, rhyme=brief.rhyme, syllables=brief.syllables
    )
    speech = prompts.load("plan").render(
        prompt=brief.prompt,
        genre=brief.genre or "",
        mood=brief.mood or "",
        theme=brief.theme or "",
        language=brief.language,
        feeling=mood.feeling,
        valence=round(mood.valence.point, 2),
        energy=round(mood.energy.point, 2),
        kept="\n".join(f"{song.title}: {song.excerpt}" for song in kept) or "(none)",
        section_count=len(sections),
        sections="\n".join(
            f"{i}. {s.name}: {s.kind.value}, {len(s.scheme)} lines, rhymes {s.scheme}"
            for i, s in enumerate(sections, start=1)
        ),
    )
    draft = await kit.voice.ask(speech, DraftPlan(brief, mood, sections, tuple(kept)), PlanDraft)
    if kit.voice.is_embedded and not brief.language.lower().startswith("en"):
        note = f"{note} The embedded writer writes English; {brief.language!r} needs a language model.".strip()
    point_of_view = _point_of_view(brief)
    return Plan(
        title=_clean(draft.title) or "Untitled",
        hook=_clean(draft.hook) or "here I am",
        theme=draft.theme,
        point_of_view=point_of_view,
        tense="present",
        sections=_allotted(sections, draft),
        images=tuple(draft.images),
        note=note,
    )


def _clean(text: str) -> str:
    return " ".join(text.split()).strip("\"'“”")


_PLURAL = re.compile(r"\b(we|our|ours|us)\b", re.IGNORECASE)
_SINGULAR = re.compile(r"\b(i|i'm|i've|my|me|mine)\b", re.IGNORECASE)


def _point_of_view(brief: Brief) -> PointOfView:
    """`we` where the brief speaks of us and never of me, otherwise `i`."""
    return "we" if _PLURAL.search(brief.prompt) and not _SINGULAR.search(brief.prompt) else "i"


def _allotted(sections: tuple[SectionPlan, ...], draft: PlanDraft) -> tuple[SectionPlan, ...]:
    """Jobs by position; images dealt out so that no two sections share one."""
    images = list(dict.fromkeys(draft.images))
    dealt: list[SectionPlan] = []
    for i, section in enumerate(sections):
        job = draft.jobs[i] if i < len(draft.jobs) else section.job
        if section.repeats is not None or section.kind in (SectionKind.CHORUS, SectionKind.HOOK):
            dealt.append(replace(section, job=job))
            continue
        own, images = tuple(images[:IMAGES_PER_SECTION]), images[IMAGES_PER_SECTION:]
        dealt.append(replace(section, job=job, images=own))
    return tuple(dealt)
