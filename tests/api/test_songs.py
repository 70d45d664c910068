"""POST /generate and /recommend: JSON, 202 and streams; keys, preferences, disconnects."""

import asyncio
from pathlib import Path

import httpx
import pytest

from songwright.settings import AppSettings, ModelSettings, Settings
from tests.api.conftest import (
    SHORT_SONG,
    STREAM,
    WAIT_S,
    Json,
    assert_problem,
    calling,
    events_of,
    followed,
    served_settings,
)
from tests.ollama_server import LittleOllama, Script

CLOSING = ("run_finished", "run_failed", "interrupted")


def test_a_song_has_the_shape_that_clients_rely_on(song: Json) -> None:
    assert song["status"] == "succeeded"
    assert song["seed"] == 7
    sections = song["lyrics"]["sections"]
    assert [section["kind"] for section in sections] == ["verse", "chorus"]
    for line in (line for section in sections for line in section["lines"]):
        assert line["text"]
        assert len(line["stress"]) == line["syllables"]
        assert line["rhyme"] is None or line["rhyme"].isalpha()
    assert song["lyrics"]["text"] == "\n\n".join("\n".join(li["text"] for li in s["lines"]) for s in sections)
    assert 0 <= song["scores"]["overall"] <= 1
    assert {"rhyme", "meter"} <= song["scores"].keys()
    assert song["writer"] == {"provider": "embedded", "model": "songwright-bank"}
    assert song["degraded"] is False
    assert {"run", "trace", "events"} <= song["links"].keys()
    assert 0 <= song["mood"]["valence"]["low"] <= song["mood"]["valence"]["high"] <= 1


def test_a_playlist_has_the_shape_that_clients_rely_on(playlist: Json) -> None:
    assert playlist["status"] == "succeeded"
    assert len(playlist["playlist"]["tracks"]) == 5
    for track in playlist["playlist"]["tracks"]:
        assert {"id", "title", "artist", "valence", "energy", "reason"} <= track.keys()
    assert playlist["playlist"]["explanation"]
    assert isinstance(playlist["context_effects"], list)


def test_equal_seeds_give_equal_songs_and_a_chosen_seed_is_told(client: httpx.Client) -> None:
    body = {**SHORT_SONG, "prompt": "Quartz zephyrs vexing jukeboxes"}
    first = client.post("/generate", json=body).json()
    client.delete(first["links"]["lyrics"])  # a kept song that resembles the prompt takes part in the next one
    again = client.post("/generate", json=body).json()
    assert again["lyrics"]["text"] == first["lyrics"]["text"]
    assert again["run_id"] != first["run_id"]
    unseeded = client.post("/generate", json={"prompt": "Rain", "structure": ["verse"]}).json()
    assert 0 <= unseeded["seed"] < 2**31


def test_every_answer_names_its_run(client: httpx.Client) -> None:
    answer = client.post("/generate", json=SHORT_SONG)
    run_id = answer.json()["run_id"]
    assert answer.headers["x-songwright-run"] == run_id
    assert answer.headers["link"] == f'</runs/{run_id}>; rel="trace"'


@pytest.mark.parametrize("prefer", ["respond-async", "wait=0", "handling=lenient, respond-async"])
def test_a_client_that_will_not_wait_is_told_where_to_look(client: httpx.Client, prefer: str) -> None:
    answer = client.post("/generate", json=SHORT_SONG, headers={"prefer": prefer})
    assert answer.status_code == 202
    body = answer.json()
    assert answer.headers["location"] == f"/runs/{body['run_id']}"
    assert answer.headers["preference-applied"] in prefer
    assert followed(client, body["run_id"])[-1][1] == "run_finished"
    assert client.get(answer.headers["location"]).json()["status"] == "succeeded"


def test_a_stream_is_numbered_without_a_gap_and_ends_with_the_result(client: httpx.Client) -> None:
    with client.stream("POST", "/generate", json=SHORT_SONG, headers=STREAM) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in answer.headers
        events = list(events_of(answer))
    assert [seq for seq, _, _ in events] == list(range(1, len(events) + 1))
    assert events[0][1] == "run_started"
    assert events[-1][1] == "run_finished"
    assert {data["run_id"] for _, _, data in events} == {answer.headers["x-songwright-run"]}
    assert events[-1][2]["lyrics"]["text"]
    assert {"token", "section_written", "verdict"} <= {kind for _, kind, _ in events}


def test_a_stream_can_be_taken_up_after_any_event(client: httpx.Client, song: Json) -> None:
    whole = followed(client, song["run_id"])
    for index in range(len(whole) + 1):
        assert followed(client, song["run_id"], after=index) == whole[index:]
    with client.stream("GET", f"/runs/{song['run_id']}/events?after=3", headers=STREAM) as answer:
        assert list(events_of(answer)) == whole[3:]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/event-stream;q=0.1, application/json", "application/json"),
        ("application/json;q=0.2, text/*;q=0.7", "text/event-stream"),
        ("application/json;q=0, */*", "text/event-stream"),
    ],
)
def test_the_accept_header_decides_the_form(client: httpx.Client, accept: str, kind: str) -> None:
    body = {"text": "calm", "count": 1}
    with client.stream("POST", "/recommend", json=body, headers={"accept": accept}) as answer:
        answer.read()
    assert answer.headers["content-type"].partition(";")[0] == kind


def test_a_form_that_does_not_exist_starts_no_run(client: httpx.Client) -> None:
    before = client.get("/runs?limit=1").json()["items"]
    answer = client.post("/generate", json=SHORT_SONG, headers={"accept": "image/png"})
    assert_problem(answer, 406, "not-acceptable")
    assert client.get("/runs?limit=1").json()["items"] == before


def test_an_idempotency_key_names_one_run_in_every_form(client: httpx.Client) -> None:
    key = {"idempotency-key": "a-key-of-mine"}
    first = client.post("/generate", json=SHORT_SONG, headers=key).json()
    again = client.post("/generate", json=dict(reversed(SHORT_SONG.items())), headers=key).json()
    assert again == first
    with client.stream("POST", "/generate", json=SHORT_SONG, headers={**key, **STREAM}) as answer:
        assert answer.headers["x-songwright-run"] == first["run_id"]
        assert list(events_of(answer))[-1][2]["lyrics"] == first["lyrics"]
    other = client.post("/generate", json={**SHORT_SONG, "seed": 8}, headers=key)
    assert_problem(other, 409, "conflict")
    assert_problem(client.post("/generate", json=SHORT_SONG, headers={"idempotency-key": "two words"}), 422, "unfit")


def test_a_plan_is_reviewed_by_a_person_before_the_song_is_written(client: httpx.Client) -> None:
    waiting = client.post("/generate", json={**SHORT_SONG, "review_plan": True})
    assert waiting.status_code == 202
    body = waiting.json()
    assert body["status"] == "interrupted"
    assert body["interrupts"][0]["value"]["title"]
    run = f"/runs/{body['run_id']}"
    refused = client.post(f"{run}/resume", json={"value": {"title": 7}})
    assert assert_problem(refused, 422, "unfit")["errors"][0]["pointer"].startswith("/value")
    resumed = client.post(f"{run}/resume", json={"value": {"title": "Slow Bus"}})
    assert resumed.status_code == 202
    assert resumed.headers["location"] == run
    assert followed(client, body["run_id"])[-1][1] in CLOSING
    assert client.get(run).json()["result"]["lyrics"]["title"] == "Slow Bus"
    assert_problem(client.post(f"{run}/resume", json={"value": {}}), 409, "conflict")


def slow_settings(tmp_path: Path, ollama: LittleOllama, *, wait_s: float = 30) -> Settings:
    """A service whose model can be held in the middle of a word."""
    return served_settings(
        tmp_path,
        ollama_host=ollama.url,
        models=ModelSettings(model="ollama:llama3.2"),  # pyright: ignore[reportCallIssue]
        app=AppSettings(heartbeat_s=0.1, drain_s=5, wait_s=wait_s),  # pyright: ignore[reportCallIssue]
    )


async def leave(url: str, body: Json, form: str, ollama: LittleOllama) -> None:
    """Ask for a song, and go once the model has begun."""
    async with httpx.AsyncClient(base_url=url, timeout=WAIT_S) as hasty:
        asking = asyncio.create_task(hasty.post("/generate", json=body, headers={"accept": form}))
        await ollama.until(lambda server: any(chat.sent for chat in server.chats))
        asking.cancel()
        await asyncio.wait({asking})


@pytest.mark.parametrize("form", ["application/json", "text/event-stream"])
@pytest.mark.parametrize(("wish", "status"), [("cancel", "cancelled"), ("continue", "succeeded")])
async def test_a_client_that_leaves_ends_its_run_only_if_it_said_so(
    tmp_path: Path, form: str, wish: str, status: str
) -> None:
    held = Script(hold_after=1)
    with LittleOllama(default=held) as ollama, calling(slow_settings(tmp_path, ollama)) as client:
        await leave(str(client.base_url), {**SHORT_SONG, "on_disconnect": wish}, form, ollama)
        run_id = client.get("/runs").json()["items"][0]["id"]
        if wish == "continue":
            assert client.get(f"/runs/{run_id}").json()["status"] == "running"
            ollama.release(100)
        last = followed(client, run_id)[-1]
        assert last[1] == "run_finished"
        assert client.get(f"/runs/{run_id}").json()["status"] == status


async def test_an_idle_stream_carries_comments_and_a_long_wait_becomes_202(tmp_path: Path) -> None:
    with (
        LittleOllama(default=Script(hold_after=1)) as ollama,
        calling(slow_settings(tmp_path, ollama, wait_s=0.3)) as client,
    ):
        waited = client.post("/generate", json=SHORT_SONG)
        assert (waited.status_code, waited.json()["status"]) == (202, "running")
        run_id = waited.json()["run_id"]
        with client.stream("GET", f"/runs/{run_id}/events", headers=STREAM) as answer:
            assert any(line == ": heartbeat" for line in answer.iter_lines())
        ended = client.post(f"/runs/{run_id}/cancel")
        assert ended.json()["status"] == "cancelled"
        assert client.post(f"/runs/{run_id}/cancel").json()["status"] == "cancelled"


async def test_only_so_many_streams_are_open_at_once(tmp_path: Path) -> None:
    with LittleOllama(default=Script(hold_after=1)) as ollama, calling(slow_settings(tmp_path, ollama)) as client:
        run_id = client.post("/generate", json=SHORT_SONG, headers={"prefer": "respond-async"}).json()["run_id"]
        path = f"/runs/{run_id}/events"
        with (
            client.stream("GET", path, headers=STREAM) as first,
            client.stream("GET", path, headers=STREAM) as second,
            client.stream("GET", path, headers=STREAM) as third,
        ):
            assert {first.status_code, second.status_code, third.status_code} == {200}
            full = client.post("/generate", json=SHORT_SONG, headers=STREAM)
            assert_problem(full, 503, "overworked")
            assert int(full.headers["retry-after"]) > 0
        assert len(client.get("/runs").json()["items"]) == 1
        client.post(f"/runs/{run_id}/cancel")
        assert followed(client, run_id)[-1][2]["status"] == "cancelled"
