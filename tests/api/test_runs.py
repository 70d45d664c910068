"""Runs: listed by keyset, looked into, deleted."""

from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.api.conftest import (
    SHORT_SONG,
    STREAM,
    Json,
    assert_problem,
    calling,
    events_of,
    followed,
    served_settings,
)


def test_lists_page_by_keyset_while_rows_are_added(tmp_path: Path) -> None:
    with calling(served_settings(tmp_path)) as client:
        ids = [
            client.post("/generate", json={**SHORT_SONG, "seed": seed}, headers={"prefer": "respond-async"}).json()[
                "run_id"
            ]
            for seed in range(5)
        ]
        first = client.get("/runs", params={"limit": 2})
        assert [run["id"] for run in first.json()["items"]] == ids[:-3:-1]
        client.post("/generate", json=SHORT_SONG)
        link = first.headers["link"]
        assert link.endswith('; rel="next"')
        second = client.get(link[1 : link.index(">")])
        assert [run["id"] for run in second.json()["items"]] == [ids[2], ids[1]]
        last = client.get("/runs", params={"limit": 2, "cursor": second.json()["next"]})
        assert [run["id"] for run in last.json()["items"]] == [ids[0]]
        assert last.json()["next"] is None
        assert "link" not in last.headers
        for run_id in ids:
            followed(client, run_id)
        assert {run["status"] for run in client.get("/runs?status=succeeded").json()["items"]} == {"succeeded"}
        assert client.get("/runs?status=failed").json()["items"] == []


@pytest.mark.parametrize("query", ["cursor=zzz", "cursor=%00", "limit=0", "limit=101", "limit=x", "status=asleep"])
def test_a_page_that_cannot_be_is_refused(client: httpx.Client, query: str) -> None:
    body = assert_problem(client.get(f"/runs?{query}"), 422, "unfit")
    assert body["errors"][0]["in"] == "query"


def test_a_run_keeps_what_went_in_and_what_came_out(client: httpx.Client, song: Json) -> None:
    run = client.get(f"/runs/{song['run_id']}").json()
    assert run["status"] == "succeeded"
    assert run["input"]["brief"]["prompt"] == SHORT_SONG["prompt"]
    assert run["result"]["lyrics"] == song["lyrics"]
    assert run["links"] == {name: song["links"][name] for name in ("run", "trace", "events")}


def test_every_step_is_told_with_its_payloads(client: httpx.Client, song: Json) -> None:
    steps = client.get(song["links"]["trace"]).json()["items"]
    nodes = [step["node"] for step in steps]
    assert {"coordinator", "mood_analysis", "lyric_planning", "lyric_generation", "lyric_evaluation"} <= set(nodes)
    assert {step["status"] for step in steps} == {"succeeded"}
    planning = next(step for step in steps if step["node"] == "lyric_planning")
    whole = client.get(f"{song['links']['trace']}/{planning['id']}").json()
    assert whole["step"] == planning
    assert whole["input"]["brief"]["prompt"] == SHORT_SONG["prompt"]
    assert whole["output"]["plan"]["title"] == song["lyrics"]["title"]
    assert whole["calls"][0]["messages"]


def test_checkpoints_lead_from_the_last_state_to_the_first(client: httpx.Client, song: Json) -> None:
    checkpoints = client.get(f"/runs/{song['run_id']}/checkpoints").json()["items"]
    assert [checkpoint["step"] for checkpoint in checkpoints] == list(range(len(checkpoints) - 2, -2, -1))
    assert checkpoints[0]["next"] == []
    assert checkpoints[-1]["source"] == "input"
    assert checkpoints[-1]["parent_id"] is None
    for later, earlier in pairwise(checkpoints):
        assert later["parent_id"] == earlier["checkpoint_id"]
    assert {"brief", "plan", "song", "verdict"} <= checkpoints[0]["values"].keys()


def test_events_come_as_a_page_where_json_is_asked_for(client: httpx.Client, song: Json) -> None:
    whole = followed(client, song["run_id"])
    page = client.get(f"{song['links']['events']}?after=2", headers={"accept": "application/json"}).json()
    assert [(e["seq"], e["type"], e["data"]) for e in page["items"]] == whole[2:]
    assert page["status"] == "succeeded"
    assert page["next"] is None


def test_events_stream_to_whoever_names_no_form(client: httpx.Client, song: Json) -> None:
    with client.stream("GET", song["links"]["events"]) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert list(events_of(answer))[-1][1] == "run_finished"


@pytest.mark.parametrize("last", ["-1", "x", "99999999999"])
def test_an_event_number_that_cannot_be_is_refused(client: httpx.Client, song: Json, last: str) -> None:
    answer = client.get(song["links"]["events"], headers={**STREAM, "last-event-id": last})
    assert_problem(answer, 422, "unfit")


def test_deleting_a_run_leaves_what_it_made(client: httpx.Client) -> None:
    made = client.post("/generate", json={**SHORT_SONG, "seed": 99}).json()
    run, song = made["links"]["run"], made["links"]["lyrics"]
    assert client.delete(run).status_code == 204
    for path in (run, f"{run}/events", f"{run}/steps", f"{run}/checkpoints"):
        assert_problem(client.get(path, headers={"accept": "application/json"}), 404, "not-found")
    assert_problem(client.delete(run), 404, "not-found")
    kept = client.get(song).json()
    assert kept["text"] == made["lyrics"]["text"]
    assert kept["run_id"] is None


def test_a_run_that_waits_for_a_person_is_cancelled_before_it_is_deleted(client: httpx.Client) -> None:
    waiting = client.post("/generate", json={**SHORT_SONG, "review_plan": True}).json()
    run = waiting["links"]["run"]
    assert_problem(client.delete(run), 409, "conflict")
    assert client.post(f"{run}/cancel").json()["status"] == "cancelled"
    assert_problem(client.post(f"{run}/resume", json={"value": {"accept": True}}), 409, "conflict")
    assert client.delete(run).status_code == 204


@pytest.mark.parametrize(
    "path",
    [
        "/runs/{}",
        "/runs/{}/events",
        "/runs/{}/steps",
        "/runs/{}/checkpoints",
        "/runs/{}/steps/{}",
        "/lyrics/{}",
        "/lyrics/{}/versions",
        "/playlists/{}",
        "/playlists/{}/feedback",
        "/problems/{}",
    ],
)
@pytest.mark.parametrize(
    "unknown", ["01a1fa7f-0000-7000-8000-000000000000", "x", "%00", "%F0%9F%8E%B5", "%ED%A0%80", "'; drop", "9" * 500]
)
def test_an_id_that_names_nothing_is_not_found(client: httpx.Client, path: str, unknown: str) -> None:
    answer = client.get(path.replace("{}", unknown), headers={"accept": "application/json"})
    assert_problem(answer, 404, "not-found")
