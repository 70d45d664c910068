"""What a listener types is read as the mood they mean: sentences of five kinds, and laws that hold for any text."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from songwright.lexicon import entries, listen
from songwright.mood import AnchorReading, blend, context_nudges, read_anchors, read_mood, span
from songwright.song import Context, Mood

# kind | text | valence low high | energy low high: where the music for it may lie, judged before it was read
SENTENCES = """
direct | I feel so happy today | .65 1 | .45 .95
direct | absolutely furious right now | 0 .35 | .65 1
direct | I'm sad and lonely | 0 .38 | .05 .45
direct | feeling calm and content | .55 .9 | .05 .4
direct | anxious and tense | .1 .45 | .5 .9
direct | excited!! can't wait for tomorrow | .65 1 | .6 1
direct | so tired, completely worn out | .15 .5 | 0 .3
direct | nostalgic for the old days | .25 .6 | .1 .5
direct | grateful and at peace | .6 .95 | .05 .45
direct | heartbroken since she left me | 0 .3 | .1 .5
direct | I am in love | .65 1 | .35 .75
direct | bored out of my mind | .2 .5 | .05 .4
direct | proud and unstoppable | .65 1 | .6 1
direct | hopeful about the future | .6 .95 | .35 .75
direct | melancholy evening thoughts | .15 .5 | .05 .45
direct | something mellow and warm | .55 .85 | .1 .45
direct | pure rage | 0 .3 | .75 1
direct | scared and alone in the dark | .05 .42 | .25 .75
activity | studying for my finals | .4 .75 | .15 .55
activity | heavy workout at the gym | .35 .85 | .7 1
activity | falling asleep slowly | .4 .75 | 0 .3
activity | dinner with friends | .55 .95 | .25 .65
activity | house party on saturday night | .65 1 | .7 1
activity | road trip with the windows down | .6 1 | .55 .95
activity | morning yoga | .5 .85 | .05 .4
activity | coding late at night, need focus | .4 .75 | .2 .55
activity | cleaning the whole apartment | .5 .9 | .5 .9
activity | running my first marathon | .5 .9 | .65 1
activity | evening walk by the sea | .45 .8 | .15 .5
activity | meditation before bed | .45 .8 | 0 .3
activity | karaoke with the girls | .6 1 | .6 1
activity | reading by the fireplace | .5 .85 | .05 .4
activity | long night drive | .35 .75 | .3 .7
activity | cooking brunch on a sunny morning | .6 .95 | .3 .7
figurative | walking on air | .7 1 | .45 .9
figurative | my heart is in pieces | 0 .32 | .1 .5
figurative | the weight of the world is on my shoulders | .05 .42 | .1 .5
figurative | there is a storm inside my chest | .1 .5 | .5 .95
figurative | fire in my veins | .4 .85 | .7 1
figurative | everything is grey today | .1 .45 | .05 .45
figurative | on top of the world | .7 1 | .55 1
figurative | I'm running on empty | .1 .48 | 0 .4
figurative | the walls are closing in on me | .05 .42 | .45 .9
figurative | like a warm blanket on a cold day | .5 .85 | .05 .4
figurative | my head is spinning with a thousand tabs open | .2 .55 | .45 .9
figurative | an empty chair at the kitchen table | .05 .5 | .05 .45
figurative | floating on a quiet lake at dawn | .5 .85 | 0 .35
figurative | drowning in deadlines | .1 .45 | .45 .85
figurative | champagne and confetti | .65 1 | .6 1
figurative | the last day of summer | .3 .68 | .2 .6
negation | I'm not happy | .05 .45 | .1 .6
negation | not sad at all | .52 .95 | .3 .8
negation | anything but calm | .1 .9 | .55 1
negation | no party music please | .3 .75 | .1 .48
negation | I'm not angry, just tired | .25 .65 | 0 .4
negation | nothing too slow | .3 .85 | .5 1
negation | never been happier | .75 1 | .4 1
negation | without a care in the world | .6 1 | .2 .7
negation | not in the mood for dancing | .3 .7 | .05 .48
negation | I don't feel lonely anymore | .5 .95 | .25 .75
negation | can't stop smiling | .7 1 | .45 .95
negation | not bad at all | .52 .85 | .3 .7
negation | no energy today | .15 .55 | 0 .35
negation | not only happy but proud | .65 1 | .45 .9
negation | songs that aren't depressing | .52 .95 | .3 .85
negation | I am not calm | .1 .5 | .5 .95
regulation | I'm sad, cheer me up | .62 1 | .45 .9
regulation | so angry, help me calm down | .45 .8 | .05 .4
regulation | rainy sunday, missing someone, want to feel better | .58 .95 | .35 .8
regulation | can't sleep, my mind is racing | .4 .75 | 0 .3
regulation | I'm exhausted but need energy for the gym | .5 .95 | .65 1
regulation | stressed after work, want to unwind | .5 .8 | .05 .4
regulation | heartbroken and I want to dance it off | .55 1 | .6 1
regulation | anxious, need something soothing | .5 .8 | .05 .4
regulation | I feel down, lift my spirits | .6 1 | .45 .9
regulation | pump me up before the match | .5 .95 | .7 1
regulation | let me wallow in my sadness | .05 .4 | .05 .45
regulation | I'm furious and want to scream it out | .05 .45 | .7 1
regulation | lonely tonight, comfort me | .45 .8 | .05 .45
regulation | sleepy at my desk, wake me up | .5 .95 | .6 1
regulation | I don't want to feel sad anymore | .58 1 | .35 .85
regulation | nervous about tomorrow, help me breathe | .45 .8 | .05 .4
regulation | need to let go of this anger | .4 .75 | .1 .45
regulation | feeling flat, give me hope | .58 .95 | .3 .75
"""


def _sentences() -> list[tuple[str, str, float, float, float, float]]:
    rows: list[tuple[str, str, float, float, float, float]] = []
    for row in SENTENCES.strip().splitlines():
        kind, text, valence, energy = (part.strip() for part in row.split("|"))
        low_v, high_v = map(float, valence.split())
        low_e, high_e = map(float, energy.split())
        rows.append((kind, text, low_v, high_v, low_e, high_e))
    return rows


def _is_within(mood: Mood, row: tuple[str, str, float, float, float, float]) -> bool:
    _, _, low_v, high_v, low_e, high_e = row
    return low_v <= mood.valence.point <= high_v and low_e <= mood.energy.point <= high_e


def _assert_lawful(mood: Mood) -> None:
    for axis in (mood.valence, mood.energy):
        assert 0 <= axis.low <= axis.point <= axis.high <= 1
    assert all(0 <= value <= 1 for value in mood.start)
    assert 0 <= mood.confidence <= 1
    assert all(0 <= score <= 1 for score in mood.emotions.values())
    assert list(mood.emotions.values()) == sorted(mood.emotions.values(), reverse=True)
    assert mood.feeling


@pytest.mark.parametrize("row", _sentences(), ids=lambda row: f"{row[0]}: {row[1]}")
def test_a_sentence_is_read_where_its_music_lies(row: tuple[str, str, float, float, float, float]) -> None:
    mood = read_mood(row[1])
    assert _is_within(mood, row), f"valence {mood.valence.point:.2f}, energy {mood.energy.point:.2f}"


def test_the_lexicon_is_large_and_well_formed() -> None:
    placed = [entry for entry in entries() if entry.kind in {"feel", "figure", "scene", "activity", "emoji", "wish"}]
    assert len({entry.phrase for entry in placed}) >= 500
    assert all(0 <= entry.valence <= 1 and 0 <= entry.energy <= 1 for entry in placed)
    labels = {label for entry in placed for label in entry.emotions}
    assert len(labels) >= 18
    assert len(placed) == len({(entry.kind, entry.phrase) for entry in placed})


def test_the_wish_sets_the_target_and_the_feeling_the_start() -> None:
    mood = read_mood("rainy sunday, missing someone, want to feel better")
    assert mood.start[0] < 0.45
    assert mood.valence.point > 0.6
    assert mood.wish == "better"
    assert mood.feeling in {"sad", "longing"}


def test_without_a_wish_the_target_is_the_feeling() -> None:
    mood = read_mood("I feel sad")
    assert mood.wish is None
    assert mood.start == (mood.valence.point, mood.energy.point)


def test_what_is_wished_away_is_what_is_felt() -> None:
    mood = read_mood("I don't want to feel sad anymore")
    assert mood.start[0] < 0.4
    assert mood.valence.point > 0.6


def test_a_wish_alone_implies_where_one_starts() -> None:
    assert read_mood("help me calm down").start[1] > 0.55
    assert read_mood("cheer me up").start[0] < 0.45


@pytest.mark.parametrize("word", ["happy", "sad", "angry", "calm", "excited", "lonely", "energetic", "hopeful"])
def test_not_turns_a_word_to_the_other_side(word: str) -> None:
    said, denied = read_mood(f"I am {word}"), read_mood(f"I am not {word}")
    assert (said.valence.point - 0.5) * (denied.valence.point - 0.5) <= 0


def test_negation_ends_with_its_clause() -> None:
    mood = read_mood("not today. I am happy")
    assert mood.valence.point > 0.7


def test_but_gives_the_later_clause_more_weight() -> None:
    assert read_mood("tired but happy").valence.point > read_mood("happy but tired").valence.point


def test_intensifiers_move_a_word_outwards_and_softeners_inwards() -> None:
    slightly, plain, very = (read_mood(f"{word}sad").valence.point for word in ("slightly ", "", "extremely "))
    assert very < plain < slightly < 0.5


def test_emoji_and_emoticons_are_read() -> None:
    assert read_mood("🎉🥳").valence.point > 0.7
    assert read_mood("😭💔").valence.point < 0.3
    assert read_mood("monday :(").valence.point < 0.4


def test_activities_are_heard_unless_denied() -> None:
    assert listen("music for my workout").activities == ("workout",)
    assert listen("no party today").activities == ()


def test_an_activity_that_is_over_does_not_set_the_music() -> None:
    assert read_mood("after a hard run I want to relax").energy.point < 0.4


def test_more_evidence_narrows_the_range() -> None:
    vague, clear = read_mood("something"), read_mood("happy, joyful and cheerful, so much fun")
    assert vague.confidence < 0.2 < 0.6 < clear.confidence
    assert clear.valence.high - clear.valence.low < vague.valence.high - vague.valence.low


def test_silence_is_neutral() -> None:
    mood = read_mood("")
    assert (mood.valence.point, mood.energy.point) == (0.5, 0.5)
    assert mood.feeling == "neutral"


@given(st.text(max_size=400))
def test_any_text_gives_a_lawful_mood(text: str) -> None:
    _assert_lawful(read_mood(text))


@given(st.lists(st.sampled_from([entry.phrase for entry in entries()]), max_size=12).map(" ".join))
def test_any_words_of_the_lexicon_give_a_lawful_mood(text: str) -> None:
    _assert_lawful(read_mood(text))


@given(st.floats(-1, 2), st.floats(0, 1))
def test_a_span_holds_its_point_and_stays_in_bounds(point: float, confidence: float) -> None:
    found = span(point, confidence)
    assert 0 <= found.low <= found.point <= found.high <= 1


@given(
    st.sampled_from(["sad", "so happy", "help me calm down", "xyzzy"]),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_a_blend_lies_between_the_two_readings(text: str, valence: float, energy: float, certainty: float) -> None:
    mood = read_mood(text)
    blended = blend(mood, AnchorReading((valence, energy), (valence, energy), certainty))
    _assert_lawful(blended)
    low, high = sorted((mood.valence.point, valence))
    assert low - 1e-9 <= blended.valence.point <= high + 1e-9
    assert blended.how == "lexicon+anchors"


def test_each_anchor_reads_itself_on_its_own_side() -> None:
    from songwright.mood import DATA

    vectors = np.load(DATA / "mood_anchors.npy").astype(np.float32)
    rows = (DATA / "mood_anchors.tsv").read_text(encoding="utf-8").splitlines()[1:]
    assert len(rows) == len(vectors) >= 40
    for row, vector in zip(rows, vectors, strict=True):
        phrase, valence, energy = row.split("\t")
        reading = read_anchors(vector)
        assert math.dist(reading.target, (float(valence), float(energy))) < 0.35, phrase
        assert reading.certainty > 0.9


def test_context_moves_an_unsure_mood_more_than_a_sure_one() -> None:
    rain = Context(weather="light rain", time_of_day="late night")
    vague, sure = read_mood("music"), read_mood("happy, joyful, cheerful and delighted")
    moved_vague, effects = context_nudges(rain, vague)
    moved_sure, _ = context_nudges(rain, sure)
    assert vague.energy.point - moved_vague.energy.point > sure.energy.point - moved_sure.energy.point >= 0
    assert any("rain" in effect for effect in effects)
    assert any("late night" in effect for effect in effects)


def test_weather_and_hour_together_move_no_more_than_twelve_hundredths() -> None:
    mood = read_mood("")
    moved, _ = context_nudges(Context(weather="storm", time_of_day="late night", season="winter"), mood)
    assert math.isclose(mood.energy.point - moved.energy.point, 0.12, abs_tol=1e-6)


@pytest.mark.parametrize(("activity", "low", "high"), [("workout", 0.7, 1), ("sleep", 0, 0.35), ("party", 0.65, 1)])
def test_an_activity_in_the_context_sets_the_energy_of_a_vague_text(activity: str, low: float, high: float) -> None:
    moved, effects = context_nudges(Context(activity=activity), read_mood("music please"))
    assert low <= moved.energy.point <= high
    assert effects[0].startswith(activity)


def test_no_context_changes_nothing() -> None:
    mood = read_mood("calm")
    assert context_nudges(None, mood) == (mood, ())
    assert context_nudges(Context(), mood) == (mood, ())


_WORDS = (
    st.none() | st.text(max_size=12) | st.sampled_from(["rain", "sunny", "late night", "summer", "workout", "sleep"])
)


@given(
    st.builds(
        Context,
        weather=_WORDS,
        temperature_c=st.none() | st.floats(-40, 50),
        time_of_day=_WORDS,
        season=_WORDS,
        activity=_WORDS,
    ),
    st.sampled_from(["", "sad", "party"]),
)
def test_any_context_gives_a_lawful_mood(context: Context, text: str) -> None:
    moved, _ = context_nudges(context, read_mood(text))
    _assert_lawful(moved)
