"""Schemathesis reads the OpenAPI document and finds no answer that it does not promise."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, seed, settings
from schemathesis import checks
from schemathesis.specs.openapi import checks as openapi_checks

from api.app import create_app
from songwright.settings import AppSettings
from tests.api.conftest import SHORT_SONG, WAIT_S, served_settings, serving

CHECKS: list[Any] = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]
ANY_PACE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.fixture(scope="module")
def hasty_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """A server of its own, which hardly waits for what it starts."""
    hasty = served_settings(
        tmp_path_factory.mktemp("described"),
        app=AppSettings(wait_s=0.1, drain_s=0.5, heartbeat_s=0.2),  # pyright: ignore[reportCallIssue]
    )
    with serving(hasty) as url:
        yield url


schema: Any = schemathesis.openapi.from_dict(create_app(served_settings(Path())).openapi())


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # Schemathesis does, in its strategies
@schema.parametrize()
@seed(20260801)
@settings(max_examples=15, deadline=None, database=None, suppress_health_check=ANY_PACE)
def test_no_answer_is_undocumented(case: Any, hasty_url: str) -> None:
    case.call_and_validate(base_url=hasty_url, checks=CHECKS, timeout=WAIT_S)


def test_real_answers_keep_what_the_document_promises(hasty_url: str) -> None:
    with httpx.Client(base_url=hasty_url, timeout=WAIT_S) as client:
        patient = {"prefer": f"wait={WAIT_S:.0f}"}
        song = client.post("/generate", json=SHORT_SONG, headers=patient)
        playlist = client.post("/recommend", json={"text": "calm", "count": 2}, headers=patient)
        waiting = client.post("/generate", json={**SHORT_SONG, "review_plan": True}, headers=patient)
        assert (song.status_code, playlist.status_code, waiting.status_code) == (200, 200, 202)
        run, lyrics, listed = song.json()["run_id"], song.json()["lyrics"]["id"], playlist.json()["playlist"]["id"]
        step = client.get(f"/runs/{run}/steps").json()["items"][0]["id"]
        client.post(f"/playlists/{listed}/feedback", json={"rating": 4})
        told = {"/generate": [song, waiting], "/recommend": [playlist]}
        for path, answers in told.items():
            for answer in answers:
                schema[path]["POST"].validate_response(answer)
        for path, at in (
            ("/runs/{run_id}", f"/runs/{run}"),
            ("/runs/{run_id}", f"/runs/{waiting.json()['run_id']}"),
            ("/runs/{run_id}/events", f"/runs/{run}/events"),
            ("/runs/{run_id}/steps", f"/runs/{run}/steps"),
            ("/runs/{run_id}/steps/{step_id}", f"/runs/{run}/steps/{step}"),
            ("/runs/{run_id}/checkpoints", f"/runs/{run}/checkpoints"),
            ("/lyrics/{lyrics_id}", f"/lyrics/{lyrics}"),
            ("/lyrics/{lyrics_id}/versions", f"/lyrics/{lyrics}/versions"),
            ("/playlists/{playlist_id}", f"/playlists/{listed}"),
            ("/playlists/{playlist_id}/feedback", f"/playlists/{listed}/feedback"),
            *(
                (path, path)
                for path in ("/runs", "/lyrics", "/playlists", "/moods", "/health/info", "/problems", "/")
            ),
        ):
            answer = client.get(at, headers={"accept": "application/json"})
            assert answer.status_code == 200, at
            schema[path]["GET"].validate_response(answer)
