"""What the writer decides before the first line: title, hook, images and each section's job.

Knows a brief and a form; refuses to know the lines that follow from it.
"""

import re
from collections.abc import Sequence

from agents.embedded.bank import Hook, Noun, rhyme_key
from agents.embedded.frame import Frame, dice, frame_of
from agents.embedded.grammar import article
from agents.embedded.rhymes import hook_place, needs_of
from agents.embedded.wordlists import listed
from agents.tasks import DraftPlan, PlanDraft
from songwright.meter import count_syllables
from songwright.rhyme import end_word
from songwright.song import SectionKind, SectionPlan

_HOOK_KINDS = frozenset({SectionKind.CHORUS, SectionKind.HOOK})
_SMALL = listed("small")
_JOBS = {
    SectionKind.INTRO: ("Let one image stand before anyone speaks: {image}.",),
    SectionKind.VERSE: (
        "Set the scene: who is there, and {image}.",
        "One fact has changed since then; show it by {image}.",
        "Go closer: what {image} gives away.",
        "Say what remains, with {image} in view.",
    ),
    SectionKind.PRE_CHORUS: ("Lift from the scene to the feeling behind it.",),
    SectionKind.CHORUS: ("Say what it comes to, and sing “{hook}” word for word.",),
    SectionKind.HOOK: ("Sing “{hook}” and little else.",),
    SectionKind.BRIDGE: ("Turn: another time, and what was not said until now.",),
    SectionKind.OUTRO: ("Leave one image in the room: {image}.",),
}


def draft_plan(task: DraftPlan) -> PlanDraft:
    """Return title, hook, theme, images and jobs for a brief and its form."""
    frame = frame_of(task.brief, task.mood, theme=task.brief.theme or "")
    hook = choose_hook(frame, task.sections)
    images = _images(frame)
    jobs: list[str] = []
    verse = 0
    for place, section in enumerate(task.sections[:16]):
        lines = _JOBS[section.kind]
        text = lines[min(verse, len(lines) - 1)]
        verse += section.kind is SectionKind.VERSE
        jobs.append(text.format(hook=hook, image=images[place % len(images)] if images else "one thing")[:120])
    return PlanDraft(title=title_of(hook), hook=hook, theme=frame.theme.key, images=images, jobs=jobs)


def title_of(hook: str) -> str:
    """Return the hook in title case."""
    words = hook.split()
    last = len(words) - 1
    cased = (
        word if index not in {0, last} and word.lower() in _SMALL else word[:1].upper() + word[1:]
        for index, word in enumerate(words)
    )
    return " ".join(cased)[:60]


def choose_hook(frame: Frame, sections: Sequence[SectionPlan]) -> str:
    """Return a hook that fits the line that will sing it and rhymes with plenty; brief nouns make it their own."""
    choruses = [section for section in sections if section.kind in _HOOK_KINDS and section.scheme]
    room = min((section.syllables[hook_place(section)] for section in choruses), default=8)
    needed = max((needs_of(s).get(s.scheme[hook_place(s)], 1) for s in choruses), default=2)
    chance = dice(frame.seed, "hook")
    hooks = [(hook, 1.0) for hook in frame.theme.hooks]
    hooks += [(hook, 0.25) for hook in (frame.second.hooks if frame.second else ())]
    weighed = [(text, weight) for hook, weight in hooks for text in _filled(frame, hook)]
    filled = [text for text, _ in weighed]
    rich = _rhyme_counts(frame, room)
    odds = [weight * _fitness(text, room, needed, rich, frame) for text, weight in weighed]
    if not any(odds):
        return _short_hook(room)
    return chance.choices(filled, odds)[0]


def _short_hook(room: int) -> str:
    hooks = ("Stay", "Stay", "Today", "Not today", "Not yet today", "Stay another day")
    return hooks[min(max(room, 0), len(hooks) - 1)]


def _rhyme_counts(frame: Frame, room: int) -> dict[str, int]:
    words: dict[str, set[str]] = {}
    for tail in frame.bank.tails:
        fits = room > 7 or count_syllables(tail.text).best <= room - 1
        if tail.end and fits and (not tail.theme or tail.theme in frame.themes):
            words.setdefault(rhyme_key(tail.end), set()).add(tail.end)
    return {key: len(ends) for key, ends in words.items()}


def _fitness(text: str, room: int, needed: int, rich: dict[str, int], frame: Frame) -> float:
    syllables = count_syllables(text).best
    if syllables > room or rich.get(rhyme_key(end_word(text)), 0) < needed + 2:
        return 0.0
    own = any(noun.text.lower() in text.lower() for noun in frame.own)
    return (4.0 if own else 1.0) * (0.4 if room - syllables == 1 else 1.0)


_SLOT = re.compile(r"(\b[Aa]n? )?\{([a-z]+)\}")


def _filled(frame: Frame, hook: Hook) -> list[str]:
    slot = _SLOT.search(hook.text)
    if slot is None:
        return [hook.text]
    own = [noun for noun in frame.own if noun.kind == slot.group(2)]
    texts: list[str] = []
    for noun in own[:3]:
        before = slot.group(1) or ""
        if before:
            shown = article(noun.text) if noun.number == "one" else ""
            before = (shown.capitalize() if before[0].isupper() else shown) + " " if shown else ""
        text = hook.text[: slot.start()] + before + noun.text + hook.text[slot.end() :]
        texts.append(text[0].upper() + text[1:])
    return texts


def _images(frame: Frame) -> list[str]:
    """Return up to 16 concrete things, those of the brief first, then the theme's in seeded order."""
    themed = [noun for noun in frame.theme.nouns if noun not in frame.own]
    dice(frame.seed, "images").shuffle(themed)
    own = [noun for noun in frame.own if noun.kind != "place"]
    return list(dict.fromkeys(_shown(noun)[:40] for noun in (*own[:6], *themed)))[:16]


def _shown(noun: Noun) -> str:
    return f"the {noun.text}"
