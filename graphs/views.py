"""How songs, moods, playlists and verdicts look as JSON: in events, in results, in the trace.

One place, so that a stream, a stored result and a page never disagree. Knows shapes, not doors.
"""

from collections.abc import Mapping
from typing import Any, assert_never, cast

import orjson

from songwright.progress import LineMended, PlaylistMade, Progress, SectionWritten, Token, VerdictReached
from songwright.song import Decision, KeptSong, Mood, Pick, Plan, Playlist, Song, Span, Verdict

PREVIEW_CHARS = 200

Json = dict[str, Any]


def span_json(span: Span) -> Json:
    """A range on the mood plane."""
    return {"low": round(span.low, 3), "high": round(span.high, 3), "point": round(span.point, 3)}


def mood_json(mood: Mood) -> Json:
    """A mood reading."""
    return {
        "feeling": mood.feeling,
        "wish": mood.wish,
        "valence": span_json(mood.valence),
        "energy": span_json(mood.energy),
        "start": {"valence": round(mood.start[0], 3), "energy": round(mood.start[1], 3)},
        "emotions": {label: round(score, 3) for label, score in mood.emotions.items()},
        "confidence": round(mood.confidence, 3),
        "how": mood.how,
    }


def plan_json(plan: Plan) -> Json:
    """A song's blueprint."""
    return {
        "title": plan.title,
        "hook": plan.hook,
        "theme": plan.theme,
        "point_of_view": plan.point_of_view,
        "tense": plan.tense,
        "images": list(plan.images),
        "note": plan.note,
        "sections": [
            {
                "name": section.name,
                "kind": section.kind.value,
                "scheme": section.scheme,
                "syllables": list(section.syllables),
                "job": section.job,
                "images": list(section.images),
                "repeats": section.repeats,
            }
            for section in plan.sections
        ],
    }


def song_json(song: Song, verdict: Verdict | None) -> list[Json]:
    """A song's sections, each line with what was measured of it."""
    sections: list[Json] = []
    for i, section in enumerate(song.sections):
        lines: list[Json] = []
        for j, line in enumerate(section.lines):
            view: Json = {"id": line.id, "text": line.text, "author": line.author}
            if verdict is not None and i < len(verdict.measures) and j < len(verdict.measures[i]):
                measure = verdict.measures[i][j]
                view |= {
                    "syllables": measure.syllables,
                    "syllable_set": list(measure.syllable_set),
                    "stress": measure.stress,
                    "rhyme": measure.rhyme,
                    "grade": measure.grade,
                }
            lines.append(view)
        sections.append({"name": section.name, "kind": section.kind.value, "lines": lines})
    return sections


def scores_json(verdict: Verdict) -> Json:
    """Scores by criterion, the overall one first, and beside them how each was obtained."""
    values = {name: round(score.value, 3) for name, score in verdict.scores.items()}
    how = {name: score.how for name, score in verdict.scores.items()}
    return {"overall": round(verdict.overall, 3), **values, "how": how}


def verdict_json(verdict: Verdict) -> Json:
    """A verdict with its marks."""
    return {
        "round": verdict.round,
        "overall": round(verdict.overall, 3),
        "scores": scores_json(verdict),
        "marks": [
            {"section": m.section, "line": m.line, "fault": m.fault, "fact": m.fact, "remedy": m.remedy}
            for m in verdict.marks
        ],
    }


def pick_json(pick: Pick) -> Json:
    """One track of a playlist with its reason."""
    track = pick.track
    return {
        "id": track.id,
        "catalogue": track.catalogue,
        "title": track.title,
        "artist": track.artist,
        "year": track.year,
        "genre": track.genre,
        "valence": round(track.valence, 3),
        "energy": round(track.energy, 3),
        "tempo_bpm": track.tempo_bpm,
        "reason": pick.reason,
        "terms": {name: round(value, 3) for name, value in pick.terms.items()},
    }


def playlist_json(playlist: Playlist, *, playlist_id: str | None = None) -> Json:
    """A playlist in listening order."""
    return {
        "id": playlist_id,
        "arc": playlist.arc,
        "tracks": [pick_json(pick) for pick in playlist.picks],
        "explanation": playlist.explanation,
        "relaxed": list(playlist.relaxed),
    }


def progress_json(progress: Progress) -> Json:
    """An agent's report as the data of its event."""
    match progress:
        case Token():
            return {"section": progress.section, "text": progress.text}
        case SectionWritten():
            return {"section": progress.section, "kind": progress.kind, "lines": list(progress.lines)}
        case VerdictReached():
            return verdict_json(progress.verdict)
        case LineMended():
            return {
                "section": progress.section,
                "line": progress.line,
                "before": progress.before,
                "after": progress.after.text,
                "line_id": progress.after.id,
                "reason": progress.reason,
            }
        case PlaylistMade():
            return playlist_json(progress.playlist)
        case _:
            assert_never(progress)


def preview(made: Any) -> str | None:
    """The first characters of what a step made, for lists; never the record itself."""
    if made is None:
        return None
    told = _told(made)
    return told if len(told) <= PREVIEW_CHARS else told[: PREVIEW_CHARS - 1] + "…"


def _told(made: Any) -> str:
    if not isinstance(made, Mapping):
        return str(made)
    parts: list[str] = []
    for value in cast("Mapping[str, Any]", made).values():
        match value:
            case Decision():
                parts.append(f"{value.route}: {value.reason}")
            case Mood():
                wish = f", wishes {value.wish}" if value.wish else ""
                parts.append(f"{value.feeling}{wish}")
            case Plan():
                parts.append(f"{value.title}: {value.hook}")
            case Song():
                parts.append(value.text.replace("\n", " / "))
            case Verdict():
                parts.append(f"{value.overall:.2f}, {len(value.marks)} marks")
            case Playlist():
                parts.append(", ".join(f"{p.track.artist}: {p.track.title}" for p in value.picks))
            case str() | int() | float() | bool():
                parts.append(str(value))
            case _ if (titles := _kept_titles(value)) is not None:
                parts.append(titles)
            case _:
                parts.append(orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode())
    return " · ".join(parts)


def _kept_titles(value: Any) -> str | None:
    if not isinstance(value, tuple | list):
        return None
    songs = [song for song in cast("list[Any]", value) if isinstance(song, KeptSong)]
    return ", ".join(song.title for song in songs) if songs else None
