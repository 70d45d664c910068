"""Tokens, pronunciations and the counts a singer may give a word."""

import lzma
import time
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songwright.data import decode, encode, pronunciation_table
from songwright.data.build_pronunciations import pronunciation_lines, read, rhyme_lines
from songwright.data.build_spelling import pairs_of
from songwright.guess import guess
from songwright.sound import commonness, is_known, pronunciations, syllable_counts, words


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Don’t stop", "don't stop"),
        ("'cause we're runnin' 'round", "'cause we're runnin' 'round"),
        ("She said 'come in' to the boys'", "she said come in to the boys"),
        ("rock 'n' roll", "rock 'n' roll"),
        ("a well-known café — Zoë's", "a well known cafe zoe's"),
        ("24 hours in 1999", "twenty four hours in nineteen ninety nine"),
        ("the '90s, the 3rd, the 21st", "the nineties the third the twenty first"),
        ("7:30 and 5:00 and 3.5", "seven thirty and five and three point five"),
        ("1,000 in 2005 & 2015", "one thousand in two thousand five and twenty fifteen"),
        ("007 and 1905", "oh oh seven and nineteen oh five"),
        ("2x4", "two x four"),
        ("!!! …", ""),
    ],
)
def test_words_are_as_spoken(text: str, spoken: str) -> None:
    assert " ".join(words(text)) == spoken


@given(st.text())
def test_any_text_has_words_and_each_word_with_a_letter_a_sound(text: str) -> None:
    for word in words(text):
        said = pronunciations(word)
        assert said
        assert syllable_counts(word)
        assert all(len(one.stress) == one.syllables for one in said)


@given(st.text(alphabet="0123456789.,:'- stndrh", max_size=30))
def test_any_number_is_spelled_in_letters(text: str) -> None:
    assert not any(letter.isdigit() for word in words(text) for letter in word)


def test_a_pronunciation_knows_its_syllables_stress_tail_and_onset() -> None:
    said = pronunciations("distract")[0]
    assert said.phones == ("D", "IH0", "S", "T", "R", "AE1", "K", "T")
    assert (said.syllables, said.stress) == (2, "x/")
    assert said.tail == ("AE", "K", "T")
    assert said.onset == ("S", "T", "R")


@pytest.mark.parametrize(
    ("word", "stress"),
    [("love", "/"), ("sunlight", "/x"), ("understand", "/x/"), ("tonight", "x/"), ("hallelujah", "/x/x")],
)
def test_secondary_stress_counts_away_from_the_primary_one(word: str, stress: str) -> None:
    assert pronunciations(word)[0].stress == stress


def test_an_onset_is_what_can_open_a_syllable() -> None:
    assert pronunciations("unkind")[0].onset == ("K",)
    assert pronunciations("ground")[0].onset == ("G", "R")
    assert pronunciations("eye")[0].onset == ()


@pytest.mark.parametrize(
    ("word", "counts"),
    [
        ("our", {1, 2}), ("hour", {1, 2}), ("fire", {1, 2}), ("desire", {2, 3}), ("heaven", {1, 2}),
        ("every", {2, 3}), ("glorious", {2, 3}), ("trembling", {2, 3}), ("blessed", {1, 2}), ("spirit", {1, 2}),
        ("shadowy", {2, 3}), ("mysterious", {3, 4}), ("us", {1}), ("love", {1}), ("orange", {2}), ("going", {1, 2}),
    ],
)  # fmt: skip
def test_a_word_has_the_counts_it_is_sung_with(word: str, counts: set[int]) -> None:
    assert syllable_counts(word) == counts


def test_sets_of_counts_are_small() -> None:
    common = [word for word, _ in pronunciation_table() if commonness(word) >= 14]
    assert len(common) > 1000
    assert sum(len(syllable_counts(word)) for word in common) / len(common) < 1.2


@pytest.mark.parametrize(
    ("sung", "like"),
    [("runnin'", ("R", "AH1", "N", "IH0", "N")), ("heav'n", ("HH", "EH1", "V", "N")), ("o'er", ("AO1", "R"))],
)
def test_sung_spellings_sound_as_they_are_sung(sung: str, like: tuple[str, ...]) -> None:
    assert pronunciations(sung)[0].phones == like


def test_drawn_out_words_sound_like_short_ones() -> None:
    assert pronunciations("sooooo") == pronunciations("so")
    assert pronunciations("yeahhh") == pronunciations("yeah")


def test_known_and_guessed_words_are_told_apart() -> None:
    assert is_known("love")
    assert is_known("Don’t")
    assert not is_known("blorptastic")


@pytest.mark.parametrize(
    ("word", "stress", "tail"),
    [
        ("glade", "/", "EY D"),
        ("frandle's", "/x", "AE N D AH L Z"),
        ("blorps", "/", "AO R P S"),
        ("glimmerfall", "/x/", "AO L"),
        ("zorbination", "/x/x", "EY SH AH N"),
        ("streamed", "/", "IY M D"),
        ("frandish", "/x", "AE N D IH SH"),
    ],
)
def test_guesses_follow_english_spelling(word: str, stress: str, tail: str) -> None:
    said = pronunciations(word)[0]
    assert said.stress == stress
    assert " ".join(said.tail) == tail


@given(st.text(min_size=1, max_size=80))
def test_a_guess_has_one_primary_stress(word: str) -> None:
    assert sum(phone.endswith("1") for phone in guess(word)) == 1


def test_common_words_are_commoner() -> None:
    assert commonness("the") > commonness("love") > commonness("glove") > commonness("labov") == 0


def test_phones_survive_the_alphabet_of_the_tables() -> None:
    for word in ("thoroughfare", "azure", "judge", "voice"):
        for said in pronunciations(word):
            assert decode(encode(said.phones)) == said.phones


def test_every_word_of_the_table_is_found_where_it_was_written() -> None:
    entries = list(pronunciation_table())
    assert len(entries) > 120_000
    assert all(pronunciation_table().find(word) == value for word, value in entries[:: len(entries) // 997])
    assert pronunciation_table().find("zzzzzz") is None
    assert pronunciation_table().find("") is None


def test_the_tables_are_small_and_open_fast() -> None:
    folder = files("songwright.data")
    names = ("pronunciations.txt.xz", "rhymes.txt.xz", "spelling.txt.xz")
    assert sum(len(folder.joinpath(name).read_bytes()) for name in names) < 2_000_000
    packed = folder.joinpath(names[0]).read_bytes()
    began = time.process_time()
    assert len(lzma.decompress(packed)) < 4_000_000
    assert time.process_time() - began < 0.5  # 0.04 s on an idle machine


def test_the_build_reads_the_public_format(tmp_path: Path) -> None:
    lines = ["fire F AY1 ER0", "fire(2) F AY1 R", "a.m. EY1 EH1 M", "choir K W AY1 ER0 # sung", "liar L AY1 ER0"]
    (tmp_path / "cmudict.dict").write_text("\n".join(lines), "utf-8")
    lexicon = read(tmp_path)
    assert lexicon["fire"] == [("F", "AY1", "ER0"), ("F", "AY1", "R")]
    assert set(lexicon) == {"fire", "choir", "liar"}
    assert pronunciation_lines(lexicon, {"fire": "t"}).splitlines()[1].startswith("fire\tt")
    assert rhyme_lines(lexicon, {"fire": "t"}).splitlines() == [f"{encode(('AY', 'R'))}\tfire choir liar"]


def test_the_spelling_model_shares_phones_among_letters() -> None:
    taught = "ship shop fish wish dash cash sham sash pin pan pad nip nap map tap tip ten net pet dish"
    lexicon = {word: [one.phones for one in pronunciations(word)] for word in taught.split()}
    for word, pairs in zip(lexicon, pairs_of(lexicon), strict=True):
        assert "".join(letter for letter, _ in pairs) == word
        assert tuple(phone for _, phones in pairs for phone in phones) == lexicon[word][0]
