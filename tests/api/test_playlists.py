"""Playlists, feedback and moods."""

import httpx
import pytest

from tests.api.conftest import Json, assert_problem


def test_a_kept_playlist_is_the_one_that_was_answered(client: httpx.Client, playlist: Json) -> None:
    kept = client.get(playlist["links"]["playlist"]).json()
    assert [track["id"] for track in kept["tracks"]] == [track["id"] for track in playlist["playlist"]["tracks"]]
    assert kept["explanation"] == playlist["playlist"]["explanation"]
    assert kept["text"] == "I feel calm"
    assert kept["id"] in {item["id"] for item in client.get("/playlists?limit=100").json()["items"]}


def test_feedback_is_kept_in_order(client: httpx.Client, playlist: Json) -> None:
    path = f"{playlist['links']['playlist']}/feedback"
    track = playlist["playlist"]["tracks"][0]["id"]
    first = client.post(path, json={"rating": 5, "comment": "Just right"})
    assert first.status_code == 201
    client.post(path, json={"reaction": "skip", "track_id": track})
    kept = client.get(path).json()["items"]
    assert [(item["rating"], item["reaction"], item["track_id"]) for item in kept] == [
        (5, None, None),
        (None, "skip", track),
    ]


@pytest.mark.parametrize(
    ("feedback", "status"),
    [
        ({}, 422),
        ({"track_id": "x"}, 422),
        ({"rating": 6}, 422),
        ({"rating": 0}, 422),
        ({"reaction": "shrug"}, 422),
        ({"comment": " "}, 422),
        ({"comment": "x" * 2001}, 422),
        ({"rating": 3, "track_id": "not-in-it"}, 404),
    ],
)
def test_feedback_that_says_nothing_usable_is_refused(
    client: httpx.Client, playlist: Json, feedback: Json, status: int
) -> None:
    answer = client.post(f"{playlist['links']['playlist']}/feedback", json=feedback)
    assert_problem(answer, status, "unfit" if status == 422 else "not-found")


def test_a_deleted_playlist_takes_its_feedback_along(client: httpx.Client) -> None:
    path = client.post("/recommend", json={"text": "wide awake", "count": 1}).json()["links"]["playlist"]
    client.post(f"{path}/feedback", json={"rating": 1})
    assert client.delete(path).status_code == 204
    assert_problem(client.get(path), 404, "not-found")
    assert_problem(client.get(f"{path}/feedback"), 404, "not-found")


def test_moods_are_kept_over_time(client: httpx.Client, playlist: Json) -> None:
    entries = client.get("/moods?limit=100").json()["items"]
    mine = next(entry for entry in entries if entry["run_id"] == playlist["run_id"])
    assert mine["text"] == "I feel calm"
    assert mine["mood"]["feeling"] == playlist["mood"]["feeling"]
    assert [entry["id"] for entry in entries] == sorted((entry["id"] for entry in entries), reverse=True)
