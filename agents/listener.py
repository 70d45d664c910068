"""The listener: says why each pick is there, from the terms that ranked it, and why the playlist answers its owner.

Knows terms, reasons and the speech; refuses to know how tracks are ranked.
"""

from collections.abc import Mapping, Sequence

import prompts
from agents.kit import Kit
from agents.tasks import ExplainPlaylist
from songwright.mood import plane_word
from songwright.song import Arc, Brief, Mood, Pick, Playlist, Track

_SHOWN = 30  # tracks told to a model; a longer list fills its window and tells it no more
_TOLD = 0.06  # a term worth less did not decide anything and is not told
_NEAR = 0.8  # a mood term below it lies outside the range
_WAYS: Mapping[Arc, str] = {
    "match": "stay with that feeling",
    "lift": "rise from near where you are to something brighter",
    "calm": "settle step by step",
    "energize": "gather energy as they go",
    "iso": "begin with the feeling and walk to the wish",
    "direct": "go straight to what you asked for",
}
_LONGEST = 600  # characters of an explanation


async def explain(playlist: Playlist, brief: Brief, mood: Mood, kit: Kit) -> str:
    """One or two sentences on the whole playlist.

    Raises:
        ModelFailure: the voice is a model's and it did not answer.
    """
    rows = (
        f"{place}. {pick.track.title} by {pick.track.artist}: {pick.reason}"
        for place, pick in enumerate(playlist.picks[:_SHOWN], start=1)
    )
    rendered = prompts.load("curate").render(
        prompt=brief.prompt,
        feeling=mood.feeling,
        wish=mood.wish or "none said",
        count=len(playlist.picks),
        arc=playlist.arc,
        tracks="\n".join(rows) or "none",
        relaxed="\n".join(playlist.relaxed) or "nothing was relaxed",
        context="\n".join(playlist.context_effects) or "the surroundings changed nothing",
    )
    said = await kit.voice.say(rendered, ExplainPlaylist(brief, mood, playlist), on_text=None)
    return _shortened(" ".join(said.split()))


def _shortened(text: str) -> str:
    """At most 600 characters, cut at the end of a sentence where there is one."""
    if len(text) <= _LONGEST:
        return text
    head = text[:_LONGEST]
    end = max(head.rfind(mark) for mark in ".!?")
    return head[: end + 1] if end > 0 else head.rstrip() + "…"


def reason(track: Track, terms: Mapping[str, float], *, tags: Sequence[str], arc: Arc, has_arrived: bool) -> str:
    """Why a track stands at its place, said of the mood first and then of the two weightiest other terms.

    `tags` are those that the listener's words share; `has_arrived` is true where the arc has reached its end.
    """
    parts = {
        "named": f"you named {track.artist}",
        "seed": "it is close to the tracks you gave as examples",
        "tags": f"it is tagged {_listed(tags)}",
        "activity": f"it suits what you are doing{_tempo(track)}",
        "text": "its words are near to yours",
        "context": "it suits the surroundings you named",
    }
    weighty = sorted((name for name in parts if terms.get(name, 0) >= _TOLD), key=lambda name: -terms[name])
    said = [_on_mood(track, terms["mood"], arc, has_arrived=has_arrived), *(parts[name] for name in weighty[:2])]
    if terms.get("recent"):
        said.append("you heard it lately, but others fit less")
    sentence = "; ".join(said)
    return f"{sentence[0].upper()}{sentence[1:]}."


def summary(picks: Sequence[Pick], arc: Arc, mood: Mood) -> str:
    """A plain sentence on the whole, which stands until a voice has said its own."""
    if not picks:
        return "No track of the catalogue is left under these conditions."
    first, last = picks[0].track, picks[-1].track
    wish = f", and wish to feel {mood.wish}" if mood.wish else ""
    opening = f"You sound {mood.feeling}{wish}: " if wish or mood.feeling != "neutral" else ""
    way = _WAYS[arc] if opening or arc != "match" else "keep an even mood"
    return (
        f"{opening}{len(picks)} tracks that {way}, "
        f"from {first.title!r} by {first.artist} to {last.title!r} by {last.artist}."
    )


def _on_mood(track: Track, term: float, arc: Arc, *, has_arrived: bool) -> str:
    place = f"{plane_word((track.valence, track.energy))} (valence {track.valence:.2f}, energy {track.energy:.2f})"
    if term < _NEAR:
        return f"{place}, the nearest that was left to the mood"
    if arc in {"match", "direct"}:
        return (
            f"{place}, within the mood you asked for"
            if arc == "direct"
            else f"{place}, within the mood of your words"
        )
    return f"{place}, where you want to arrive" if has_arrived else f"{place}, a step on the way there"


def _tempo(track: Track) -> str:
    return f" ({track.tempo_bpm:.0f} beats a minute)" if track.tempo_bpm else ""


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
