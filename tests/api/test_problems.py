"""No input makes a 500: each fault is a problem with a page, a sentence and a pointer."""

import json
from typing import Any

import httpx
import pytest

import agents.models
from api.problems import KINDS
from songwright.errors import SongwrightError
from tests.api.conftest import assert_problem

JSON = {"content-type": "application/json"}
DEEP = json.loads("[" * 100 + "]" * 100)


def family(error: type[SongwrightError]) -> list[type[SongwrightError]]:
    return [error, *(member for child in error.__subclasses__() for member in family(child))]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/prompt"),
        ({"prompt": ""}, "/prompt"),
        ({"prompt": "   \n\t "}, "/prompt"),
        ({"prompt": "\u200b\u200b"}, "/prompt"),
        ({"prompt": None}, "/prompt"),
        ({"prompt": 7}, "/prompt"),
        ({"prompt": ["a"]}, "/prompt"),
        ({"prompt": "x" * 8001}, "/prompt"),
        ({"prompt": "a\0b"}, "/prompt"),
        ({"prompt": "a\ud800b"}, "/prompt"),
        ({"prompt": "x", "genre": ""}, "/genre"),
        ({"prompt": "x", "genre": "  "}, "/genre"),
        ({"prompt": "x", "genre": "x" * 101}, "/genre"),
        ({"prompt": "x", "genre": "a\0"}, "/genre"),
        ({"prompt": "x", "genre": "folk\nrock"}, "/genre"),
        ({"prompt": "x", "mood": "\u00a0"}, "/mood"),
        ({"prompt": "x", "theme": "\udfff"}, "/theme"),
        ({"prompt": "x", "structure": "verse, kazoo"}, "/structure"),
        ({"prompt": "x", "structure": ""}, "/structure"),
        ({"prompt": "x", "structure": []}, "/structure"),
        ({"prompt": "x", "structure": ["verse"] * 17}, "/structure"),
        ({"prompt": "x", "structure": [7]}, "/structure"),
        ({"prompt": "x", "structure": {"a": 1}}, "/structure"),
        ({"prompt": "x", "rhyme": ""}, "/rhyme"),
        ({"prompt": "x", "rhyme": "A B"}, "/rhyme"),
        ({"prompt": "x", "rhyme": "A" * 17}, "/rhyme"),
        ({"prompt": "x", "syllables": 2}, "/syllables"),
        ({"prompt": "x", "syllables": 17}, "/syllables"),
        ({"prompt": "x", "syllables": 4.5}, "/syllables"),
        ({"prompt": "x", "language": "not a tag"}, "/language"),
        ({"prompt": "x", "seed": -1}, "/seed"),
        ({"prompt": "x", "seed": 2**63}, "/seed"),
        ({"prompt": "x", "model": ""}, "/model"),
        ({"prompt": "x", "model": "no such model"}, "/model"),
        ({"prompt": "x", "model": "nobody:knows-it"}, "/model"),
        ({"prompt": "x", "on_disconnect": "explode"}, "/on_disconnect"),
        ({"prompt": "x", "unknown": 1}, "/unknown"),
        ({"prompt": "x", "a/b~\ud800": 1}, "/a~1b~0\\ud800"),
        ({"prompt": "x", "genre": DEEP}, "/genre" + "/0" * 32),
        ([], ""),
        ("prompt", ""),
        (None, ""),
    ],
)
def test_a_song_request_that_cannot_be_used_is_pointed_at(client: httpx.Client, body: Any, pointer: str) -> None:
    answer = client.post("/generate", content=json.dumps(body), headers=JSON)
    problem = assert_problem(answer, 422, "unfit")
    assert pointer in {fault["pointer"] for fault in problem["errors"]}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"text": ""}, "/text"),
        ({"text": "x" * 8001}, "/text"),
        ({"text": "calm", "count": 0}, "/count"),
        ({"text": "calm", "count": -5}, "/count"),
        ({"text": "calm", "count": 101}, "/count"),
        ({"text": "calm", "arc": "sideways"}, "/arc"),
        ({"text": "calm", "catalogue": "nowhere"}, "/catalogue"),
        ({"text": "calm", "seed_tracks": ["x"] * 101}, "/seed_tracks"),
        ({"text": "calm", "exclude": [""]}, "/exclude/0"),
        ({"text": "calm", "exclude": "a"}, "/exclude"),
        ({"text": "calm", "context": {"temperature_c": 1000}}, "/context/temperature_c"),
        ({"text": "calm", "context": {"temperature_c": float("nan")}}, "/context/temperature_c"),
        ({"text": "calm", "context": {"weather": "a\0"}}, "/context/weather"),
        ({"text": "calm", "context": {"shoes": "red"}}, "/context/shoes"),
        ({"text": "calm", "model": "huggingface:anything"}, "/model"),
    ],
)
def test_a_playlist_request_that_cannot_be_used_is_pointed_at(client: httpx.Client, body: Any, pointer: str) -> None:
    answer = client.post("/recommend", content=json.dumps(body), headers=JSON)
    problem = assert_problem(answer, 422, "unfit")
    assert pointer in {fault["pointer"] for fault in problem["errors"]}


@pytest.mark.parametrize("content", [b"{", b'{"prompt": "x"', b"prompt=x", b"{'prompt': 'x'}", b'{"prompt": "x"} x'])
def test_broken_json_is_refused_with_its_place(client: httpx.Client, content: bytes) -> None:
    problem = assert_problem(client.post("/generate", content=content, headers=JSON), 422, "unfit")
    assert "no JSON text" in problem["errors"][0]["detail"]


@pytest.mark.parametrize("content", [b"\xff\xfe", b'{"prompt": "\xff"}', b"[" * 100_000, b'{"seed": ' + b"9" * 5000])
def test_a_body_that_cannot_be_read_is_refused(client: httpx.Client, content: bytes) -> None:
    answer = client.post("/generate", content=content, headers=JSON)
    assert answer.status_code in (400, 422)
    assert_problem(answer, answer.status_code, "unreadable" if answer.status_code == 400 else "unfit")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": ""},
        {"content-type": "application/json", "content-encoding": "gzip"},
    ],
)
@pytest.mark.parametrize("path", ["/generate", "/recommend"])
def test_another_media_type_is_refused(client: httpx.Client, path: str, headers: dict[str, str]) -> None:
    answer = client.post(path, content=b'{"prompt": "x"}', headers=headers)
    assert_problem(answer, 415, "unsupported-media-type")


def test_an_empty_body_is_missing_its_prompt(client: httpx.Client) -> None:
    assert_problem(client.post("/generate"), 422, "unfit")


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/generate", 405, "method-not-allowed"),
        ("PUT", "/lyrics", 405, "method-not-allowed"),
        ("TRACE", "/", 405, "method-not-allowed"),
        ("GET", "/nowhere", 404, "not-found"),
        ("GET", "/runs/", 404, "not-found"),
        ("GET", "/docs/static/../app.py", 404, "not-found"),
        ("GET", "/docs/static/%2e%2e/app.py", 404, "not-found"),
        ("GET", "/docs/static/nothing.js", 404, "not-found"),
    ],
)
def test_an_address_that_does_not_answer_says_so(
    client: httpx.Client, method: str, path: str, status: int, slug: str
) -> None:
    answer = client.request(method, path)
    assert_problem(answer, status, slug)
    assert ("allow" in answer.headers) == (status == 405)


def test_every_type_of_problem_has_its_page_in_both_forms(client: httpx.Client) -> None:
    assert agents.models  # its errors belong to the family too
    slugs = {error.slug for error in family(SongwrightError)}
    assert slugs <= KINDS.keys()
    for slug in KINDS:
        told = client.get(f"/problems/{slug}").json()
        assert told["type"] == f"/problems/{slug}"
        assert told["meaning"]
        assert told["remedy"]
        page = client.get(f"/problems/{slug}", headers={"accept": "text/html"})
        assert page.headers["content-type"].startswith("text/html")
        assert f"<h1>{told['title']}</h1>" in page.text
    assert {kind["type"] for kind in client.get("/problems").json()["items"]} == {f"/problems/{s}" for s in KINDS}
