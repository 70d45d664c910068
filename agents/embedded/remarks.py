"""Short answers in plain prose: why a playlist fits, and how a text feels.

Knows sentences; refuses to know rankings and lexicons.
"""

from agents.embedded.wordlists import listed
from agents.tasks import ExplainPlaylist, MoodOpinion, ReadMood
from songwright.song import Arc, Pick, Playlist
from songwright.sound import words

_ARCS: dict[Arc, str] = {
    "match": "stays close to that feeling from first to last",
    "lift": "starts where you are and climbs a little with every song",
    "calm": "lets the pulse down step by step",
    "energize": "picks up speed as it goes",
    "iso": "meets you where you are and leads over slowly",
    "direct": "goes straight to where you want to be",
}
_BRIGHT = listed("bright")
_DARK = listed("dark")
_LIVELY = listed("lively")
_STILL = listed("still")


def explain(task: ExplainPlaylist) -> str:
    """Return one or two sentences on feeling, wish, arc and two of the tracks."""
    playlist, mood = task.playlist, task.mood
    wish = f" and you would like to feel {mood.wish}" if mood.wish else ""
    feeling = mood.feeling or "somewhere in between"
    opening = f"You sound {_adjective(feeling)}{wish}, so this list {_ARCS[playlist.arc]}."
    return f"{opening} {_tracks(playlist)}".strip()


def _adjective(feeling: str) -> str:
    nouns = {
        "sadness": "sad", "anger": "angry", "joy": "happy", "fear": "afraid", "grief": "full of grief",
        "love": "full of love", "excitement": "excited", "nervousness": "nervous", "gratitude": "grateful",
        "optimism": "hopeful", "pride": "proud", "disappointment": "disappointed", "remorse": "sorry",
        "amusement": "amused", "relief": "relieved", "curiosity": "curious", "calm": "calm",
        "neutral": "fairly even", "loneliness": "lonely",
    }  # fmt: skip
    return nouns.get(feeling.lower(), feeling.lower())


def _tracks(playlist: Playlist) -> str:
    if not playlist.picks:
        return "No track of the catalogue came close enough."
    first, last = playlist.picks[0], playlist.picks[-1]
    if first is last:
        return f"It is a single song, {_named(first)}."
    return f"It opens with {_named(first)} and ends with {_named(last)}."


def _named(pick: Pick) -> str:
    return f"“{pick.track.title}” by {pick.track.artist}"


def opinion(task: ReadMood) -> MoodOpinion:
    """Return a plain reading by counted words; the mood agent has a better one."""
    said = words(task.text[:4000])
    bright, dark = sum(w in _BRIGHT for w in said), sum(w in _DARK for w in said)
    lively, still = sum(w in _LIVELY for w in said), sum(w in _STILL for w in said)
    valence = 0.5 + 0.4 * (bright - dark) / max(bright + dark, 1)
    energy = 0.5 + 0.35 * (lively - still) / max(lively + still, 1)
    names = {(True, True): "excited", (True, False): "content", (False, True): "upset", (False, False): "sad"}
    feeling = "neutral" if bright == dark and lively == still else names[valence >= 0.5, energy >= 0.5]
    return MoodOpinion(feeling=feeling, wish="", valence=valence, energy=energy)
