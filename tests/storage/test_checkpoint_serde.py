"""Whatever state holds comes back equal, and nothing that was not allowed comes back as an object."""

import dataclasses
import types
from collections import deque
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot  # pyright: ignore[reportPrivateUsage]
from langgraph.types import Command, Interrupt, Overwrite, Send
from structlog.testing import capture_logs

import songwright.song
from songwright.song import Line, Section, SectionKind, Span, Writer
from storage.checkpoint_serde import strict_serde, words_of

WORDS = words_of(songwright.song)
SERDE = strict_serde()
VERSE = Section("Verse 1", SectionKind.VERSE, (Line("a", "one", "person"), Line("b", "two", "model")))


def anything_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type hint that msgpack can hold: integers of 64 bits, no NaN (which equals nothing)."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is int:
        return st.integers(-(2**63), 2**64 - 1)
    if hint is float:
        return st.floats(allow_nan=False)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        return st.one_of([anything_of(argument) for argument in arguments])
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(anything_of(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(anything_of(argument) for argument in arguments))
    if origin is Mapping:
        return st.dictionaries(anything_of(arguments[0]), anything_of(arguments[1]), max_size=3)
    if dataclasses.is_dataclass(hint):
        return words(hint)  # pyright: ignore[reportArgumentType]
    return st.from_type(hint)


def words(word: type[Any]) -> st.SearchStrategy[Any]:
    """Values of a dataclass, from the hints of its fields."""
    return st.builds(word, **{name: anything_of(hint) for name, hint in get_type_hints(word).items()})


def there_and_back(value: Any) -> Any:
    return SERDE.loads_typed(SERDE.dumps_typed(value))


def test_every_word_is_allowed() -> None:
    assert {word.__name__ for word in WORDS} >= {
        "Brief",
        "Mood",
        "Plan",
        "Song",
        "Verdict",
        "Playlist",
        "SectionKind",
    }


@pytest.mark.parametrize("word", [w for w in WORDS if dataclasses.is_dataclass(w)], ids=lambda word: word.__name__)
@given(data=st.data())
def test_a_dataclass_comes_back_equal_wherever_it_stands(word: type[Any], data: st.DataObject) -> None:
    value = data.draw(words(word))

    back = there_and_back(value)
    assert back == value
    assert type(back) is word
    assert there_and_back({"deep": [(value, {"er": value})]}) == {"deep": [(value, {"er": value})]}


@pytest.mark.parametrize("kind", [w for w in WORDS if issubclass(w, StrEnum)], ids=lambda kind: kind.__name__)
def test_an_enum_comes_back_as_itself(kind: type[StrEnum]) -> None:
    assert [there_and_back(member) is member for member in kind] == [True] * len(kind)


@pytest.mark.parametrize(
    "value",
    [
        (),
        (1, (2, [3, (4,)])),
        [(1,), {"a": (2,)}],
        {(1, "a"): {(1, 2)}},
        frozenset({("a", 1)}),
        deque([(1,)]),
        None,
        b"bytes",
        {1: None, "b": True},
        2**64 - 1,
        datetime(2026, 8, 1, 12, tzinfo=UTC),
        date(2026, 8, 1),
        timedelta(seconds=1.5),
        uuid4(),
        Decimal("1.10"),
        Send("write", {"targets": ("Verse 1",), "section": VERSE}),
        Command(update={"kept": (VERSE,)}, goto=("a", "b"), resume={"id": ("yes",)}),
        Interrupt(value={"plan": (VERSE,)}, id="i"),
        Overwrite((1, 2)),
        AIMessage("hello", id="m"),
        _DeltaSnapshot([(VERSE,)]),
    ],
    ids=repr,
)
def test_other_values_of_state_come_back_equal(value: Any) -> None:
    back = there_and_back(value)

    assert back == value
    assert type(back) is type(value)


def test_what_is_left_to_langgraph_comes_back_too() -> None:
    assert there_and_back({"vector": np.arange(3)})["vector"].tolist() == [0, 1, 2]
    assert there_and_back(Path("/a/b")) == Path("/a/b")
    assert there_and_back(ValueError("no")) == "ValueError('no')"
    with pytest.raises(TypeError, match="not msgpack serializable"):
        SERDE.dumps_typed(object())


def test_langgraphs_own_bytes_are_read() -> None:
    theirs = JsonPlusSerializer(allowed_msgpack_modules=WORDS)

    assert SERDE.loads_typed(theirs.dumps_typed(Writer("embedded", "bank"))) == Writer("embedded", "bank")


def test_our_bytes_are_read_by_langgraph_with_tuples_as_lists() -> None:
    theirs = JsonPlusSerializer(allowed_msgpack_modules=WORDS)

    read = theirs.loads_typed(SERDE.dumps_typed({"span": Span(0, 1, 0.5), "pair": (1, 2)}))

    assert read == {"span": Span(0, 1, 0.5), "pair": [1, 2]}


@dataclasses.dataclass(frozen=True)
class Stranger:
    """A type of nobody's."""

    secret: tuple[int, ...]


def test_a_stranger_comes_back_as_bare_fields_and_is_logged() -> None:
    with capture_logs() as logs:
        back = there_and_back(Stranger((1,)))

    assert back == {"secret": (1,)}
    assert [(entry["event"], entry["type"]) for entry in logs] == [
        ("checkpoint_type_refused", f"{__name__}.Stranger")
    ]


def test_an_allow_list_can_grow_without_changing_the_one_it_grew_from() -> None:
    wider = SERDE.with_msgpack_allowlist([(__name__, "Stranger")])
    body = SERDE.dumps_typed(Stranger((1,)))

    assert wider.loads_typed(body) == Stranger((1,))
    assert not isinstance(SERDE.loads_typed(body), Stranger)
    assert strict_serde([Stranger]).loads_typed(body) == Stranger((1,))
    assert wider.with_msgpack_allowlist([Stranger]) is wider


class _Reversing:
    """A cipher for tests: bytes backwards."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "reversed", plaintext[::-1]

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        return ciphertext[::-1]


def test_an_allow_list_grows_inside_an_encrypting_serializer() -> None:
    saver = BaseCheckpointSaver[str](serde=EncryptedSerializer(_Reversing(), strict_serde()))

    wider = saver.with_allowlist({(__name__, "Stranger")}).serde

    kind, body = wider.dumps_typed(Stranger((1,)))
    assert kind == "msgpack+reversed"
    assert wider.loads_typed((kind, body)) == Stranger((1,))


def test_a_word_whose_fields_have_changed_comes_back_as_bare_fields_and_is_logged() -> None:
    body = SERDE.dumps_typed(Writer("embedded", "bank"))[1].replace(b"provider", b"supplier")

    with capture_logs() as logs:
        back = SERDE.loads_typed(("msgpack", body))

    assert back == {"supplier": "embedded", "model": "bank"}
    assert [(entry["event"], entry["type"]) for entry in logs] == [
        ("checkpoint_type_changed", "songwright.song.Writer")
    ]
