"""Kept songs: read, edited by a person, measured anew, versions kept."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.api.conftest import SHORT_SONG, Json, assert_problem


@pytest.fixture
def mine(client: httpx.Client) -> Json:
    """A song of this test's own, as it is kept."""
    made = client.post("/generate", json={**SHORT_SONG, "structure": "verse, chorus, verse, chorus"}).json()
    return client.get(made["links"]["lyrics"]).json()


def path_of(song: Json) -> str:
    return f"/lyrics/{song['id']}"


def test_a_kept_song_is_the_one_that_was_answered(client: httpx.Client, song: Json) -> None:
    answer = client.get(song["links"]["lyrics"])
    kept = answer.json()
    assert kept["text"] == song["lyrics"]["text"]
    assert kept["sections"] == song["lyrics"]["sections"]
    assert (kept["version"], kept["status"], kept["writer"]) == (1, "draft", song["writer"])
    assert answer.headers["etag"] == '"1"'
    assert kept["id"] in {item["id"] for item in client.get("/lyrics?limit=100").json()["items"]}


def test_an_edited_line_is_the_persons_and_is_measured_anew(client: httpx.Client, mine: Json) -> None:
    line = mine["sections"][0]["lines"][0]
    edited = client.patch(path_of(mine), json={"lines": [{"id": line["id"], "text": "Go"}], "note": "shorter"}).json()
    changed = edited["sections"][0]["lines"][0]
    assert (changed["text"], changed["author"], changed["syllables"], changed["stress"]) == ("Go", "person", 1, "/")
    assert edited["sections"][0]["lines"][1]["author"] == "embedded"
    assert edited["version"] == 2
    assert edited["text"].startswith("Go\n")
    assert (edited["author"], edited["note"]) == ("person", "shorter")
    versions = client.get(f"{path_of(mine)}/versions").json()["items"]
    assert [version["number"] for version in versions] == [1, 2]
    assert client.get(path_of(mine), params={"version": 1}).json()["text"] == mine["text"]


def test_a_line_of_the_chorus_changes_wherever_it_is_sung(client: httpx.Client, mine: Json) -> None:
    chorus = mine["sections"][1]["lines"][0]
    edited = client.patch(path_of(mine), json={"lines": [{"id": chorus["id"], "text": "Sing it again"}]}).json()
    assert [section["lines"][0]["text"] for section in edited["sections"][1::2]] == ["Sing it again"] * 2


def test_whole_sections_can_be_put_in(client: httpx.Client, mine: Json) -> None:
    first = mine["sections"][0]["lines"][0]
    wanted = [
        {"name": "Verse", "kind": "verse", "lines": [{"id": first["id"], "text": first["text"]}, {"text": "And on"}]},
    ]
    edited = client.patch(path_of(mine), json={"sections": wanted}).json()
    kept, new = edited["sections"][0]["lines"]
    assert (kept["id"], kept["author"]) == (first["id"], "embedded")
    assert (new["author"], new["syllables"]) == ("person", 2)
    assert edited["text"] == f"{first['text']}\nAnd on"


def test_a_title_changes_without_a_new_version(client: httpx.Client, mine: Json) -> None:
    edited = client.patch(path_of(mine), json={"title": "Mine", "status": "published"}).json()
    assert (edited["title"], edited["status"], edited["version"]) == ("Mine", "published", 1)


def test_a_stale_edit_is_refused(client: httpx.Client, mine: Json) -> None:
    line = mine["sections"][0]["lines"][0]
    change = {"lines": [{"id": line["id"], "text": "First come"}]}
    assert client.patch(path_of(mine), json=change, headers={"if-match": '"1"'}).status_code == 200
    late = {"lines": [{"id": line["id"], "text": "Too late"}]}
    assert_problem(client.patch(path_of(mine), json=late, headers={"if-match": '"1"'}), 412, "stale")
    assert_problem(client.patch(path_of(mine), json={**late, "version": 1}), 409, "conflict")
    assert client.patch(path_of(mine), json=late, headers={"if-match": '"2"'}).json()["version"] == 3


def test_edits_at_the_same_moment_lose_no_version(client: httpx.Client, mine: Json) -> None:
    line = mine["sections"][0]["lines"][0]["id"]

    def edit(number: int) -> int:
        change = {"lines": [{"id": line, "text": f"Number {number}"}]}
        return client.patch(path_of(mine), json=change).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(edit, range(8)))
    assert set(answers) <= {200, 409}
    versions = client.get(f"{path_of(mine)}/versions").json()["items"]
    assert [version["number"] for version in versions] == list(range(1, answers.count(200) + 2))


@pytest.mark.parametrize(
    ("edit", "pointer"),
    [
        ({}, ""),
        ({"title": "  "}, "/title"),
        ({"title": "x" * 201}, "/title"),
        ({"status": "burnt"}, "/status"),
        ({"lines": [{"id": "nobody", "text": "x"}]}, "/lines/0/id"),
        ({"lines": []}, "/lines"),
        ({"lines": [{"text": "x"}]}, "/lines/0/id"),
        ({"lines": [{"id": "a", "text": "\n"}]}, "/lines/0/text"),
        ({"lines": [{"id": "a", "text": "one\ntwo"}]}, "/lines/0/text"),
        ({"sections": [{"name": "V", "kind": "solo", "lines": [{"text": "x"}]}]}, "/sections/0/kind"),
        (
            {"sections": [{"name": "V", "kind": "verse", "lines": [{"id": "no", "text": "x"}]}]},
            "/sections/0/lines/0/id",
        ),
        ({"title": "x", "author": "me"}, "/author"),
        ({"sections": [{"name": "V", "kind": "verse", "lines": [{"text": "x" * 200}] * 40}] * 2}, ""),
    ],
)
def test_an_edit_that_cannot_be_made_is_pointed_at(
    client: httpx.Client, song: Json, edit: Json, pointer: str
) -> None:
    body = assert_problem(client.patch(song["links"]["lyrics"], json=edit), 422, "unfit")
    assert body["errors"][0]["pointer"] == pointer


def test_a_deleted_song_is_gone_with_its_versions(client: httpx.Client, mine: Json) -> None:
    assert client.delete(path_of(mine)).status_code == 204
    assert_problem(client.get(path_of(mine)), 404, "not-found")
    assert_problem(client.get(f"{path_of(mine)}/versions"), 404, "not-found")
    assert_problem(client.delete(path_of(mine)), 404, "not-found")
