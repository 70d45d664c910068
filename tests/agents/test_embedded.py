"""The embedded writer: whole songs over many briefs and seeds, measured as a listener would."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations, islice, product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.embedded.bank import load
from agents.embedded.company import nearness
from agents.embedded.grammar import Stance, render
from agents.embedded.model import EmbeddedWriter, answer
from agents.embedded.units import rendered, spoken
from agents.tasks import (
    Alternatives,
    DraftPlan,
    ExplainPlaylist,
    MendLine,
    MoodOpinion,
    PlanDraft,
    ReadMood,
    WriteSection,
)
from songwright.meter import count_syllables
from songwright.rhyme import Grade, end_word, grade
from songwright.song import (
    Brief,
    Line,
    Mark,
    Mood,
    Pick,
    Plan,
    Playlist,
    Section,
    SectionKind,
    SectionPlan,
    Span,
    Track,
)

PROMPTS = (
    "my heart is broken, you left me",
    "our old dog is dying",
    "a birthday party for my best friend",
    "a robot learning to feel",
    "leaving my home town at dawn",
    "rain on sunday",
    "quitting my job",
    "first snow",
    "football",
    "cooking in the kitchen with my grandmother",
    "🎉",
    "Je t'aime, ma belle",
)
CLICHES = {
    "neon",
    "echo",
    "echoes",
    "shatter",
    "shattered",
    "tapestry",
    "kaleidoscope",
    "weave",
    "weaving",
    "whisper",
} | {"whispers", "symphony", "embrace", "unfold", "unfolding", "ethereal", "intertwined", "labyrinth", "serenade"}


def a_mood(valence: float = 0.5, energy: float = 0.5) -> Mood:
    def around(point: float) -> Span:
        return Span(max(0.0, point - 0.1), min(1.0, point + 0.1), point)

    return Mood("neutral", None, around(valence), around(energy), (valence, energy), {}, 0.5, "lexicon")


def a_form(scheme: str, syllables: int) -> tuple[SectionPlan, ...]:
    def part(name: str, kind: SectionKind, scheme: str, repeats: str | None = None) -> SectionPlan:
        return SectionPlan(name, kind, scheme, (syllables,) * len(scheme), "tell it", (), repeats)

    return (
        part("Verse 1", SectionKind.VERSE, scheme),
        part("Chorus", SectionKind.CHORUS, "AABB"),
        part("Verse 2", SectionKind.VERSE, scheme),
        part("Chorus 2", SectionKind.CHORUS, "AABB", "Chorus"),
        part("Bridge", SectionKind.BRIDGE, "ABAB"),
        part("Outro", SectionKind.OUTRO, "AA"),
    )


def plan_of(brief: Brief, mood: Mood, sections: tuple[SectionPlan, ...]) -> Plan:
    draft = PlanDraft.model_validate_json(answer(DraftPlan(brief, mood, sections, ())))
    return Plan(draft.title, draft.hook, draft.theme, "i", "present", sections, tuple(draft.images))


@lru_cache(maxsize=256)
def song_of(prompt: str, *, seed: int = 0, scheme: str = "ABAB", syllables: int = 8) -> dict[str, list[str]]:
    """Write every section that needs words, as the graph does: choruses first, then the rest apart."""
    brief, mood = Brief(prompt=prompt, seed=seed), a_mood()
    plan = plan_of(brief, mood, a_form(scheme, syllables))
    return {
        section.name: answer(WriteSection(brief, mood, plan, section, ())).split("\n")
        for section in plan.sections
        if section.repeats is None
    }


def rhyming_pairs(song: Mapping[str, Sequence[str]], scheme: str) -> Iterator[tuple[str, str]]:
    schemes = {"Chorus": "AABB", "Bridge": "ABAB", "Outro": "AA"}
    for name, lines in song.items():
        letters = schemes.get(name, scheme)
        for one, other in combinations(range(len(lines)), 2):
            if letters[one] == letters[other] != "X":
                yield lines[one], lines[other]


SONGS = [
    (prompt, seed, scheme, syllables)
    for (prompt, seed), (scheme, syllables) in zip(
        product(PROMPTS, range(3)),
        islice(product(("ABAB", "AABB", "ABCB", "AAAA", "XAXA", "ABABCDCD"), (8, 5, 10, 7, 3, 16)), 36),
        strict=True,
    )
]


def test_rhymes_asked_for_are_perfect_and_never_the_same_word() -> None:
    pairs = [
        pair
        for prompt, seed, scheme, size in SONGS
        for pair in rhyming_pairs(song_of(prompt, seed=seed, scheme=scheme, syllables=size), scheme)
    ]
    perfect = [pair for pair in pairs if grade(end_word(pair[0]), end_word(pair[1])) is Grade.PERFECT]
    assert len(perfect) >= 0.97 * len(pairs)
    assert not [pair for pair in pairs if end_word(pair[0]) == end_word(pair[1])]


@pytest.mark.parametrize("syllables", range(3, 17))
def test_every_line_has_the_asked_syllables(syllables: int) -> None:
    song = song_of("leaving my home town at dawn", seed=syllables, syllables=syllables)
    lines = [line for lines in song.values() for line in lines]
    assert {count_syllables(line).best for line in lines} == {syllables}


def test_no_line_comes_twice_and_no_two_sections_share_a_rhyme_word() -> None:
    for prompt, seed, scheme, size in SONGS:
        song = song_of(prompt, seed=seed, scheme=scheme, syllables=size)
        lines = [line.lower() for lines in song.values() for line in lines]
        assert len(lines) == len(set(lines)), prompt
        ends = [{end_word(line) for line in song[name]} for name in ("Verse 1", "Verse 2")]
        assert not ends[0] & ends[1] or size < 5, prompt


def test_the_chorus_sings_the_hook_word_for_word() -> None:
    for prompt in PROMPTS:
        brief, mood = Brief(prompt=prompt, seed=5), a_mood()
        plan = plan_of(brief, mood, a_form("ABAB", 8))
        chorus = answer(WriteSection(brief, mood, plan, plan.sections[1], ()))
        assert any(plan.hook.lower() in line.lower() for line in chorus.split("\n")), (plan.hook, chorus)


def test_a_hook_from_elsewhere_is_sung_too() -> None:
    brief, mood = Brief(prompt="the ocean", seed=1), a_mood()
    plan = Plan("Orange", "Nothing rhymes with orange", "sea", "we", "past", a_form("ABCB", 9))
    chorus = answer(WriteSection(brief, mood, plan, plan.sections[1], ()))
    assert "nothing rhymes with orange" in chorus.lower()


def test_equal_seeds_repeat_to_the_letter_and_other_seeds_share_hardly_a_line() -> None:
    first, again, other = (song_of.__wrapped__("first snow", seed=seed) for seed in (1, 1, 2))
    assert first == again
    one, two = ({line for lines in song.values() for line in lines} for song in (first, other))
    assert len(one & two) < 0.1 * len(one)


def test_fifty_seeds_of_one_brief_seldom_meet_in_a_line() -> None:
    songs = [song_of("rain on sunday", seed=seed) for seed in range(50)]
    sung = [line for song in songs for name in ("Verse 1", "Verse 2", "Bridge") for line in song[name]]
    assert len(sung) - len(set(sung)) <= 0.15 * len(sung)


def test_no_worn_out_word_of_generated_lyrics_is_sung() -> None:
    for prompt, seed, scheme, size in SONGS:
        song = song_of(prompt, seed=seed, scheme=scheme, syllables=size)
        said = {word.strip(".,!?").lower() for lines in song.values() for line in lines for word in line.split()}
        assert not said & CLICHES


def test_the_brief_is_heard_in_the_song() -> None:
    for prompt, word in (
        ("our old dog is dying", "dog"),
        ("a rusty harbor and the tide", "tide"),
        ("football", "we"),
    ):
        text = " ".join(line for lines in song_of(prompt, seed=3).values() for line in lines).lower()
        assert word in text


@given(prompt=st.text(max_size=300), seed=st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_any_prompt_becomes_a_song(prompt: str, seed: int) -> None:
    song = song_of(prompt, seed=seed)
    assert [len(lines) for lines in song.values()] == [4, 4, 4, 4, 2]


def test_a_prompt_of_eight_thousand_characters_is_read() -> None:
    assert len(song_of("We sailed the harbor and mended nets. " * 210)["Verse 1"]) == 4


@pytest.mark.parametrize("kind", list(SectionKind))
@pytest.mark.parametrize("view", ["i", "you", "we", "she", "he", "they"])
def test_every_kind_of_section_can_be_written_from_every_point_of_view(kind: SectionKind, view: str) -> None:
    section = SectionPlan("Part", kind, "ABXB", (7, 6, 7, 6), "tell it")
    plan = Plan("Home", "Leave the porch light on", "home", view, "future", (section,))  # pyright: ignore[reportArgumentType]
    lines = answer(WriteSection(Brief(prompt="home"), a_mood(), plan, section, ())).split("\n")
    assert [count_syllables(line).best for line in lines] == [7, 6, 7, 6]


@pytest.mark.parametrize(
    ("prompt", "theme"),
    [
        ("exam stress before finals", "school"),
        ("my mother is in the hospital", "hospital"),
        ("moving into a new flat", "moving"),
        ("my cat ran away", "pets"),
        ("my sister's wedding", "wedding"),
        ("waiting at the airport", "travel"),
        ("my phone is always buzzing", "phone"),
        ("I can't sleep", "sleep"),
    ],
)
def test_common_briefs_have_a_theme_of_their_own(prompt: str, theme: str) -> None:
    draft = PlanDraft.model_validate_json(answer(DraftPlan(Brief(prompt=prompt), a_mood(), a_form("ABAB", 8), ())))
    assert draft.theme == theme


def test_no_mark_of_the_bank_is_sung() -> None:
    for prompt, seed, scheme, size in SONGS:
        song = song_of(prompt, seed=seed, scheme=scheme, syllables=size)
        assert not [line for lines in song.values() for line in lines if set("<>[]{}|/_") & set(line)]


def test_every_row_of_the_bank_renders_without_marks_in_every_person_and_tense() -> None:
    bank = load()
    texts = [piece.text for piece in (*bank.heads, *bank.tails)]
    for view, tense in product(("i", "she", "they"), ("past", "present", "future")):
        stance = Stance(view, tense)
        assert not [text for text in texts if set("<>[]|") & set(render(text, stance))]
        for unit in bank.units:
            said = [text for slots in rendered(unit.text, view, tense) for slot in slots for text in slot]
            assert not set("<>[]|/") & set("".join(said)), unit.text


def test_a_choice_fits_the_length_and_its_article() -> None:
    (slots,) = rendered("I <find> a [orange|penny] on the [kitchen |]floor", "she", "past")
    said = {text for size in range(6, 11) for text in spoken(slots, size, Random(1), most=9)}
    assert said == {
        "she found an orange on the floor",
        "she found a penny on the floor",
        "she found an orange on the kitchen floor",
        "she found a penny on the kitchen floor",
    }


def test_words_of_one_world_are_nearer_than_words_of_two() -> None:
    near = nearness(frozenset({"boat"}), frozenset({"harbo"}))
    far = nearness(frozenset({"boat"}), frozenset({"penci"}))
    assert near is not None
    assert far is not None
    assert near > far + 0.2


def draft_of(song: Mapping[str, Sequence[str]], plan: Plan) -> tuple[Section, ...]:
    return tuple(
        Section(
            part.name, part.kind, tuple(Line(f"{part.name}{i}", text, "embedded") for i, text in enumerate(lines))
        )
        for part in plan.sections
        if (lines := song.get(part.name))
    )


def test_alternatives_fit_the_place_they_mend() -> None:
    brief, mood = Brief(prompt="first snow", seed=4), a_mood()
    plan = plan_of(brief, mood, a_form("ABAB", 8))
    draft = draft_of(song_of("first snow", seed=4), plan)
    offered: list[set[str]] = []
    for turn in range(2):
        task = MendLine(brief, mood, plan, plan.sections[0], draft, 0, Mark(0, 2, "rhyme", "it rhymes not", ""), turn)
        lines = Alternatives.model_validate_json(answer(task)).lines
        assert lines
        partner = end_word(draft[0].lines[0].text)
        assert all(grade(end_word(line), partner) is Grade.PERFECT for line in lines)
        assert all(count_syllables(line).best == 8 for line in lines)
        assert draft[0].lines[2].text not in lines
        offered.append(set(lines))
    assert not offered[0] & offered[1]


def test_a_line_of_anothers_song_can_be_mended() -> None:
    section = SectionPlan("Verse 1", SectionKind.VERSE, "ABAB", (8, 8, 8, 8), "tell it")
    plan = Plan("Boat", "The boat with your name", "sea", "i", "present", (section,))
    lines = ("I saw the harbor in the rain", "We had the ledger and a sail", "It was purple", "We drink our ale")
    draft = (
        Section("Verse 1", SectionKind.VERSE, tuple(Line(str(i), text, "model") for i, text in enumerate(lines))),
    )
    task = MendLine(Brief(prompt="sea"), a_mood(), plan, section, draft, 0, Mark(0, 2, "syllables", "", ""), 0)
    offered = Alternatives.model_validate_json(answer(task)).lines
    assert all(grade(end_word(line), "rain") is Grade.PERFECT for line in offered)


async def test_chunks_join_to_the_whole_text_and_the_last_one_counts() -> None:
    brief, mood = Brief(prompt="the sea", seed=1), a_mood()
    plan = plan_of(brief, mood, a_form("ABAB", 8))
    task = WriteSection(brief, mood, plan, plan.sections[0], ())
    chunks = [chunk async for chunk in EmbeddedWriter().astream("write", task=task)]
    assert "".join(chunk.text for chunk in chunks) == answer(task)
    assert len(chunks) > 10
    whole = await EmbeddedWriter().ainvoke("write", task=task)
    assert whole.text == answer(task)
    counted = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata]
    assert len(counted) == 1
    assert counted[0]["output_tokens"] > 10


async def test_a_prompt_without_a_task_is_refused() -> None:
    with pytest.raises(ValueError, match="task="):
        await EmbeddedWriter().ainvoke("write me a song")


def test_the_plan_has_a_short_hook_and_a_job_for_each_section() -> None:
    sections = a_form("ABAB", 8)
    for prompt in PROMPTS:
        draft = PlanDraft.model_validate_json(answer(DraftPlan(Brief(prompt=prompt), a_mood(), sections, ())))
        assert 2 <= len(draft.hook.split()) <= 8
        assert len(draft.jobs) == len(sections)
        assert draft.title.lower() == draft.hook.lower()


def test_a_playlist_is_explained_by_its_own_tracks() -> None:
    track = Track("1", "seed", "Blue Room", "The Tests", 1999, "folk", 0.3, 0.3, 90.0)
    playlist = Playlist((Pick(track, "fits", {}),), "", "calm")
    text = answer(ExplainPlaylist(Brief(prompt="sad"), a_mood(0.2, 0.3), playlist))
    assert "Blue Room" in text
    assert "The Tests" in text


def test_moods_are_read_as_json_on_the_right_side() -> None:
    bright = MoodOpinion.model_validate_json(answer(ReadMood("I am so happy, we won!")))
    dark = MoodOpinion(**json.loads(answer(ReadMood("my dog died and I am alone"))))
    assert bright.valence > 0.5 > dark.valence


@pytest.mark.parametrize(
    ("phrase", "stance", "said"),
    [
        ("I <keep> your coat", Stance("she", "past"), "she kept your coat"),
        ("I <don't> need", Stance("he", "present"), "he doesn't need"),
        ("I still <have>", Stance("i", "future"), "I'll still have"),
        ("I <'m> still", Stance("they", "present"), "they're still"),
        ("I <lie> there", Stance("i", "past", "ing"), "lying there"),
    ],
)
def test_phrases_agree_with_person_and_tense(phrase: str, stance: Stance, said: str) -> None:
    assert render(phrase, stance) == said
