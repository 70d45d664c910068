"""Syllables of a line, its beats, and the measure of a section."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from songwright.meter import count_syllables, fits, measure, stress
from songwright.sound import syllable_counts, words


@pytest.mark.parametrize(
    ("line", "best"),
    [
        ("Amazing grace! how sweet the sound", 8),
        ("That saved a wretch like me", 6),
        ("And every hour I think of you", 8),
        ("The heavens declare thy glory, Lord", 8),
        ("Glorious things of thee are spoken", 8),
        ("Many a flower is born to blush unseen", 9),
        ("Full many a flower is born to blush unseen", 10),
        ("The fire is burning in the hall", 8),
        ("I'm gonna make him an offer he can't refuse", 12),
        ("Hallelujah", 4),
        ("", 0),
        ("…", 0),
    ],
)
def test_the_best_count_of_a_line(line: str, best: int) -> None:
    assert count_syllables(line).best == best


@pytest.mark.parametrize(
    ("line", "beats"),
    [
        ("Shall I compare thee to a summer's day?", "x/x/x/x/x/"),
        ("Tyger Tyger, burning bright", "/x/x/x/"),
        ("There was an Old Man with a beard", "x/xx/xx/"),
        ("The woods are lovely, dark and deep", "x/x/x/x/"),
        ("I wandered lonely as a cloud", "x/x/x/x/"),
        ("understand", "/x/"),
    ],
)
def test_the_beats_of_a_line(line: str, beats: str) -> None:
    assert stress(line) == beats


def test_a_line_fits_every_count_it_can_be_sung_with() -> None:
    line = "The wandering winds of heaven blow"
    assert fits(line, 8)
    assert not fits(line, 12)
    assert [count for count in range(20) if fits(line, count)] == list(count_syllables(line).counts)


_SUNG = (
    "our hour the fire heaven every glorious trembling i walked eternal many a blessed night love and of "
    "wandering flower you hallelujah blorptastic 'til runnin' th' tonight 1999"
)
SUNG = st.lists(st.sampled_from(_SUNG.split()), max_size=14).map(" ".join)


@given(SUNG)
def test_the_syllables_of_a_line_lie_within_the_sums_of_its_words(line: str) -> None:
    counted = count_syllables(line)
    said = words(line)
    elidable = sum(word in ("the", "many") for word in said)  # th'eternal, many a
    least = sum(min(syllable_counts(word)) for word in said) - elidable
    most = sum(max(syllable_counts(word)) for word in said)
    assert counted.best in counted.counts
    assert least <= counted.counts[0] <= counted.counts[-1] <= most
    assert list(counted.counts) == sorted(set(counted.counts))


@given(SUNG)
def test_beats_are_one_a_syllable_for_every_count(line: str) -> None:
    counted = count_syllables(line)
    assert len(stress(line)) == counted.best
    assert all(len(stress(line, count)) == count for count in counted.counts)
    assert set(stress(line)) <= {"/", "x"}


@given(st.text())
def test_any_text_can_be_counted(text: str) -> None:
    counted = count_syllables(text)
    assert counted.best in counted.counts
    assert len(stress(text)) == counted.best


def test_a_long_text_is_counted_too() -> None:
    counted = count_syllables("every hour of heaven " * 500)
    assert counted.counts[0] < counted.best < counted.counts[-1]
    assert len(stress("every hour of heaven " * 500)) == counted.best


def test_the_measure_of_a_section() -> None:
    lines = [
        "I walk alone through morning light",
        "The kitchen's cold, the lamp is bright",
        "",
        "And nobody is singing",
    ]
    first, second, empty, last = measure(lines)
    assert (first.syllables, first.stress, first.rhyme, first.grade, first.partner) == (
        8,
        "x/x/x/x/",
        "A",
        "perfect",
        None,
    )
    assert (second.rhyme, second.partner) == ("A", 0)
    assert (empty.syllables, empty.syllable_set, empty.stress, empty.rhyme) == (0, (0,), "", None)
    assert last.rhyme is None
    assert last.grade is None


def test_a_line_that_may_be_sung_as_its_neighbours_is() -> None:
    lines = [
        "The hour is late, the road is long",
        "I hear you sing",
        "Our fire is low, the wind is strong",
        "I hear it ring",
    ]
    counts = [line.syllables for line in measure(lines)]
    assert counts == [8, 4, 8, 4]


@given(st.lists(st.one_of(SUNG, st.text(max_size=30)), max_size=8))
def test_any_section_can_be_measured(lines: list[str]) -> None:
    for line, measured in zip(lines, measure(lines), strict=True):
        assert measured.syllables in measured.syllable_set
        assert len(measured.stress) == measured.syllables
        assert measured.syllable_set == count_syllables(line).counts
