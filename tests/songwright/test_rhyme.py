"""Grades, rhymes of a word, and schemes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songwright.rhyme import Grade, end_word, find_scheme, grade, is_worn, rhyme_classes, rhymes
from songwright.sound import pronunciations, words

_ENDS = (
    "love above move heart apart memory free fire higher orange sunlight night to you told the a wind kind "
    "heaven given station ocean runnin' o'er hmm rhythm 24 blorptastic eternity i'm it poet"
)
ENDS = st.sampled_from(_ENDS.split())
LINES = st.lists(ENDS, max_size=4).map(" ".join)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("love", "above", Grade.PERFECT),
        ("fire", "higher", Grade.PERFECT),
        ("here", "fear", Grade.PERFECT),
        ("station", "nation", Grade.PERFECT),
        ("sunlight", "tonight", Grade.PERFECT),
        ("poet", "and I know it", Grade.PERFECT),
        ("I never told you", "let me hold you", Grade.PERFECT),
        ("ground", "around", Grade.PERFECT),
        ("there", "their", Grade.IDENTICAL),
        ("light", "delight", Grade.IDENTICAL),
        ("I love you", "I need you", Grade.IDENTICAL),
        ("mad", "bat", Grade.FAMILY),
        ("time", "mine", Grade.FAMILY),
        ("memory", "free", Grade.FAMILY),
        ("dream", "dreams", Grade.ADDITIVE),
        ("free", "speed", Grade.ADDITIVE),
        ("fast", "fat", Grade.SUBTRACTIVE),
        ("love", "move", Grade.CONSONANCE),
        ("time", "light", Grade.ASSONANCE),
        ("cat", "dog", None),
        ("", "love", None),
    ],
)
def test_grades(one: str, other: str, expected: Grade | None) -> None:
    assert grade(one, other) == expected


@given(LINES, LINES)
def test_rhyme_is_symmetric(one: str, other: str) -> None:
    assert grade(one, other) == grade(other, one)


@given(st.text(), st.text())
def test_any_two_texts_are_graded_symmetrically(one: str, other: str) -> None:
    assert grade(one, other) == grade(other, one)


@given(st.text())
def test_a_word_rhymes_with_itself_as_identical(word: str) -> None:
    assert grade(word, word) == (Grade.IDENTICAL if words(word) else None)


@given(ENDS, ENDS)
def test_a_common_class_and_other_onsets_rhyme_perfectly(one: str, other: str) -> None:
    if one == other or not rhyme_classes(one) & rhyme_classes(other):
        return
    onsets = [{said.onset for said in pronunciations(end_word(word))} for word in (one, other)]
    if not onsets[0] & onsets[1]:
        assert grade(one, other) is Grade.PERFECT


@pytest.mark.parametrize(
    ("line", "word"), [("Hold on, baby!", "baby"), ("Runnin’ ", "runnin'"), ("", ""), ("5", "five")]
)
def test_the_end_word_of_a_line(line: str, word: str) -> None:
    assert end_word(line) == word


def test_rhymes_come_best_first_and_commonest_first() -> None:
    found = rhymes("night", limit=400)
    assert {"light", "bright", "white"} <= {rhyme.word for rhyme in found[:12]}
    order = [rhyme.grade for rhyme in found if rhyme.grade is not Grade.IDENTICAL]
    assert order == sorted(order, key=[*Grade].index)
    assert found[0].grade is Grade.PERFECT
    assert "night" not in {rhyme.word for rhyme in found}
    assert len(rhymes("night", limit=5)) == 5


def test_rhymes_agree_with_their_grade() -> None:
    for rhyme in rhymes("river", limit=60):
        assert grade("river", rhyme.word) == rhyme.grade
        assert rhyme.syllables == pronunciations(rhyme.word)[0].syllables


def test_worn_pairs_are_marked() -> None:
    worn = {rhyme.word: rhyme.worn for rhyme in rhymes("love")}
    assert worn["above"]
    assert not worn["shove"]
    assert is_worn("My broken heart", "we're apart")
    assert not is_worn("heart", "cart")


def test_unknown_and_empty_words_have_rhymes_or_none() -> None:
    assert any(rhyme.word == "shade" for rhyme in rhymes("blorpade", limit=300))
    assert rhymes("") == []
    assert rhymes("…") == []


SONNET_18 = """Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date;
Sometime too hot the eye of heaven shines,
And often is his gold complexion dimm'd;
And every fair from fair sometime declines,
By chance or nature's changing course untrimm'd;
But thy eternal summer shall not fade,
Nor lose possession of that fair thou ow'st;
Nor shall death brag thou wander'st in his shade,
When in eternal lines to time thou grow'st:
So long as men can breathe or eyes can see,
So long lives this, and this gives life to thee."""
AMAZING_GRACE = """Amazing grace! how sweet the sound
That saved a wretch like me!
I once was lost, but now am found,
Was blind, but now I see."""
LEAR = """There was an Old Man with a beard
Who said, "It is just as I feared!
Two Owls and a Hen,
Four Larks and a Wren,
Have all built their nests in my beard!\""""
DICKINSON = """I felt a funeral in my brain,
And mourners, to and fro,
Kept treading, treading, till it seemed
That sense was breaking through"""
FROST = """Two roads diverged in a yellow wood,
And sorry I could not travel both
And be one traveler, long I stood
And looked down one as far as I could
To where it bent in the undergrowth"""
MARLOWE = """Come live with me and be my love,
And we will all the pleasures prove,
That valleys, groves, hills, and fields,
Woods, or steepy mountain yields."""
OWN = """I been thinking 'bout the time
When you told me you'd be mine
And the summer on your skin
Let the August night come in"""
PROSE = """The kettle is on the counter
My brother called on Tuesday
Nobody swept the garage
There's milk behind the lettuce"""


@pytest.mark.parametrize(
    ("stanza", "shape"),
    [
        (SONNET_18, "ABABCDCDEFEFGG"),
        (AMAZING_GRACE, "ABAB"),
        (LEAR, "AABBA"),
        (FROST, "ABAAB"),
        (MARLOWE, "AABB"),
        (OWN, "AABB"),
        (PROSE, "...."),
    ],
    ids=["sonnet", "hymn", "limerick", "frost", "eye rhyme", "slant", "prose"],
)
def test_schemes(stanza: str, shape: str) -> None:
    assert "".join(letter or "." for letter in find_scheme(stanza.split("\n")).letters) == shape


def test_a_scheme_names_partners_and_grades() -> None:
    scheme = find_scheme(LEAR.split("\n"))
    assert scheme.partners == (None, 0, None, 2, 1)
    assert scheme.grades == (Grade.PERFECT,) * 5


def test_refrains_share_a_letter() -> None:
    lines = ["Come back to the river with me", "The night is a slow open road"] * 2
    assert find_scheme(lines).letters == ("A", "B", "A", "B")


@given(st.lists(st.one_of(LINES, st.text(max_size=20)), max_size=18))
def test_a_scheme_is_consistent(lines: list[str]) -> None:
    scheme = find_scheme(lines)
    assert len(scheme.letters) == len(scheme.grades) == len(scheme.partners) == len(lines)
    seen = list(dict.fromkeys(letter for letter in scheme.letters if letter))
    assert seen == sorted(seen)
    for place, letter in enumerate(scheme.letters):
        partner = scheme.partners[place]
        earlier = [at for at in range(place) if letter and scheme.letters[at] == letter]
        assert partner == (earlier[-1] if earlier else None)
        assert (scheme.grades[place] is None) == (letter is None)
        if letter:
            assert scheme.letters.count(letter) > 1


_UNRELATED = (  # hardly two of them rhyme
    "window morning garden water paper summer river shoulder table mountain people silver market yesterday "
    "kitchen letter thunder ocean pocket engine street field boat cloud glass lamp smoke stone bridge voice "
    "ground tree leaf bread hand world storm book dust church wolf month desk branch shirt salt cup ship"
)


def test_chance_likeness_is_seldom_taken_for_rhyme() -> None:
    dice = random.Random(4)
    quatrains = [dice.sample(_UNRELATED.split(), 4) for _ in range(1000)]
    linked = sum(any(find_scheme(quatrain).letters) for quatrain in quatrains)
    assert linked <= 20


SOUNDS = (
    "day tree sky snow moon rain dream time stone red light cold heart song ring fast dust gate mile noon bed fish "
    "lock cup bat ball fork bird"
)


def test_long_songs_have_letters_beyond_z() -> None:
    lines = [f"{opening} {sound}" for sound in SOUNDS.split() for opening in ("a", "the")]
    letters = find_scheme(lines).letters
    assert None not in letters
    assert len(set(letters)) > 20


@pytest.mark.parametrize("stanza", [DICKINSON])
def test_slant_rhymes_of_a_hymn_stanza_link_only_the_even_lines(stanza: str) -> None:
    letters = find_scheme(stanza.split("\n")).letters
    assert letters[0] is None
    assert letters[2] is None
