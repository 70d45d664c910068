"""Other lines for one place in a section: on its partners' rhyme, of its length, in its voice.

Knows one line and its neighbours; refuses to know the critic and the graph.
"""

from collections import Counter
from collections.abc import Sequence

from agents.embedded.bank import rhyme_key
from agents.embedded.beam import SectionWriter, has_length, hook_lines
from agents.embedded.frame import dice, frame_of
from agents.embedded.lines import Composer
from agents.embedded.parts import Candidate, Part, content_words
from agents.embedded.rhymes import hook_letter
from agents.tasks import Alternatives, MendLine
from songwright.rhyme import Grade, end_word, grade

_OFFERED = 6


def alternatives(task: MendLine) -> Alternatives:
    """Return up to six replacements, best first; later rounds offer new ones."""
    frame = frame_of(task.brief, task.mood, theme=task.plan.theme)
    writer = SectionWriter(frame, task.plan, task.section)
    place = task.mark.line
    lines = [line.text for line in task.song[task.section_index].lines]
    said = {line.text.lower() for section in task.song for line in section.lines}
    found = _candidates(writer, task, lines, place)
    fresh = [line for line in found if line.text.lower() not in said]
    near = content_words(" ".join(lines[:place] + lines[place + 1 :]))
    fresh.sort(key=lambda line: (-line.merit + 0.5 * len(line.content & near), line.text))
    offered = _offered(fresh or found, _target(task), task.round)
    return Alternatives(lines=[line.text[:120] for line in offered] or [lines[place][:120] or "And then again"])


def _offered(ranked: Sequence[Candidate], target: int, turn: int) -> list[Candidate]:
    """Return the offer of this round: each round takes the best of what earlier ones left, then starts over."""
    rest = [line for line in ranked if has_length(line.text, target)]
    offered: list[Candidate] = []
    for _ in range(turn % 16 + 1):
        offered = _apart(rest) or _apart(ranked)
        rest = [line for line in rest if line not in offered]
    return offered


def _apart(ranked: Sequence[Candidate]) -> list[Candidate]:
    """Return the best ones that do not begin alike."""
    chosen: list[Candidate] = []
    heard: Counter[str] = Counter()
    for line in ranked:
        if len(chosen) == _OFFERED:
            break
        if max((heard[source] for source in line.sources), default=0) < 2:
            chosen.append(line)
            heard.update(line.sources)
    return chosen


def _target(task: MendLine) -> int:
    place = task.mark.line
    return task.section.syllables[place] if place < len(task.section.syllables) else 8


def _candidates(writer: SectionWriter, task: MendLine, lines: Sequence[str], place: int) -> list[Candidate]:
    section = task.section
    target = _target(task)
    letter = section.scheme[place] if place < len(section.scheme) else "X"
    mates = [
        end_word(line)
        for index, line in enumerate(lines)
        if index != place and letter != "X" and section.scheme[index : index + 1] == letter
    ]
    others = [end_word(line) for index, line in enumerate(lines) if index != place]
    chance = dice(writer.seed, "mend", place)
    for is_wide in (False, True):
        stock = writer.stock(is_wide=is_wide)
        tails = _tails(stock.tails, mates, others)
        if _sings_hook(task, lines, place):
            return hook_lines(writer, stock, tails, target, chance)
        composer = Composer(stock, chance)
        found = composer.lines("main", target, tails, is_first=True, most=400)
        if len(found) >= _OFFERED * 2 or (is_wide and found):
            return found
    return composer.lines("main", target, [t for ts in stock.tails.values() for t in ts], is_first=True, most=900)


def _sings_hook(task: MendLine, lines: Sequence[str], place: int) -> bool:
    hook = task.plan.hook.lower()
    return bool(hook) and bool(hook_letter(task.section)) and hook in lines[place].lower()


def _tails(tails: dict[str, list[Part]], mates: Sequence[str], others: Sequence[str]) -> list[Part]:
    if not mates:
        taken = {rhyme_key(end) for end in others}
        return [part for key, parts in tails.items() if key not in taken for part in parts][:400]
    return [
        part
        for parts in tails.values()
        if parts and grade(parts[0].end, mates[0]) in {Grade.PERFECT, Grade.IDENTICAL}
        for part in parts
        if part.end not in others and all(grade(part.end, mate) is Grade.PERFECT for mate in mates)
    ]
