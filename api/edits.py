"""A person's edit of a song: which lines stay, which are new, and how the changed sections measure now.

A line that keeps its words keeps its author; a new one is the person's, under the id of the one it replaces.
Refuses to know how versions are kept.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from api.schemas import LineChange, LineEdit, SectionEdit
from songwright.errors import Unfit
from songwright.meter import measure
from storage.tables import new_id

Section = dict[str, Any]
Line = dict[str, Any]


def with_lines(sections: Sequence[Section], changes: Sequence[LineChange]) -> list[Section]:
    """The sections with those lines' words changed wherever they are sung.

    Raises Unfit where the song has no line of that id.
    """
    words: dict[str, str] = {}
    known = {line["id"] for section in sections for line in section["lines"]}
    for i, change in enumerate(changes):
        if change.id not in known:
            raise Unfit(f"The song has no line {change.id!r}.", pointer=f"/lines/{i}/id")
        words[change.id] = change.text
    return [_rewritten(section, words) for section in sections]


def _rewritten(section: Section, words: Mapping[str, str]) -> Section:
    lines = [_line(line, words.get(line["id"], line["text"])) for line in section["lines"]]
    return section if lines == section["lines"] else _measured({**section, "lines": lines})


def with_sections(sections: Sequence[Section], wanted: Sequence[SectionEdit]) -> list[Section]:
    """All sections as the person wants them. Raises Unfit where a line names an id that the song does not have."""
    known = {line["id"]: line for section in sections for line in section["lines"]}
    made: list[Section] = []
    for i, section in enumerate(wanted):
        lines = [_kept_or_new(edit, known, f"/sections/{i}/lines/{j}/id") for j, edit in enumerate(section.lines)]
        made.append(_measured({"name": section.name, "kind": section.kind.value, "lines": lines}))
    return made


def _kept_or_new(edit: LineEdit, known: Mapping[str, Line], pointer: str) -> Line:
    if edit.id is None:
        return {"id": new_id(), "text": edit.text, "author": "person"}
    if edit.id not in known:
        raise Unfit(f"The song has no line {edit.id!r}; leave the id out for a new line.", pointer=pointer)
    return _line(known[edit.id], edit.text)


def _line(line: Line, text: str) -> Line:
    return line if line["text"] == text else {"id": line["id"], "text": text, "author": "person"}


def _measured(section: Section) -> Section:
    """The section with every line measured in the light of its neighbours."""
    measures = measure([line["text"] for line in section["lines"]])
    lines = [
        {
            **line,
            "syllables": one.syllables,
            "syllable_set": list(one.syllable_set),
            "stress": one.stress,
            "rhyme": one.rhyme,
            "grade": one.grade,
        }
        for line, one in zip(section["lines"], measures, strict=True)
    ]
    return {**section, "lines": lines}


def sung(sections: Sequence[Section]) -> str:
    """The whole song as text, sections separated by blank lines."""
    return "\n\n".join("\n".join(line["text"] for line in section["lines"]) for section in sections)
