"""What a finished run leaves: its result as clients see it, and the rows that keep it.

The rows are written in the transaction that closes the run, so they exist exactly once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphs import views
from graphs.state import SongState
from songwright.song import Mood, Writer
from storage import lyrics, moods, playlists
from storage.database import Connection, Unit
from storage.resources import Lyrics, MoodEntry, PlaylistRecommendation
from storage.tables import Run, new_id

EMBEDDED = Writer("embedded", "songwright-bank")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run's result, the columns of its row that follow from it, and what to keep beside it."""

    result: dict[str, Any]
    values: dict[str, Any]
    keep: Unit[None] | None = None


def links_json(run_id: str) -> dict[str, str]:
    """Where a run can be looked at."""
    return {"run": f"/runs/{run_id}", "trace": f"/runs/{run_id}/steps", "events": f"/runs/{run_id}/events"}


def song_outcome(run: Run, state: SongState) -> Outcome:
    """The result of the coordinator graph: a song, or a playlist."""
    mood = state.get("mood", None)
    writers = state.get("writers") or [EMBEDDED]
    writer = _principal(writers)
    degraded = [{"step": d.step, "reason": d.reason} for d in state.get("degraded", ())]
    result: dict[str, Any] = {
        "run_id": run.id,
        "status": "succeeded",
        "seed": state["brief"].seed,
        "mood": views.mood_json(mood),
        "writer": {"provider": writer.provider, "model": writer.model},
        "degraded": bool(degraded),
        "degraded_reasons": degraded,
        "links": links_json(run.id),
    }
    values = {
        "writer_provider": writer.provider,
        "writer_model": writer.model,
        "degraded": degraded or None,
    }
    keeps = [_mood_keeper(run, mood, state["brief"].prompt)]
    if "best" in state:
        keeps.append(_song_keeper(run, state, writer, result))
    if "playlist" in state:
        keeps.append(_playlist_keeper(run, state, writer, result))

    def keep(connection: Connection) -> None:
        for unit in keeps:
            unit(connection)

    return Outcome(result, values, keep)


def _principal(writers: list[Writer]) -> Writer:
    """Who wrote most of it; of equals the first."""
    return max(dict.fromkeys(writers), key=writers.count)


def _mood_keeper(run: Run, mood: Mood, text: str) -> Unit[None]:
    entry = MoodEntry(
        user_id=run.user_id,
        run_id=run.id,
        text=text,
        feeling=mood.feeling[:60],
        wish=mood.wish[:60] if mood.wish else None,
        valence=mood.valence.point,
        energy=mood.energy.point,
        confidence=mood.confidence,
        mood=views.mood_json(mood),
    )
    return lambda connection: moods.keep(connection, entry)


def _song_keeper(run: Run, state: SongState, writer: Writer, result: dict[str, Any]) -> Unit[None]:
    song, verdict, brief = state["best"], state["best_verdict"], state["brief"]
    sections = views.song_json(song, verdict)
    scores = views.scores_json(verdict)
    row = Lyrics(
        id=new_id(),
        user_id=run.user_id,
        run_id=run.id,
        title=song.title,
        language=brief.language,
        genre=brief.genre,
        brief=run.input.get("brief"),
        mood=result["mood"],
        plan=views.plan_json(state["plan"]),
        scores=scores,
        writer_provider=writer.provider,
        writer_model=writer.model,
    )
    result |= {
        "lyrics": {"id": row.id, "title": song.title, "sections": sections, "text": song.text},
        "plan": row.plan,
        "scores": scores,
        "rounds": state.get("round", 0),
        "marks": views.verdict_json(verdict)["marks"],
    }
    result["links"]["lyrics"] = f"/lyrics/{row.id}"
    author = "embedded" if writer.provider == "embedded" else "model"
    return lambda connection: lyrics.keep(connection, row, sections=sections, text=song.text, author=author)


def _playlist_keeper(run: Run, state: SongState, writer: Writer, result: dict[str, Any]) -> Unit[None]:
    playlist, brief = state["playlist"], state["brief"]
    row = PlaylistRecommendation(
        id=new_id(),
        user_id=run.user_id,
        run_id=run.id,
        text=brief.prompt,
        arc=playlist.arc,
        explanation=playlist.explanation,
        mood=result["mood"],
        relaxed=list(playlist.relaxed),
        context_effects=list(playlist.context_effects),
        writer_provider=writer.provider,
        writer_model=writer.model,
    )
    view = views.playlist_json(playlist, playlist_id=row.id)
    result |= {"playlist": view, "context_effects": list(playlist.context_effects)}
    result["links"]["playlist"] = f"/playlists/{row.id}"
    tracks: list[Mapping[str, Any]] = view["tracks"]
    return lambda connection: playlists.keep(connection, row, tracks)
