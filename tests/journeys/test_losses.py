"""What a user sees when things die: the server by SIGKILL, the model's server mid-song."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.process import Event, served
from tests.ollama_server import LittleOllama, Script

BRIEF = {"prompt": "leaving my home town at dawn", "genre": "folk", "structure": "verse, chorus, verse", "seed": 5}


def slow_model(ollama: LittleOllama) -> dict[str, str]:
    """Settings that let the scripted model write, slowly enough to be interrupted."""
    return {"OLLAMA_HOST": f"127.0.0.1:{ollama.port}", "SONGWRIGHT_MODELS__MODEL": "ollama:llama3.2"}


def text_told(events: list[Event]) -> dict[str, str]:
    """Each section's text as a client shows it: tokens of a step that was restarted are dropped."""
    told: dict[str, str] = {}
    for _, kind, data in events:
        if kind == "step_restarted" and data["step"] == "lyric_generation":
            for section in str(data["label"]).split(", "):
                told.pop(section, None)
        if kind == "token":
            told[data["section"]] = told.get(data["section"], "") + data["text"]
    return told


@pytest.mark.parametrize("tokens_before_death", [1, 12])
def test_killed_while_it_writes_the_song_goes_on_and_a_reader_misses_nothing(
    tmp_path: Path, tokens_before_death: int
) -> None:
    with LittleOllama(default=Script(token_s=0.02)) as ollama:
        with served(tmp_path, **slow_model(ollama)) as server:
            seen: list[Event] = []
            tokens = 0
            for event in server.stream("POST", "/generate", json=BRIEF):
                seen.append(event)
                tokens += event[1] == "token"
                if tokens == tokens_before_death:
                    server.kill()
                    break
        run_id = seen[0][2]["run_id"]
        with served(tmp_path, **slow_model(ollama)) as server:
            headers = {"Last-Event-ID": str(seen[-1][0])}
            rest = list(server.stream("GET", f"/runs/{run_id}/events", headers=headers))
            whole = [*seen, *rest]
            assert [event[0] for event in whole] == list(range(1, len(whole) + 1))
            assert whole == list(server.stream("GET", f"/runs/{run_id}/events"))
            assert whole[-1][1] == "run_finished"
            song = whole[-1][2]["lyrics"]
            told = text_told(whole)
            for section in song["sections"]:
                if section["name"] in told:
                    written = next(
                        d for _, k, d in reversed(whole) if k == "section_written" and d["section"] == section["name"]
                    )
                    assert told[section["name"]].split() == " ".join(written["lines"]).split()
            steps: list[dict[str, Any]] = server.client.get(f"/runs/{run_id}/steps").json()["items"]
            finished = Counter((step["node"], step["label"]) for step in steps if step["status"] == "succeeded")
            assert set(finished.values()) == {1}, "a step whose writes were committed ran again"
            assert any(step["status"] == "lost" for step in steps)
            assert server.client.get("/lyrics").json()["items"][0]["id"] == song["id"]
            assert len(server.client.get("/lyrics").json()["items"]) == 1


def test_a_model_that_dies_mid_song_leaves_a_song_and_says_who_wrote_what(tmp_path: Path) -> None:
    with LittleOllama(default=Script(token_s=0.01)) as ollama:
        ollama.script(Script(), Script(), Script(die_after=6))  # mood, plan, then the first section kills it
        with served(tmp_path, **slow_model(ollama)) as server:
            events = list(server.stream("POST", "/generate", json=BRIEF))
            assert [event[0] for event in events] == list(range(1, len(events) + 1))
            result = events[-1][2]
            assert events[-1][1] == "run_finished", json.dumps(result)
            assert result["degraded"] is True
            assert any(reason["step"] == "lyric_generation" for reason in result["degraded_reasons"])
            assert all("Ollama" in r["reason"] or "ollama" in r["reason"] for r in result["degraded_reasons"])
            assert result["lyrics"]["text"].strip()
            authors = {line["author"] for section in result["lyrics"]["sections"] for line in section["lines"]}
            assert authors == {"embedded"}
            steps: list[dict[str, Any]] = server.client.get(f"/runs/{result['run_id']}/steps").json()["items"]
            failed = [step for step in steps if step["status"] == "failed"]
            assert failed
            assert all(step["error"] for step in failed)


def test_the_models_tokens_are_streamed_and_counted(tmp_path: Path) -> None:
    with LittleOllama(default=Script(token_s=0.005)) as ollama, served(tmp_path, **slow_model(ollama)) as server:
        events = list(server.stream("POST", "/generate", json=BRIEF))
        result = events[-1][2]
        assert events[-1][1] == "run_finished", json.dumps(result)
        assert result["writer"] == {"provider": "ollama", "model": "llama3.2"}
        steps: list[dict[str, Any]] = server.client.get(f"/runs/{result['run_id']}/steps").json()["items"]
        writing = [step for step in steps if step["node"] == "lyric_generation" and step["status"] == "succeeded"]
        assert writing
        for step in writing:
            assert step["model"] == "llama3.2"
            assert step["tokens_in"] > 0
            assert step["tokens_out"] > 0
            assert step["first_token_ms"] > 0
        tokens = [data for _, kind, data in events if kind == "token"]
        assert len(tokens) > len(writing) * 4, "a model's tokens come one by one, not by the section"


def test_a_model_that_refuses_everything_is_stood_in_for(tmp_path: Path) -> None:
    """It answers that it holds the model, and fails every question."""
    with LittleOllama(default=Script(status=500)) as ollama, served(tmp_path, **slow_model(ollama)) as server:
        for path, body in (("/generate", BRIEF), ("/recommend", {"text": "calm me down", "count": 5})):
            answer = server.client.post(path, json=body)
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert told["degraded"] is True
            assert told["writer"]["provider"] == "embedded"


def test_a_models_reading_of_a_mood_is_remembered(tmp_path: Path) -> None:
    with LittleOllama() as ollama, served(tmp_path, **slow_model(ollama)) as server:
        asked: list[int] = []
        for _ in range(2):
            answer = server.client.post("/recommend", json={"text": "calm me down", "count": 3})
            assert answer.json()["degraded"] is False
            asked.append(len(ollama.chats))
        assert asked[1] - asked[0] == asked[0] - 1  # the second time it was not asked for the mood again
