"""The mood reader: the lexicon always, the anchors where the embedder is at hand, a model where one answers.

Knows the order of the readers and whom to believe; refuses to know what the mood is used for.
"""

from dataclasses import replace
from hashlib import sha256

import prompts
from agents.kit import Kit
from agents.tasks import MoodOpinion, ReadMood
from songwright.errors import Unavailable
from songwright.lexicon import Heard, listen
from songwright.mood import AnchorReading, blend, context_nudges, mood_of, read_anchors, span
from songwright.song import Context, Mood

_BELIEVED_WITHIN = 0.45  # of the embedded reading, per axis; an opinion further off is not believed there
_OPINION_SHARE = 0.5  # of a believed opinion, beside an embedded reading that is wholly sure


async def read_mood(
    text: str, kit: Kit, *, context: Context | None = None, wait_for_embedder: bool = False
) -> tuple[Mood, tuple[str, ...]]:
    """The mood of a text, and what the context changed about it.

    The embedder is used where it is loaded, or waited for where the caller has the time. `how` names the readers.

    Raises:
        ModelFailure: the voice is a model's and it did not answer; the embedded voice reads without failing.
    """
    heard = listen(text)
    mood = mood_of(heard)
    if text.strip() and (wait_for_embedder or kit.embedder.is_warm):
        reading = await _ask_anchors(heard, mood, text, kit)
        mood = mood if reading is None else blend(mood, reading)
    if text.strip() and not kit.voice.is_embedded:
        opinion = await _ask_model(text, kit)
        writer = kit.voice.writer
        mood = weigh(mood, opinion, name=f"{writer.provider}:{writer.model}")
    return context_nudges(context, mood)


async def _ask_model(text: str, kit: Kit) -> MoodOpinion:
    """The model's opinion, or the one it had of the same text a while ago. Raises ModelFailure."""
    rendered = prompts.load("mood").render(text=text)
    writer = kit.voice.writer
    asked = sha256(f"{writer.provider}:{writer.model}\n{rendered.digest}\n{text}".encode()).hexdigest()
    key = f"mood:{asked}"
    kept = await kit.memory.get(key) if kit.memory else None
    if kept is not None:
        return MoodOpinion.model_validate_json(kept)
    opinion = await kit.voice.ask(rendered, ReadMood(text), MoodOpinion)
    if kit.memory is not None:
        await kit.memory.set(key, opinion.model_dump_json().encode(), ttl_s=kit.mood_ttl_s)
    return opinion


def weigh(mood: Mood, opinion: MoodOpinion, *, name: str) -> Mood:
    """The embedded reading moved towards a model's opinion on each axis where the two are not worlds apart."""
    believed = {
        axis: abs(said - read) <= _BELIEVED_WITHIN
        for axis, said, read in (
            ("valence", opinion.valence, mood.valence.point),
            ("energy", opinion.energy, mood.energy.point),
        )
    }
    if not any(believed.values()):
        return replace(mood, how=f"{mood.how} ({name} not believed)")
    share = 1 - _OPINION_SHARE * mood.confidence  # the less the words said, the more the opinion counts
    confidence = (
        round(min(0.98, mood.confidence + 0.3 * (1 - mood.confidence)), 3)
        if all(believed.values())
        else mood.confidence
    )
    valence, energy = mood.valence.point, mood.energy.point
    if believed["valence"]:
        valence += share * (opinion.valence - valence)
    if believed["energy"]:
        energy += share * (opinion.energy - energy)
    is_silent = not mood.emotions.keys() - {"neutral"}  # the words named no feeling
    return replace(
        mood,
        feeling=opinion.feeling if is_silent else mood.feeling,
        wish=mood.wish or opinion.wish.strip() or None,
        start=mood.start if mood.wish or opinion.wish.strip() else (valence, energy),
        valence=span(valence, confidence),
        energy=span(energy, confidence),
        confidence=confidence,
        how=f"{mood.how}+{name}",
    )


async def _ask_anchors(heard: Heard, mood: Mood, text: str, kit: Kit) -> AnchorReading | None:
    """None where the embedder cannot be loaded: the lexicon's reading stands, and `how` shows it."""
    has_feeling = any(not hit.is_wish for hit in heard.hits)
    try:
        feeling = (await kit.embedder.encode([heard.feeling_text if has_feeling else text]))[0]
        wish = (await kit.embedder.encode([heard.wish_text]))[0] if heard.wish_text else None
    except Unavailable:
        return None
    reading = read_anchors(feeling, wish)
    if heard.wish_text and not has_feeling:
        reading = replace(reading, start=mood.start)
    if any(hit.is_wish and hit.entry.kind == "wish" for hit in heard.hits):
        # "want to feel better" lies near grief in meaning; the parsed wish knows more than its vector.
        reading = replace(reading, target=(mood.valence.point, mood.energy.point))
    if heard.denies:
        # Sentence vectors hardly notice a "not": where the lexicon turned a word round, it knows better.
        is_turned = any(hit.is_negated for hit in heard.hits)
        reading = replace(reading, certainty=0.0 if is_turned else 0.4 * reading.certainty)
    return reading
